import KafkaMessages
import KafkaWire
import NIOCore
import Testing

// Bytes put together from the protocol guide, field by field, not from this code's own output.

@Suite("Bytes known from the protocol: cluster APIs")
struct ClusterGoldenBytesTests {
    @Test("librdkafka's first request: header version 2 and ApiVersions version 3")
    func apiVersionsRequest() throws {
        try expectGolden(
            RequestHeader(requestApiKey: 18, requestApiVersion: 3, correlationId: 1, clientId: "rdkafka"), 2,
            "0012 0003 00000001 0007 'rdkafka' 00")
        try expectGolden(
            ApiVersionsRequest(clientSoftwareName: "librdkafka", clientSoftwareVersion: "2.3.0"), 3,
            "0b 'librdkafka' 06 '2.3.0' 00")
    }

    @Test("headers: the client id is never compact, a response of version 1 ends with tags")
    func headers() throws {
        try expectGolden(
            RequestHeader(requestApiKey: 3, requestApiVersion: 1, correlationId: 2), 1,
            "0003 0001 00000002 ffff")
        try expectGolden(ResponseHeader(correlationId: 258), 0, "00000102")
        try expectGolden(ResponseHeader(correlationId: 258), 1, "00000102 00")
    }

    @Test("ApiVersions response: fixed and flexible with features in tags")
    func apiVersionsResponse() throws {
        let keys: [ApiVersionsResponse.ApiVersion] = [
            .init(apiKey: 0, minVersion: 0, maxVersion: 9), .init(apiKey: 18, minVersion: 0, maxVersion: 3),
        ]
        try expectGolden(
            ApiVersionsResponse(errorCode: .unsupportedVersion, apiKeys: keys), 0,
            "0023 00000002 0000 0000 0009 0012 0000 0003")
        let feature = ApiVersionsResponse.SupportedFeatureKey(name: "kraft.version", minVersion: 0, maxVersion: 1)
        try expectGolden(
            ApiVersionsResponse(
                apiKeys: [.init(apiKey: 18, minVersion: 0, maxVersion: 4)], supportedFeatures: [feature],
                finalizedFeaturesEpoch: 5), 3,
            "0000 02 0012 0000 0004 00 00000000 02 00 14 02 0e 'kraft.version' 0000 0001 00 01 08 0000000000000005")
    }

    @Test("Metadata request: null for all topics, names, names with ids")
    func metadataRequest() throws {
        try expectGolden(MetadataRequest(topics: nil), 1, "ffffffff")
        try expectGolden(
            MetadataRequest(topics: [.init(name: "t")], allowAutoTopicCreation: false), 4, "00000001 0001 't' 00")
        try expectGolden(
            MetadataRequest(topics: [.init(name: "t")]), 12,
            "02 00000000000000000000000000000000 02 't' 00 01 00 00")
        try expectGolden(
            MetadataRequest(topics: [.init(topicId: goldenID, name: nil)]), 12, "02 \(goldenIDBytes) 00 00 01 00 00")
    }

    @Test("Metadata response: version 1, 12 and the error code of 13")
    func metadataResponse() throws {
        let broker = MetadataResponse.MetadataResponseBroker(nodeId: 1, host: "h", port: 9092)
        var partition = MetadataResponse.MetadataResponsePartition(leaderId: 1, replicaNodes: [1], isrNodes: [1])
        var topic = MetadataResponse.MetadataResponseTopic(name: "t", partitions: [partition])
        try expectGolden(
            MetadataResponse(brokers: [broker], controllerId: 1, topics: [topic]), 1,
            """
            00000001 00000001 0001 'h' 00002384 ffff 00000001 00000001 0000 0001 't' 00
            00000001 0000 00000000 00000001 00000001 00000001 00000001 00000001
            """)
        partition.leaderEpoch = 5
        topic.partitions = [partition]
        topic.topicId = goldenID
        var response = MetadataResponse(brokers: [broker], clusterId: "c", controllerId: 1, topics: [topic])
        let common = """
            00000000 02 00000001 02 'h' 00002384 00 00 02 'c' 00000001 02 0000 02 't' \(goldenIDBytes) 00
            02 0000 00000000 00000001 00000005 02 00000001 02 00000001 01 00 80000000 00
            """
        try expectGolden(response, 12, common + " 00")
        response.errorCode = .rebootstrapRequired
        try expectGolden(response, 13, common + " 0081 00")
    }

    @Test("CreateTopics, DeleteTopics, InitProducerId")
    func topicsAndProducers() throws {
        try expectGolden(
            CreateTopicsRequest(topics: [.init(name: "t", numPartitions: 3, replicationFactor: 1)]), 5,
            "02 02 't' 00000003 0001 01 01 00 0000ea60 00 00")
        try expectGolden(
            CreateTopicsResponse(
                topics: [.init(name: "t", topicId: goldenID, numPartitions: 3, replicationFactor: 1)]), 7,
            "00000000 02 02 't' \(goldenIDBytes) 0000 00 00000003 0001 01 00 00")
        try expectGolden(DeleteTopicsRequest(topicNames: ["t"], timeoutMs: 30000), 1, "00000001 0001 't' 00007530")
        try expectGolden(
            DeleteTopicsRequest(topics: [.init(topicId: goldenID)], timeoutMs: 30000), 6,
            "02 00 \(goldenIDBytes) 00 00007530 00")
        try expectGolden(
            InitProducerIdRequest(transactionTimeoutMs: .max), 4, "00 7fffffff \(minusOne64) ffff 00")
    }
}

