import NIOCore
import Testing

@testable import Storage

@Suite("Flushing in the background while the log goes on")
struct FlushOverlapTests {
    private func fill(_ log: PartitionLog, segments: Int) throws {
        let count = log.closed.count + segments
        while log.closed.count < count { try log.append(makeBatch(valueBytes: 200)) }
    }

    @Test("a segment that was closed meanwhile is not taken for flushed when the owner's own flush was faster")
    func ownerFaster() throws {
        let log = try LogHarness.small().open()
        try fill(log, segments: 2)
        let work = try #require(try log.flushWork(includingActiveSegment: false))
        try log.flush()
        #expect(!log.hasUnflushedSegments)
        try fill(log, segments: 2)
        #expect(log.unflushedSegments.count == 2)
        try work.run()
        try log.finishFlush(work, failure: nil)
        #expect(log.unflushedSegments.count == 2)
        #expect(log.snapshots == log.snapshots.sorted())
        try log.flush()
        #expect(!log.hasUnflushedSegments)
    }

    @Test("the background and the owner replace one snapshot each with a temporary file of its own")
    func temporaryNames() throws {
        let log = try LogHarness.small().open()
        try fill(log, segments: 1)
        let background = try #require(try log.flushWork())
        var owners = background
        owners.isOwners = true
        #expect(!background.isOwners)
        try background.run()
        try owners.run()
        try log.finishFlush(owners, failure: nil)
        #expect(!log.hasUnflushedSegments && log.unflushedMessages == 0)
    }
}
