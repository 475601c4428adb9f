import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage

extension OpenSegment {
    /// The first batch whose last offset is at or after `offset`; `nil` where the segment has none.
    func locate(_ offset: Offset) throws(StorageError) -> BatchCursor.Found? {
        let relative = offset - baseOffset
        var batches = try cursor { Int64($0.relativeOffset) <= relative }
        while let found = try batches.next() {
            if found.header.lastOffset >= offset { return found }
        }
        return nil
    }

    /// The first batch from `start` on that ends after `limit`, both positions in the file; `nil` where none does.
    func firstBatch(endingAfter limit: Int64, from start: Int64) throws(StorageError) -> BatchCursor.Found? {
        var batches = try cursor { Int64($0.position) <= limit }
        if batches.position < start { batches = try cursor(from: start) }
        while let found = try batches.next() {
            if found.end > limit { return found }
        }
        return nil
    }

    /// Walks from the batch of the last index entry for which the predicate holds, or from the start.
    ///
    /// An index has no checksum, so its entry is compared with the batch that it names, which is read anyway: a wrong
    /// one would hide records. Then the index is made anew.
    private func cursor(where holds: (OffsetIndexEntry) -> Bool) throws(StorageError) -> BatchCursor {
        for _ in 0..<2 {
            guard let entry = try offsetIndex.last(where: holds) else { break }
            var batches = try cursor(from: Int64(max(0, entry.position)))
            if let found = try batches.peek(), found.header.lastOffset - baseOffset == Int64(entry.relativeOffset) {
                return batches
            }
            try reindex()
        }
        return try cursor(from: 0)
    }

    /// Whether an entry of the time index says what is in the log.
    func isTrue(_ entry: TimeIndexEntry) throws(StorageError) -> Bool {
        guard let found = try batch(of: entry) else { return false }
        return found.header.maxTimestamp == entry.timestamp
            && found.header.lastOffset - baseOffset == Int64(entry.relativeOffset)
    }

    private func batch(of entry: TimeIndexEntry) throws(StorageError) -> BatchCursor.Found? {
        if entry.relativeOffset < 0 { return nil }
        do {
            return try locate(baseOffset + Int64(entry.relativeOffset))
        } catch {
            switch error {
            case .corrupt, .endOfFile: return nil
            case .operationFailed, .offline: throw error
            }
        }
    }

    /// The first record whose timestamp is at or after `timestamp`.
    func locate(timestamp: Int64) throws(StorageError) -> TimestampedOffset? {
        guard try times().largest >= timestamp else { return nil }
        var start: BatchCursor.Found?
        if let entry = try timeIndex.last(where: { $0.timestamp < timestamp }) {
            // Without it the search is from the start: slower, and right.
            start = try isTrue(entry) ? try batch(of: entry) : nil
        }
        return try locate(timestamp: timestamp, from: start?.position ?? 0, notBefore: baseOffset)
    }

    /// As ``locate(timestamp:)``, among the batches from a position and the records from an offset on.
    func locate(
        timestamp: Int64, from position: Int64, notBefore offset: Offset
    ) throws(StorageError) -> TimestampedOffset? {
        var batches = try cursor(from: position)
        while let found = try batches.next() {
            if found.header.maxTimestamp < timestamp { continue }
            if let record = try firstRecord(of: found, &batches, timestamp, offset) { return record }
        }
        return nil
    }

    /// Where the records cannot be read the batch as a whole is the answer.
    private func firstRecord(
        of found: BatchCursor.Found, _ batches: inout BatchCursor, _ timestamp: Int64, _ offset: Offset
    ) throws(StorageError) -> TimestampedOffset? {
        let bytes = try batches.bytes(of: found)
        do {
            var reader = try RecordBatchReader(
                RecordBatch(header: found.header, bytes: bytes),
                maximumDecompressedBytes: RecordBatchReader.usualMaximumBytes)
            while let record = try reader.nextPosition() {
                guard record.timestamp >= timestamp, record.offset >= offset else { continue }
                return TimestampedOffset(
                    offset: record.offset, timestamp: record.timestamp,
                    leaderEpoch: found.header.partitionLeaderEpoch)
            }
            return nil
        } catch {
            // A producer's batch is not looked into when it is appended. The nearest that can be said is the batch.
            return TimestampedOffset(
                offset: max(found.header.baseOffset, offset), timestamp: found.header.maxTimestamp,
                leaderEpoch: found.header.partitionLeaderEpoch)
        }
    }
}

/// A record that was looked up by its timestamp.
public struct TimestampedOffset: Hashable, Sendable {
    public var offset: Offset
    /// Milliseconds since 1970; -1 for an end of the log.
    public var timestamp: Int64
    /// The epoch of the leader that appended it.
    public var leaderEpoch: LeaderEpoch

    public init(offset: Offset, timestamp: Int64, leaderEpoch: LeaderEpoch) {
        self.offset = offset
        self.timestamp = timestamp
        self.leaderEpoch = leaderEpoch
    }
}
