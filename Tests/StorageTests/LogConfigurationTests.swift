import KafkaWire
import Testing

@testable import Storage

@Suite("Log configuration")
struct LogConfigurationTests {
    @Test("without values it has Kafka's defaults")
    func defaults() throws {
        let configuration = try LogConfiguration(topicConfigurations: [:])
        #expect(configuration == LogConfiguration())
        #expect(configuration.segmentBytes == 1_073_741_824)
        #expect(configuration.retentionMilliseconds == 604_800_000)
        #expect(configuration.maxMessageBytes == 1_048_588)
    }

    @Test("what it prints it reads")
    func roundTrip() throws {
        var configuration = LogConfiguration()
        configuration.segmentBytes = 77_777
        configuration.flushMessages = 1
        configuration.cleanupPolicy = [.compact, .delete]
        configuration.messageTimestampType = .logAppendTime
        #expect(try LogConfiguration(topicConfigurations: configuration.topicConfigurations) == configuration)
        #expect(configuration.topicConfigurations["cleanup.policy"] == "compact,delete")
    }

    @Test("a topic's values go over the broker's defaults")
    func overrides() throws {
        var broker = LogConfiguration()
        broker.retentionBytes = 5
        let topic = try LogConfiguration(topicConfigurations: ["retention.ms": " -1 "], defaults: broker)
        #expect(topic.retentionBytes == 5)
        #expect(topic.retentionMilliseconds == -1)
    }

    @Test(
        "a value outside its limits is refused with key, value and limits",
        arguments: [
            ("segment.bytes", "13", "an integer from 14 to 2147483647"),
            ("segment.bytes", "2147483648", "an integer from 14 to 2147483647"),
            ("retention.ms", "-2", "an integer from -1 to 9223372036854775807"),
            ("flush.messages", "0", "an integer from 1 to 9223372036854775807"),
            ("segment.ms", "7d", "an integer from 1 to 9223372036854775807"),
            ("message.timestamp.type", "createtime", "CreateTime or LogAppendTime"),
            ("cleanup.policy", "delete,", "delete, compact or compact,delete"),
            ("min.cleanable.dirty.ratio", "1.1", "a number from 0 to 1"),
            ("compression.type", "brotli", "producer, uncompressed, gzip, snappy, lz4 or zstd"),
            ("compression.lz4.level", "0", "an integer from 1 to 17"),
            ("compression.gzip.level", "0", "an integer from 1 to 9, or -1"),
            ("remote.storage.enable", "true", "false"),
        ])
    func invalid(key: String, value: String, allowed: String) {
        let error = #expect(throws: LogConfigurationError.self) {
            try LogConfiguration(topicConfigurations: [key: value])
        }
        #expect(
            error?.description
                == "invalid value \"\(value)\" for topic configuration \"\(key)\": must be \(allowed)")
        #expect(error?.errorCode == .invalidConfig)
    }

    @Test("a key that Kafka's topics do not have is refused, one without effect here is checked and passed over")
    func unknownKey() throws {
        #expect(throws: LogConfigurationError.unknownKey("retention.hours")) {
            try LogConfiguration(topicConfigurations: ["retention.hours": "1"])
        }
        for definition in LogConfiguration.definitions
        where LogConfiguration.keysWithoutEffect.contains(definition.name) {
            let values = [definition.name: definition.defaultValue]
            #expect(try LogConfiguration(topicConfigurations: values) == LogConfiguration())
        }
        #expect(throws: LogConfigurationError.self) {
            try LogConfiguration(topicConfigurations: ["preallocate": "maybe"])
        }
    }

    @Test("every definition has a name of its own, a sentence, and a default that it takes itself")
    func definitions() throws {
        let all = LogConfiguration.definitions
        #expect(Set(all.map(\.name)).count == all.count && all.map(\.name) == all.map(\.name).sorted())
        for definition in all {
            #expect(definition.documentation.hasSuffix("."), "\(definition.name)")
            #expect(
                try LogConfiguration(topicConfigurations: [definition.name: definition.defaultValue])
                    == LogConfiguration(), "\(definition.name)")
        }
        let policy = try #require(all.first { $0.name == "cleanup.policy" })
        #expect(policy.type == .list && policy.defaultValue == "delete" && policy.synonyms == ["log.cleanup.policy"])
        let ratio = try #require(all.first { $0.name == "min.cleanable.dirty.ratio" })
        #expect(ratio.type == .double && ratio.defaultValue == "0.5")
        let bytes = try #require(all.first { $0.name == "max.message.bytes" })
        #expect(bytes.type == .int && bytes.synonyms == ["message.max.bytes"])
    }

    @Test("the older limit on timestamps holds where the newer ones have their defaults")
    func timestampLimits() throws {
        var configuration = LogConfiguration()
        #expect(configuration.timestampLimits == (.max, 3_600_000))
        try configuration.set("message.timestamp.difference.max.ms", to: "50")
        #expect(configuration.timestampLimits == (50, 50))
        try configuration.set("message.timestamp.after.max.ms", to: "7")
        #expect(configuration.timestampLimits == (50, 7))
    }

    @Test("the least time before compaction is not above the most")
    func compactionLags() {
        let error = #expect(throws: LogConfigurationError.self) {
            try LogConfiguration(
                topicConfigurations: ["min.compaction.lag.ms": "9", "max.compaction.lag.ms": "8"])
        }
        #expect(error?.description.contains("at most max.compaction.lag.ms, 8") == true)
    }
}
