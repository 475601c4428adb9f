import Groups
import KafkaWire
import Storage
import Testing

@testable import BrokerServer

@Suite("Broker configuration")
struct BrokerConfigurationTests {
    @Test("an empty table gives Kafka's defaults")
    func defaults() throws {
        let configuration = try BrokerConfiguration(kafka: [:])
        #expect(configuration.nodeID == 1)
        #expect(configuration.listeners == [Listener(name: "PLAINTEXT", host: "127.0.0.1", port: 9092)])
        #expect(configuration.maximumRequestBytes == 104_857_600)
        #expect(configuration.idleConnectionMilliseconds == 600_000)
        #expect(configuration.groups.offsetsTopicPartitions == 50)
        #expect(configuration.defaultPartitions == 1)
        #expect(configuration.autoCreateTopics)
        #expect(try configuration.logConfiguration(topic: [:]) == LogConfiguration())
    }

    @Test("true and false are taken however they are written, as by Kafka")
    func flags() throws {
        #expect(try !BrokerConfiguration(kafka: ["auto.create.topics.enable": "FALSE"]).autoCreateTopics)
        #expect(try BrokerConfiguration(kafka: ["auto.create.topics.enable": "True"]).autoCreateTopics)
    }

    static let wrong: [([String: String], String)] = [
        (["num.partitons": "6"], "num.partitons: is not a setting of this broker"),
        (["zzz": "1", "aaa": "1"], "aaa: is not a setting of this broker"),
        (["num.partitions": "six"], "num.partitions: 'six' is not a whole number"),
        (["num.partitions": "0"], "num.partitions: 0 is not within 1 and 100000"),
        (["num.partitions": "99999999999"], "num.partitions: '99999999999' is not a whole number"),
        (["node.id": "-1"], "node.id: -1 is not within 0 and 2147483647"),
        (["auto.create.topics.enable": "yes"], "auto.create.topics.enable: 'yes' is neither true nor false"),
        (["log.dirs": "/a,/b"], "log.dirs: takes one folder for now"),
        (["log.dirs": ""], "log.dirs: is empty"),
        (["default.replication.factor": "3"], "default.replication.factor: 3 is not within 1 and 1"),
        (["socket.request.max.bytes": "10"], "socket.request.max.bytes: 10 is not within 1024 and 2147483647"),
        (["queued.max.requests": "0"], "queued.max.requests: 0 is not within 1 and 10000"),
        (["max.connections": "0"], "max.connections: 0 is not within 1 and 1000000"),
        (["connections.max.idle.ms": "-2"], "connections.max.idle.ms: -2 is not within -1 and 2147483647"),
        (["log.segment.bytes": "1"], "log.segment.bytes: '1' is not an integer from 14 to 2147483647"),
        (["log.roll.hours": "0"], "log.roll.hours: '0' is not an integer from 1 to 9223372036854775807"),
        (["log.retention.hours": "ten"], "log.retention.hours: 'ten' is not a whole number"),
        (
            ["log.cleaner.min.compaction.lag.ms": "9", "log.cleaner.max.compaction.lag.ms": "5"],
            "log.cleaner.min.compaction.lag.ms: '9' is not at most max.compaction.lag.ms, 5"
        ),
        (["log.cleanup.policy": "keep"], "log.cleanup.policy: 'keep' is not delete, compact or compact,delete"),
        (
            ["compression.type": "br"],
            "compression.type: 'br' is not producer, uncompressed, gzip, snappy, lz4 or zstd"
        ),
        (
            ["group.min.session.timeout.ms": "20", "group.max.session.timeout.ms": "10"],
            "group.min.session.timeout.ms: is above group.max.session.timeout.ms"
        ),
    ]

    @Test("a setting that cannot be used is told by Kafka's name", arguments: wrong)
    func refused(table: [String: String], message: String) {
        do {
            _ = try BrokerConfiguration(kafka: table)
            Issue.record("\(table) was accepted")
        } catch {
            #expect(error.description == message)
        }
    }

    @Test("of several names for a span of time the most precise one counts")
    func durations() throws {
        let hours = try BrokerConfiguration(kafka: ["log.retention.hours": "2"])
        #expect(try hours.logConfiguration(topic: [:]).retentionMilliseconds == 7200000)
        let both = try BrokerConfiguration(kafka: ["log.retention.hours": "2", "log.retention.minutes": "5"])
        #expect(try both.logConfiguration(topic: [:]).retentionMilliseconds == 300000)
        let all = try BrokerConfiguration(
            kafka: ["log.retention.hours": "2", "log.retention.minutes": "5", "log.retention.ms": "7"])
        #expect(try all.logConfiguration(topic: [:]).retentionMilliseconds == 7)
        let never = try BrokerConfiguration(kafka: ["log.retention.hours": "-1"])
        #expect(try never.logConfiguration(topic: [:]).retentionMilliseconds == -1)
    }

    @Test("every name that is read is listed, so that a configuration file can be checked")
    func names() throws {
        let names = BrokerConfiguration.settingNames
        for name in ["node.id", "listeners", "log.dirs", "log.roll.hours", "group.max.size", "compression.type"] {
            #expect(names.contains(name))
        }
        #expect(!names.contains("num.partitons"))
    }

    @Test("node.id goes over broker.id")
    func nodeID() throws {
        #expect(try BrokerConfiguration(kafka: ["broker.id": "4"]).nodeID == BrokerID(4))
        #expect(try BrokerConfiguration(kafka: ["broker.id": "4", "node.id": "5"]).nodeID == BrokerID(5))
    }
}
