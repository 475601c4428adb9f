import Groups
import KafkaMessages
import KafkaTransport
import KafkaWire
import NIOCore
import TestSupport
import Testing

@testable import BrokerServer

@Suite("Requests of one connection", .timeLimit(.minutes(5)))
struct PipelineTests {
    @Test("responses come in the order of the requests")
    func order() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            for number in Int32(0)..<100 {
                try await connection.send(ApiVersionsRequest(), version: 0, correlationID: number)
            }
            for number in Int32(0)..<100 {
                _ = try await connection.receive(ApiVersionsRequest.self, version: 0, correlationID: number)
            }
        }
    }

    @Test("a produce behind a parked fetch is appended meanwhile, wakes the fetch, and is answered after it")
    func produceBehindFetch() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("wake")
            let fetch = fetchRequest("wake", from: 0, minBytes: 1, maxWait: 600_000)
            try await connection.send(fetch, version: ByName.fetch, correlationID: 1)
            try await connection.send(
                produceRequest(batch(["train"]), to: "wake"), version: ByName.produce, correlationID: 2)
            let fetched = try await connection.receive(FetchRequest.self, version: ByName.fetch, correlationID: 1)
            #expect(try fetched.responses[0].partitions[0].texts == ["train"])
            let produced = try await connection.receive(
                ProduceRequest.self, version: ByName.produce, correlationID: 2)
            #expect(produced.responses[0].partitionResponses[0].baseOffset == 0)
        }
    }

    @Test("large requests behind a parked fetch do not keep the memory that others need to wake it")
    func memoryBehindFetch() async throws {
        try await withBroker(["queued.max.request.bytes": "1048576"]) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("wake")
            try await connection.createTopic("large")
            let fetch = fetchRequest("wake", from: 0, minBytes: 1, maxWait: 600_000)
            try await connection.send(fetch, version: ByName.fetch, correlationID: 1)
            let large = try produceRequest(batch([String(repeating: "x", count: 600_000)]), to: "large")
            for number in Int32(2)...3 {
                try await connection.send(large, version: ByName.produce, correlationID: number)
            }
            let partition = try #require(broker.broker.topics.partition(TopicPartition(topic: "large", partition: 0)))
            try await eventually("both are in the log") { partition.progress.offsets.logEnd == 2 }
            let other = try await broker.connect()
            #expect(try await other.produce(batch(["train"]), to: "wake").errorCode == .none)
            _ = try await connection.receive(FetchRequest.self, version: ByName.fetch, correlationID: 1)
            for number in Int32(2)...3 {
                _ = try await connection.receive(ProduceRequest.self, version: ByName.produce, correlationID: number)
            }
            try await eventually("nothing stays charged") { broker.broker.admission.usedBytes < 100_000 }
        }
    }

    @Test("requests over queued.max.requests wait their turn and are all answered")
    func bound() async throws {
        try await withBroker(["queued.max.requests": "2"]) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("bound")
            let fetch = fetchRequest("bound", from: 0, minBytes: 1, maxWait: 600_000)
            try await connection.send(fetch, version: ByName.fetch, correlationID: 0)
            for number in Int32(1)...20 {
                try await connection.send(ApiVersionsRequest(), version: 0, correlationID: number)
            }
            let other = try await broker.connect()
            _ = try await other.produce(batch(["go"]), to: "bound")
            _ = try await connection.receive(FetchRequest.self, version: ByName.fetch, correlationID: 0)
            for number in Int32(1)...20 {
                _ = try await connection.receive(ApiVersionsRequest.self, version: 0, correlationID: number)
            }
            try await eventually("all memory is given back") { broker.broker.admission.usedBytes == 0 }
        }
    }

    @Test("acks=0 has no response; the next request's comes at once")
    func noAcks() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("quiet")
            try await connection.send(
                produceRequest(batch(["one"]), to: "quiet", acks: 0), version: ByName.produce, correlationID: 5)
            #expect(try await connection.fetch(fetchRequest("quiet", from: 0)).texts == ["one"])
        }
    }

    @Test("a batch with acks=0 that is refused closes the connection")
    func refusedWithoutAcks() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.send(
                produceRequest(batch(["one"]), to: "nowhere", acks: 0), version: ByName.produce)
            #expect(await connection.receiveFrame() == nil)
        }
    }

    @Test("a client that leaves during its fetch leaves nothing behind")
    func goneDuringFetch() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("gone")
            let progress = try #require(broker.broker.topics.partition(TopicPartition(topic: "gone", partition: 0)))
                .progress
            try await connection.send(
                fetchRequest("gone", from: 0, minBytes: 1, maxWait: 600_000), version: ByName.fetch)
            try await eventually("the fetch is parked") { progress.parkedCount == 1 }
            try await connection.close()
            try await eventually("nothing is parked") { progress.parkedCount == 0 }
            try await eventually("nobody is counted") { broker.broker.connections.current == 0 }
            try await eventually("all memory is given back") { broker.broker.admission.usedBytes == 0 }
        }
    }

    @Test("max.connections bounds how many are open, and a place that gets free can be taken")
    func maximumConnections() async throws {
        try await withBroker(["max.connections": "2"]) { broker in
            let first = try await broker.connect()
            let second = try await broker.connect()
            for connection in [first, second] { _ = try await connection.call(ApiVersionsRequest(), version: 0) }
            let third = try await broker.connect()
            #expect(await third.receiveFrame() == nil)
            try await first.close()
            try await eventually("a place is free") { broker.broker.connections.current == 1 }
            let fourth = try await broker.connect()
            #expect(try await fourth.call(ApiVersionsRequest(), version: 0).errorCode == .none)
        }
    }

    @Test("a connection that is silent for connections.max.idle.ms is closed")
    func idle() async throws {
        try await withBroker(["connections.max.idle.ms": "50"]) { broker in
            let connection = try await broker.connect()
            #expect(await connection.receiveFrame() == nil)
        }
    }

    @Test("the broker stops while fetches and joins are parked and half a request is there")
    func stop() async throws {
        try await withBroker(["group.initial.rebalance.delay.ms": "600000"]) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("stop")
            try await connection.send(
                fetchRequest("stop", from: 0, minBytes: 1, maxWait: 600_000), version: ByName.fetch)
            let member = try await broker.connect()
            _ = try await member.call(FindCoordinatorRequest(key: "group"), version: 0)
            try await member.send(
                JoinGroupRequest(
                    groupId: "group", sessionTimeoutMs: 10_000, protocolType: "consumer",
                    protocols: [.init(name: "range")]), version: 1)
            let half = try await broker.connect()
            try await half.send(raw: ByteBuffer(bytes: [0, 0, 1, 0, 1, 2, 3]))
            let progress = try #require(broker.broker.topics.partition(TopicPartition(topic: "stop", partition: 0)))
                .progress
            try await eventually("the fetch is parked") { progress.parkedCount == 1 }
            let groups = broker.broker.coordinators.groups
            try await eventually("the member waits for others") {
                await groups.look { $0.group("group")?.state } == .preparingRebalance
            }
            try await eventually("half a request is there") { broker.broker.admission.partialBytes > 0 }
        }
    }
}

@Suite("A broker that never serves", .timeLimit(.minutes(5)))
struct UnusedBrokerTests {
    @Test("can be let go, and its folder is free again")
    func letGo() async throws {
        try await RestartTests.withFolder { folder in
            let configuration = try BrokerConfiguration(kafka: testSettings(folder: folder))
            do {
                let broker = try await Broker.open(configuration, logger: quietLogger)
                #expect(broker.ports[0] > 0)
            }
            try await withBroker(in: folder) { _ in }
        }
    }
}
