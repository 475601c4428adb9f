import KafkaMessages
import KafkaWire
import Testing

@testable import BrokerServer

@Suite("The APIs that clients need", .timeLimit(.minutes(5)))
struct ProtocolTiersTests {
    /// One API with the versions that a current broker of Kafka answers.
    struct Expected: Sendable, CustomTestStringConvertible {
        let name: String
        let key: Int16
        let versions: ClosedRange<Int16>

        init(_ name: String, _ key: Int16, _ versions: ClosedRange<Int16>) {
            self.name = name
            self.key = key
            self.versions = versions
        }

        var testDescription: String { name }
    }

    /// Every client.
    static let tier0: [Expected] = [
        .init("ApiVersions", 18, 0...4), .init("Metadata", 3, 0...13), .init("Produce", 0, 0...13),
        .init("Fetch", 1, 4...18), .init("ListOffsets", 2, 1...11), .init("FindCoordinator", 10, 0...6),
        .init("JoinGroup", 11, 0...9), .init("SyncGroup", 14, 0...5), .init("Heartbeat", 12, 0...4),
        .init("LeaveGroup", 13, 0...5), .init("OffsetCommit", 8, 2...10), .init("OffsetFetch", 9, 1...10),
        .init("InitProducerId", 22, 0...5),
    ]

    /// Administration, web interfaces, Connect. SaslHandshake and SaslAuthenticate come with authentication.
    static let tier1: [Expected] = [
        .init("CreateTopics", 19, 2...7), .init("DeleteTopics", 20, 1...6), .init("CreatePartitions", 37, 0...3),
        .init("DeleteRecords", 21, 0...2), .init("DescribeConfigs", 32, 1...4), .init("AlterConfigs", 33, 0...2),
        .init("IncrementalAlterConfigs", 44, 0...1), .init("DescribeGroups", 15, 0...6),
        .init("ListGroups", 16, 0...5), .init("DeleteGroups", 42, 0...2), .init("OffsetDelete", 47, 0...0),
        .init("DescribeCluster", 60, 0...2), .init("DescribeTopicPartitions", 75, 0...0),
        .init("DescribeLogDirs", 35, 1...5), .init("OffsetForLeaderEpoch", 23, 2...4),
    ]

    /// Transactions.
    static let tier2: [Expected] = [
        .init("AddPartitionsToTxn", 24, 0...5), .init("AddOffsetsToTxn", 25, 0...4), .init("EndTxn", 26, 0...5),
        .init("TxnOffsetCommit", 28, 0...5), .init("WriteTxnMarkers", 27, 1...2),
        .init("DescribeProducers", 61, 0...0), .init("DescribeTransactions", 65, 0...0),
        .init("ListTransactions", 66, 0...2),
    ]

    /// The next generation of the consumer's protocol (KIP-848).
    static let nextGeneration: [Expected] = [
        .init("ConsumerGroupHeartbeat", 68, 0...1), .init("ConsumerGroupDescribe", 69, 0...1),
    ]

    @Test("every version of every API is served")
    func ranges() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let response = try await connection.call(
                ApiVersionsRequest(clientSoftwareName: "tests", clientSoftwareVersion: "1.0"))
            let answered = Dictionary(
                uniqueKeysWithValues: response.apiKeys.map { ($0.apiKey, $0.minVersion...$0.maxVersion) })
            for expected in Self.tier0 + Self.tier1 + Self.tier2 + Self.nextGeneration {
                #expect(answered[expected.key] == expected.versions, "\(expected.name)")
                #expect(APIKey(rawValue: expected.key).name == expected.name)
            }
        }
    }
}
