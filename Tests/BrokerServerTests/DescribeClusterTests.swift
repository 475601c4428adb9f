import KafkaMessages
import KafkaWire
import NIOCore
import Storage
import Testing

@testable import BrokerServer

@Suite("DescribeCluster, DescribeTopicPartitions, DescribeLogDirs", .timeLimit(.minutes(5)))
struct DescribeClusterTests {
    @Test("the cluster is this broker, at every version; another kind of endpoint is told apart")
    func cluster() async throws {
        try await withBroker(["cluster.id": "somewhere"]) { broker in
            let connection = try await broker.connect()
            for version in DescribeClusterRequest.versions {
                let response = try await connection.call(
                    DescribeClusterRequest(includeClusterAuthorizedOperations: version == 1), version: version)
                #expect(response.errorCode == .none && response.clusterId == "somewhere")
                #expect(response.controllerId == 1 && response.brokers.map(\.brokerId) == [1])
                #expect(response.brokers[0].host == "127.0.0.1" && response.brokers[0].port == Int32(broker.port))
                #expect((response.clusterAuthorizedOperations == .min) == (version != 1))
            }
            let controllers = try await connection.call(DescribeClusterRequest(endpointType: 2))
            #expect(controllers.errorCode == .mismatchedEndpointType)
            let unknown = try await connection.call(DescribeClusterRequest(endpointType: 7))
            #expect(unknown.errorCode == .unsupportedEndpointType)
            #expect(unknown.errorMessage == "endpoint type 7 is neither 1 (broker) nor 2 (controller)")
        }
    }

    @Test(
        "topics come in pages with a cursor, and together are all partitions once", arguments: [Int32(0), 1, 2, 3, 99])
    func pages(limit: Int32) async throws {
        try await withBroker(["max.request.partition.size.limit": "4"]) { broker in
            let connection = try await broker.connect()
            for (name, count) in [("a", Int32(2)), ("b", 5), ("c", 1)] {
                try await connection.createTopic(name, partitions: count)
            }
            var seen: [String] = []
            var cursor: DescribeTopicPartitionsRequest.Cursor?
            repeat {
                let response = try await connection.call(
                    DescribeTopicPartitionsRequest(responsePartitionLimit: limit, cursor: cursor))
                let page = response.topics.flatMap { topic in
                    topic.partitions.map { "\(topic.name ?? "")-\($0.partitionIndex)" }
                }
                #expect((1...max(1, min(4, Int(limit)))).contains(page.count))
                seen += page
                cursor = response.nextCursor.map { .init(topicName: $0.topicName, partitionIndex: $0.partitionIndex) }
            } while cursor != nil
            #expect(seen == ["a-0", "a-1", "b-0", "b-1", "b-2", "b-3", "b-4", "c-0"])
        }
    }

    @Test("topics that were asked for and are not there are told; a cursor below 0 is refused")
    func asked() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let id = try await connection.createTopic("t")
            let response = try await connection.call(
                DescribeTopicPartitionsRequest(topics: [.init(name: "x"), .init(name: "t"), .init(name: "a b")]))
            #expect(response.topics.map(\.name) == ["a b", "t", "x"])
            #expect(response.topics.map(\.errorCode) == [.invalidTopicException, .none, .unknownTopicOrPartition])
            #expect(response.topics[1].topicId == id && response.topics[1].partitions[0].isrNodes == [1])
            let wrong = try await connection.call(
                DescribeTopicPartitionsRequest(
                    topics: [.init(name: "t")], cursor: .init(topicName: "t", partitionIndex: -1)))
            #expect(wrong.topics.map(\.errorCode) == [.invalidRequest])
        }
    }

    @Test("sizes of partitions and of the disk, at every version")
    func logDirs() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", partitions: 2)
            try await connection.createTopic("u")
            let records = try batch(["x"])
            _ = try await connection.produce(records, to: "t", partition: 1)
            for version in DescribeLogDirsRequest.versions {
                let response = try await connection.call(DescribeLogDirsRequest(topics: nil), version: version)
                let result = try #require(response.results.first)
                #expect(result.errorCode == .none && result.logDir.hasPrefix("/"))
                #expect(result.topics.map(\.name) == ["t", "u"])
                #expect(result.topics[0].partitions.map(\.partitionSize) == [0, Int64(records.readableBytes)])
                #expect(version < 4 ? result.totalBytes == -1 : result.totalBytes >= result.usableBytes)
                #expect(version < 4 || result.usableBytes > 0)
            }
            let some = try await connection.call(
                DescribeLogDirsRequest(topics: [
                    .init(topic: "t", partitions: [1, 9]), .init(topic: "none", partitions: [0]),
                ]))
            #expect(some.results[0].topics.map(\.name) == ["t"])
            #expect(some.results[0].topics[0].partitions.map(\.partitionIndex) == [1])
        }
    }
}
