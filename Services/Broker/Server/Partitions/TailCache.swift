import DequeModule
import KafkaWire
import NIOCore
import Synchronization

/// Batches at the partitions' ends that are still in memory, so that who reads along is served on its own thread: no
/// switch to the partition's, no system call, no second copy of a batch.
///
/// Only where somebody reads along: a batch of a partition that nobody waits at is not kept. All partitions share one
/// bound, and the oldest batch of all makes room for a new one, so what nobody asks for any more goes by itself.
final class TailCache: Sendable {
    private struct Kept {
        let progress: PartitionProgress
        let end: Offset
        let memoryBytes: Int
    }

    private struct State {
        var batches: Deque<Kept> = []
        var usedBytes = 0
    }

    /// `signalbox.tail.cache.bytes`; 0 keeps nothing.
    let limitBytes: Int
    private let state = Mutex(State())

    init(limitBytes: Int) {
        self.limitBytes = limitBytes
    }

    /// Memory that is held now.
    var usedBytes: Int { state.withLock { $0.usedBytes } }

    /// Keeps the newest batch of a partition, unless it alone is too large.
    func keep(_ batch: TailBatch, of progress: PartitionProgress) {
        let memoryBytes = batch.memoryBytes
        guard memoryBytes <= limitBytes / 4 else { return }
        // Before room is made: what is dropped must never be one that comes later.
        progress.keep(batch)
        let dropped = state.withLock { state -> [Kept] in
            var dropped: [Kept] = []
            state.usedBytes += memoryBytes
            state.batches.append(Kept(progress: progress, end: batch.end, memoryBytes: memoryBytes))
            while state.usedBytes > limitBytes, let oldest = state.batches.popFirst() {
                state.usedBytes -= oldest.memoryBytes
                dropped.append(oldest)
            }
            return dropped
        }
        for oldest in dropped { oldest.progress.dropTail(upTo: oldest.end) }
    }
}

/// One batch as it is in the log.
struct TailBatch: Sendable {
    /// Batches up to this size get memory of their own, so that they hold no larger read's.
    static let copiedBytes = 16 * 1024

    let first: Offset
    let end: Offset
    let pieces: [ByteBuffer]
    let byteCount: Int
    /// What holding the pieces keeps from being freed.
    let memoryBytes: Int

    /// - Parameter stored: the pieces of exactly one batch, as they were written.
    init(first: Offset, end: Offset, stored: [ByteBuffer]) {
        let byteCount = stored.reduce(0) { $0 + $1.readableBytes }
        let heldBytes = stored.reduce(0) { $0 + $1.storageCapacity }
        self.first = first
        self.end = end
        self.byteCount = byteCount
        if byteCount <= Self.copiedBytes || heldBytes > 2 * byteCount {
            var own = ByteBufferAllocator().buffer(capacity: byteCount)
            for piece in stored { own.writeImmutableBuffer(piece) }
            pieces = [own]
            memoryBytes = own.storageCapacity
        } else {
            pieces = stored
            memoryBytes = heldBytes
        }
    }
}

/// The newest batches of one partition, ascending; transactional ones are left out, so there can be gaps.
struct PartitionTail {
    private var batches: Deque<TailBatch> = []
    /// Whether somebody ever read here.
    private var isRead = false
    /// Batches kept since somebody was here.
    private var unread = 0
    /// After so many batches that nobody asked for none is kept any more.
    static let patience = 64

    /// Whether the next batch should be kept.
    var isWanted: Bool { isRead && unread < Self.patience }

    /// Somebody reads along: has come to the end, or read from here.
    mutating func noteReader() {
        isRead = true
        unread = 0
    }

    mutating func keep(_ batch: TailBatch) {
        batches.append(batch)
        unread += 1
    }

    mutating func drop(upTo end: Offset) {
        while let oldest = batches.first, oldest.end <= end { batches.removeFirst() }
    }

    /// Whole batches from the one that holds `position` on, up to `bound` and `maximumBytes`; `nil` where that batch is
    /// not here. Empty where the first is larger than `maximumBytes` and not to be returned all the same.
    mutating func read(
        from position: Offset, to bound: Offset, maximumBytes: Int, atLeastOneBatch: Bool
    ) -> RecordsPayload? {
        guard var index = batches.lastIndex(where: { $0.first <= position }), position < batches[index].end,
            batches[index].end <= bound
        else { return nil }
        var pieces: [WirePiece] = []
        var byteCount = 0
        var next = batches[index].first
        while index < batches.count, batches[index].first == next, batches[index].end <= bound {
            let batch = batches[index]
            byteCount += batch.byteCount
            guard byteCount <= maximumBytes || (pieces.isEmpty && atLeastOneBatch) else { break }
            for piece in batch.pieces { pieces.append(.bytes(piece)) }
            next = batch.end
            index += 1
        }
        noteReader()
        return RecordsPayload(pieces: pieces)
    }
}
