import KafkaWire
import Testing

@testable import KafkaClient

@Suite("Configuration")
struct ConfigurationTests {
    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("defaults are valid")
    func defaults() throws {
        try KafkaProducerConfiguration(bootstrapServers: ["localhost:9092"]).validate()
        try KafkaConsumerConfiguration(bootstrapServers: ["[::1]:9092"], groupID: "g", topics: ["t"]).validate()
    }

    @Test(
        "addresses that are none are refused with their text",
        arguments: ["", "localhost", "localhost:", ":9092", "localhost:0", "localhost:70000", "a b:1", "::1:9092"])
    func addresses(text: String) {
        let error = message { try KafkaClientConfiguration(bootstrapServers: [text]).validate() }
        #expect(error.contains("bootstrapServers: '\(text)'"))
    }

    @Test("each impossible value is named")
    func producer() {
        typealias Change = (inout KafkaProducerConfiguration) -> Void
        let changes: [(String, Change)] = [
            ("batchSizeBytes", { $0.batchSizeBytes = 0 }),
            ("bufferMemoryBytes", { $0.bufferMemoryBytes = 1 }),
            ("linger", { $0.linger = .seconds(-1) }),
            ("acks", { $0.acks = .leader }),
            ("maxInFlightRequests", { $0.maxInFlightRequests = 6 }),
            ("deliveryTimeout", { $0.deliveryTimeout = .zero }),
            ("clientID", { $0.client.clientID = String(repeating: "x", count: 250) }),
            ("retryBackoffMax", { $0.client.retryBackoffMax = .zero }),
        ]
        for (name, change) in changes {
            var configuration = KafkaProducerConfiguration(bootstrapServers: ["localhost:9092"])
            change(&configuration)
            let error = message { try configuration.validate() }
            #expect(error.contains(name) && error.contains("invalidConfiguration"))
        }
    }

    @Test("a group needs a name, topics and heartbeats that fit its session")
    func group() {
        typealias Change = (inout KafkaGroupConfiguration) -> Void
        let changes: [(String, Change)] = [
            ("groupID", { $0.groupID = "" }), ("topics", { $0.topics = [] }), ("assignors", { $0.assignors = [] }),
            ("heartbeatInterval", { $0.heartbeatInterval = .seconds(20) }),
        ]
        for (name, change) in changes {
            var group = KafkaGroupConfiguration(groupID: "g", topics: ["t"])
            change(&group)
            #expect(message { try group.validate() }.contains(name))
        }
    }

    @Test("assigned mode without a group id has no committed positions and no commits")
    func assigned() {
        let partition = TopicPartition(topic: "t", partition: 0)
        let client = KafkaClientConfiguration(bootstrapServers: ["localhost:9092"])
        var configuration = KafkaConsumerConfiguration(client: client, mode: .assigned([partition: .committed]))
        #expect(message { try configuration.validate() }.contains("committed"))
        configuration.mode = .assigned([partition: .earliest])
        configuration.enableAutoCommit = true
        #expect(message { try configuration.validate() }.contains("enableAutoCommit"))
    }

    @Test("a backoff doubles up to its bound, with at most a fifth of jitter", arguments: 0..<20)
    func backoff(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let rules = BackoffRules(initial: .milliseconds(100), maximum: .seconds(1))
        #expect(rules.delay(failures: 0, using: &random) == .zero)
        for failures in 1...40 {
            let expected = min(Duration.milliseconds(100) * (1 << min(failures - 1, 10)), .seconds(1))
            let delay = rules.delay(failures: failures, using: &random)
            #expect(delay >= expected * 0.79 && delay <= expected * 1.21)
        }
    }
}
