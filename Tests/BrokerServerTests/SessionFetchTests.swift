import KafkaMessages
import KafkaWire
import NIOCore
import NIOPosix
import Testing
import TestSupport

@testable import BrokerServer

@Suite("Fetches of one session, and one that another overtakes", .timeLimit(.minutes(5)))
struct SessionFetchTests {
    /// A session that watches one partition, with a record that no fetch has told of yet; the session's first fetch
    /// is the one of the returned epoch.
    private func withSession(
        _ body: @Sendable (FetchSession, TopicTable, _ epoch: Int32) async throws -> Void
    ) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            _ = try await connection.produce(batch(["a"]), to: "t")
            let session = FetchSession(id: 1, usesTopicIDs: false, isPrivileged: false, now: 0)
            let topics = broker.broker.topics
            let partition = FetchRequest.FetchPartition(partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20)
            let first = FetchRequest(
                sessionId: 1, sessionEpoch: 0, topics: [.init(topic: "t", partitions: [partition])])
            try await body(session, topics, session.begin(first, usesTopicIDs: false, topics: topics, now: 0))
            session.close()
        }
    }

    private func begin(_ session: FetchSession, after epoch: Int32, _ topics: TopicTable) throws -> Int32 {
        try session.begin(
            FetchRequest(sessionId: 1, sessionEpoch: epoch), usesTopicIDs: false, topics: topics, now: 0)
    }

    private func readings(_ work: [FetchSession.Work]) -> [FetchSession.Reading] {
        work.map { .init(work: $0, data: .init(highWatermark: 1)) }
    }

    @Test("a partition that has more is looked at again by every fetch, also where that is no news to the client")
    func hasMore() async throws {
        try await withSession { session, topics, epoch in
            let told = try session.tell(readings(session.takeWork(topics, epoch: epoch)), epoch: epoch)
            #expect(told.count == 1)
            let next = try begin(session, after: epoch, topics)
            let taken = readings(session.takeWork(topics, epoch: next))
            #expect(taken.count == 1)
            session.putBack(taken, epoch: next)
            #expect(session.takeWork(topics, epoch: next).count == 1)
        }
    }

    @Test("takes nothing from the one that goes on")
    func takesNothing() async throws {
        try await withSession { session, topics, epoch in
            let next = try begin(session, after: epoch, topics)
            #expect(session.takeWork(topics, epoch: epoch).isEmpty)
            #expect(session.takeWork(topics, epoch: next).count == 1)
        }
    }

    @Test("leaves what it had taken, and wakes the one that goes on and waits", arguments: [false, true])
    func handsOver(putsBack: Bool) async throws {
        try await withSession { session, topics, epoch in
            let taken = readings(session.takeWork(topics, epoch: epoch))
            #expect(taken.count == 1)
            let next = try begin(session, after: epoch, topics)
            #expect(session.takeWork(topics, epoch: next).isEmpty)
            async let waited: Void = session.waitForMore(
                1, epoch: next, atMost: .hours(1), on: MultiThreadedEventLoopGroup.singleton.any())
            try await eventually("the next one waits") { session.isWaitedFor }
            if putsBack {
                session.putBack(taken, epoch: epoch)
            } else {
                #expect(throws: FetchSessionError.invalidEpoch) { try session.tell(taken, epoch: epoch) }
            }
            await waited
            #expect(session.takeWork(topics, epoch: next).count == 1)
        }
    }

    @Test("leaves what it had taken to one that is about to wait")
    func aboutToWait() async throws {
        try await withSession { session, topics, epoch in
            let taken = readings(session.takeWork(topics, epoch: epoch))
            let next = try begin(session, after: epoch, topics)
            #expect(session.takeWork(topics, epoch: next).isEmpty)
            #expect(throws: FetchSessionError.invalidEpoch) { try session.tell(taken, epoch: epoch) }
            await session.waitForMore(
                1, epoch: next, atMost: .hours(1), on: MultiThreadedEventLoopGroup.singleton.any())
            #expect(session.takeWork(topics, epoch: next).count == 1)
        }
    }

    @Test("does not wait any more, and drives nobody from the wait")
    func waitsNoMore() async throws {
        try await withSession { session, topics, epoch in
            _ = session.takeWork(topics, epoch: epoch)
            _ = try begin(session, after: epoch, topics)
            let loop = MultiThreadedEventLoopGroup.singleton.any()
            await session.waitForMore(1, epoch: epoch, atMost: .hours(1), on: loop)
            #expect(!session.isWaitedFor)
        }
    }
}
