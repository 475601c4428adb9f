import KafkaMessages
import KafkaWire
import Testing

@testable import BrokerServer

@Suite("Rules of fetch sessions")
struct FetchSessionRulesTests {
    static let intents: [(Int32, Int32, FetchSessionIntent)] = [
        (0, -1, .sessionless(closing: nil)), (7, -1, .sessionless(closing: 7)), (0, 0, .open(closing: nil)),
        (7, 0, .open(closing: 7)), (7, 1, .incremental(id: 7)), (0, 5, .incremental(id: 0)),
        (7, .max, .incremental(id: 7)),
    ]

    @Test("the two numbers of a fetch say what it wants", arguments: intents)
    func intent(id: Int32, epoch: Int32, intent: FetchSessionIntent) {
        #expect(FetchSessionIntent(sessionID: id, epoch: epoch) == intent)
    }

    @Test("epochs go up and start over at 1")
    func epochs() {
        #expect(FetchSessionIntent.epoch(after: 0) == 1)
        #expect(FetchSessionIntent.epoch(after: .max) == 1)
    }

    typealias Candidate = FetchSessionEviction.Candidate

    private func candidate(
        _ id: Int32, partitions: Int, privileged: Bool = false, age: Int64 = 200_000, idle: Int64 = 0
    ) -> Candidate {
        Candidate(
            id: id, partitions: partitions, isPrivileged: privileged, createdAt: 1_000_000 - age,
            lastUsed: 1_000_000 - idle)
    }

    private func choose(_ partitions: Int, privileged: Bool = false, _ candidates: [Candidate]) -> Int32? {
        FetchSessionEviction(partitions: partitions, isPrivileged: privileged, now: 1_000_000).choose(from: candidates)
    }

    @Test("an idle session goes first, then a smaller one; young and larger ones stay")
    func eviction() {
        let idle = candidate(1, partitions: 900, privileged: true, idle: 120_001)
        let small = candidate(2, partitions: 2)
        let large = candidate(3, partitions: 50)
        #expect(choose(1, [large, idle, small]) == 1)
        #expect(choose(2, [large, small]) == 2)
        #expect(choose(1, [large, small]) == nil)
        #expect(choose(1000, [candidate(4, partitions: 1, age: 1000)]) == nil)
        #expect(choose(1000, []) == nil)
    }

    @Test("a follower's session takes a consumer's place at any age, never the other way")
    func privileged() {
        let young = candidate(1, partitions: 500, age: 10)
        let follower = candidate(2, partitions: 1, privileged: true)
        #expect(choose(1, privileged: true, [young, follower]) == 1)
        #expect(choose(1000, [follower]) == nil)
        #expect(choose(1, privileged: true, [follower]) == 2)
        #expect(choose(1, privileged: true, [candidate(3, partitions: 1, privileged: true, age: 10)]) == nil)
    }

    private func key(_ partition: Int32) -> FetchSessionKey {
        FetchSessionKey(topic: "t", topicID: .zero, partition: partition)
    }

    private func data(
        highWatermark: Int64 = 5, stable: Int64 = 5, start: Int64 = 0, error: ErrorCode = .none
    ) -> FetchResponse.PartitionData {
        .init(
            partitionIndex: 0, errorCode: error, highWatermark: highWatermark, lastStableOffset: stable,
            logStartOffset: start, records: .empty)
    }

    @Test("a partition is told when it is new, when an offset differs, and always with an error")
    func telling() {
        var table = FetchSessionTable<Int>()
        let slot = table.add(key(0), .init(partition: 0), at: 1)
        #expect(table.differs(slot, data()))
        table.tell(slot, data())
        #expect(!table.differs(slot, data()))
        #expect(table.differs(slot, data(highWatermark: 6)))
        #expect(table.differs(slot, data(stable: 4)))
        #expect(table.differs(slot, data(start: 1)))
        #expect(table.differs(slot, data(error: .kafkaStorageError)))
        table.tell(slot, data(error: .kafkaStorageError))
        #expect(table.differs(slot, data()), "after the error everything is told again")
    }

    @Test("the queue holds each changed partition once, in the order of its changes; removed ones leave it")
    func queue() {
        var table = FetchSessionTable<Int>()
        let slots = (0..<4).map { table.add(key($0), .init(partition: $0), at: Int($0)) }
        #expect(table.takeQueued() == slots)
        #expect(table.queuedCount == 0)
        for slot in [2, 0, 2, 1] { table.mark(slots[slot]) }
        #expect(table.remove(key(0)) == 0)
        #expect(table.remove(key(0)) == nil)
        #expect(table.takeQueued() == [slots[2], slots[1]])
        table.mark(slots[0])
        table.mark(99)
        #expect(table.takeQueued() == [], "what is not there is not queued")
        #expect(table.add(key(9), .init(partition: 9), at: 9) == slots[0], "its place is used again")
        table.markAll()
        #expect(table.takeQueued().count == 4)
        #expect(table.removeAll().sorted() == [1, 2, 3, 9] && table.count == 0)
    }
}