@Suite("Bytes known from the protocol: records")
struct RecordGoldenBytesTests {
    private let records = RecordsPayload(ByteBuffer(string: "abc"))

    @Test("Produce request: fixed, flexible, by topic id")
    func produceRequest() throws {
        let partition = ProduceRequest.PartitionProduceData(index: 0, records: records)
        var request = ProduceRequest(
            acks: -1, timeoutMs: 30000, topicData: [.init(name: "t", partitionData: [partition])])
        try expectGolden(request, 3, "ffff ffff 00007530 00000001 0001 't' 00000001 00000000 00000003 'abc'")
        try expectGolden(request, 9, "00 ffff 00007530 02 02 't' 02 00000000 04 'abc' 00 00 00")
        request.topicData = [.init(topicId: goldenID, partitionData: [partition])]
        try expectGolden(request, 13, "00 ffff 00007530 02 \(goldenIDBytes) 02 00000000 04 'abc' 00 00 00")
    }

    @Test("Produce response: record errors, and the new leader in tags")
    func produceResponse() throws {
        try expectGolden(
            ProduceResponse(responses: [
                .init(name: "t", partitionResponses: [.init(baseOffset: 5, logStartOffset: 0)])
            ]), 8,
            """
            00000001 0001 't' 00000001 00000000 0000 0000000000000005 \(minusOne64) 0000000000000000 00000000 ffff
            00000000
            """)
        let moved = ProduceResponse.PartitionProduceResponse(
            errorCode: .notLeaderOrFollower, baseOffset: -1, currentLeader: .init(leaderId: 2, leaderEpoch: 7))
        try expectGolden(
            ProduceResponse(
                responses: [.init(name: "t", partitionResponses: [moved])],
                nodeEndpoints: [.init(nodeId: 2, host: "h", port: 9092)]), 10,
            """
            02 02 't' 02 00000000 0006 \(minusOne64) \(minusOne64) \(minusOne64) 01 00 01 00 09 00000002 00000007 00
            00 00000000 01 00 0d 02 00000002 02 'h' 00002384 00 00
            """)
    }

    @Test("Fetch request: without session, with session and rack, by topic id, with a follower's high watermark")
    func fetchRequest() throws {
        var partition = FetchRequest.FetchPartition(partitionMaxBytes: 0x100000)
        var request = FetchRequest(
            maxWaitMs: 500, minBytes: 1, maxBytes: 0x3200000, topics: [.init(topic: "t", partitions: [partition])])
        try expectGolden(
            request, 4,
            "ffffffff 000001f4 00000001 03200000 00 00000001 0001 't' 00000001 00000000 0000000000000000 00100000")
        try expectGolden(
            request, 11,
            """
            ffffffff 000001f4 00000001 03200000 00 00000000 ffffffff 00000001 0001 't' 00000001
            00000000 ffffffff 0000000000000000 \(minusOne64) 00100000 00000000 0000
            """)
        request.topics = [.init(topicId: goldenID, partitions: [partition])]
        let position = "02 00000000 ffffffff 0000000000000000 ffffffff \(minusOne64) 00100000"
        try expectGolden(
            request, 13,
            """
            ffffffff 000001f4 00000001 03200000 00 00000000 ffffffff 02 \(goldenIDBytes) \(position) 00
            00 01 01 00
            """)
        partition.highWatermark = 9
        request.topics = [.init(topicId: goldenID, partitions: [partition])]
        try expectGolden(
            request, 18,
            """
            000001f4 00000001 03200000 00 00000000 ffffffff 02 \(goldenIDBytes) \(position) 01 01 08 0000000000000009
            00 01 01 00
            """)
    }

    @Test("Fetch response: fixed, and flexible with a diverging epoch")
    func fetchResponse() throws {
        let partition = FetchResponse.PartitionData(highWatermark: 9, lastStableOffset: 9, records: records)
        try expectGolden(
            FetchResponse(responses: [.init(topic: "t", partitions: [partition])]), 4,
            """
            00000000 00000001 0001 't' 00000001 00000000 0000 0000000000000009 0000000000000009 ffffffff
            00000003 'abc'
            """)
        let diverging = FetchResponse.PartitionData(
            highWatermark: 9, divergingEpoch: .init(epoch: 3, endOffset: 9),
            abortedTransactions: [.init(producerId: 1, firstOffset: 2)])
        try expectGolden(
            FetchResponse(responses: [.init(topic: "t", partitions: [diverging])]), 12,
            """
            00000000 0000 00000000 02 02 't' 02 00000000 0000 0000000000000009 \(minusOne64) \(minusOne64)
            02 0000000000000001 0000000000000002 00 ffffffff 00 01 00 0d 00000003 0000000000000009 00 00 00
            """)
    }

    @Test("ListOffsets")
    func listOffsets() throws {
        try expectGolden(
            ListOffsetsRequest(replicaId: -1, topics: [.init(name: "t", partitions: [.init(timestamp: -1)])]), 1,
            "ffffffff 00000001 0001 't' 00000001 00000000 \(minusOne64)")
        try expectGolden(
            ListOffsetsRequest(
                replicaId: -1, topics: [.init(name: "t", partitions: [.init(timestamp: -2)])], timeoutMs: 500), 10,
            "ffffffff 00 02 02 't' 02 00000000 ffffffff fffffffffffffffe 00 00 000001f4 00")
        try expectGolden(
            ListOffsetsResponse(topics: [.init(name: "t", partitions: [.init(offset: 9, leaderEpoch: 2)])]), 4,
            "00000000 00000001 0001 't' 00000001 00000000 0000 \(minusOne64) 0000000000000009 00000002")
    }
}
