import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

@Suite("Leader epochs")
struct LeaderEpochTests {
    private func table(_ entries: [(Int32, Int64)]) -> LeaderEpochTable {
        var table = LeaderEpochTable()
        for (epoch, offset) in entries { table.assign(LeaderEpoch(epoch), at: Offset(offset)) }
        return table
    }

    private func end(_ epoch: Int32, _ table: LeaderEpochTable) -> [Int64] {
        let end = table.end(of: LeaderEpoch(epoch), logEnd: 100)
        return [Int64(end.epoch.rawValue), end.endOffset.rawValue]
    }

    @Test("the latest epoch ends at the log's end, an older one where the next began")
    func ends() {
        let table = table([(2, 10), (4, 20), (7, 50)])
        #expect(end(7, table) == [7, 100])
        #expect(end(4, table) == [4, 50])
        #expect(end(2, table) == [2, 20])
    }

    @Test("an epoch that was skipped is answered with the one before it, one before all with itself")
    func gaps() {
        let table = table([(2, 10), (4, 20), (7, 50)])
        #expect(end(5, table) == [4, 50])
        #expect(end(3, table) == [2, 20])
        #expect(end(0, table) == [0, 10])
    }

    @Test("an epoch newer than all, none, or any in an empty log has no answer")
    func unknown() {
        #expect(end(8, table([(2, 10)])) == [-1, -1])
        #expect(end(-1, table([(2, 10)])) == [-1, -1])
        #expect(end(0, LeaderEpochTable()) == [-1, -1])
    }

    @Test("epochs and offsets ascend: an entry that contradicts earlier ones takes their place")
    func monotonic() {
        var table = table([(1, 0), (3, 10), (5, 20)])
        let repeated = table.assign(5, at: 30)
        #expect(!repeated)
        table.assign(4, at: 15)
        #expect(table == self.table([(1, 0), (3, 10), (4, 15)]))
        table.assign(6, at: 10)
        table.assign(.none, at: 50)
        #expect(table == self.table([(1, 0), (6, 10)]))
    }

    @Test("cutting the end off takes the epochs with it; moving the start keeps the one it lies in")
    func bounds() {
        var table = table([(1, 0), (3, 10), (5, 20)])
        table.truncate(to: 20)
        #expect(table == self.table([(1, 0), (3, 10)]))
        table.advance(to: 15)
        #expect(table == self.table([(3, 15)]))
        #expect(table.epoch(at: 14) == .none && table.epoch(at: 15) == 3)
    }

    @Test("a follower diverges where its epoch is newer or its log longer than what the leader answers")
    func divergence() {
        let end = EpochEnd(epoch: 3, endOffset: 20)
        #expect(!end.diverges(from: 3, at: 20))
        #expect(end.diverges(from: 3, at: 21))
        #expect(end.diverges(from: 4, at: 5))
    }

    @Test("the checkpoint is Kafka's text, and reads back; anything else is refused")
    func text() {
        let table = table([(0, 0), (3, 17)])
        #expect(String(buffer: table.encoded()) == "0\n2\n0 0\n3 17\n")
        #expect(LeaderEpochTable(decoding: table.encoded()) == table)
        #expect(LeaderEpochTable(decoding: ByteBuffer(string: "0\n0\n")) == LeaderEpochTable())
        let others = [
            "", "0", "1\n0\n", "0\n2\n0 0\n", "0\n1\n0 x\n", "0\n2\n3 0\n1 5\n", "0\n1\n-1 0\n", "0\n1\n1\n",
        ]
        for damaged in others {
            #expect(LeaderEpochTable(decoding: ByteBuffer(string: damaged)) == nil, "\(damaged)")
        }
    }

    @Test(
        "epochs are there again after a clean stop, after a crash and without the checkpoint",
        arguments: [true, false])
    func restart(clean: Bool) throws {
        let harness = LogHarness.small(segmentBytes: 200)
        var log = try harness.open()
        for epoch in [Int32(1), 1, 4, 4, 9] {
            _ = try log.append(makeBatch(), leaderEpoch: LeaderEpoch(epoch), now: 0)
        }
        if clean { try log.close() }
        log = try harness.open(clean: clean)
        #expect(try log.endOffset(forLeaderEpoch: 1) == EpochEnd(epoch: 1, endOffset: 2))
        #expect(try log.endOffset(forLeaderEpoch: 5) == EpochEnd(epoch: 4, endOffset: 4))
        #expect(try log.endOffset(forLeaderEpoch: 9) == EpochEnd(epoch: 9, endOffset: 5))
        #expect(try log.leaderEpoch(at: 3) == 4)
        try log.close()
        try harness.files.remove(harness.folder.appending(LogFileName.leaderEpochCheckpoint))
        log = try harness.open(clean: true)
        #expect(try log.endOffset(forLeaderEpoch: 9) == EpochEnd(epoch: 9, endOffset: 5))
    }

    @Test("a log that starts over behind deleted records knows the epoch it goes on with")
    func deleted() throws {
        let harness = LogHarness()
        let log = try harness.open()
        try log.append(makeBatch(3))
        try log.advanceLogStart(to: 3)
        #expect(try log.endOffset(forLeaderEpoch: 7) == EpochEnd(epoch: 7, endOffset: 3))
        _ = try log.append(makeBatch(), leaderEpoch: 8, now: 0)
        #expect(try log.endOffset(forLeaderEpoch: 7) == EpochEnd(epoch: 7, endOffset: 3))
        #expect(try log.endOffset(forLeaderEpoch: 8) == EpochEnd(epoch: 8, endOffset: 4))
    }
}
