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

    @Test("a key that Kafka's topics do not have is refused, one without effect here is not")
    func unknownKey() throws {
        #expect(throws: LogConfigurationError.unknownKey("retention.hours")) {
            try LogConfiguration(topicConfigurations: ["retention.hours": "1"])
        }
        for key in LogConfiguration.keysWithoutEffect {
            #expect(try LogConfiguration(topicConfigurations: [key: "1"]) == LogConfiguration())
        }
    }
}
