import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage

extension OpenSegment {
    /// The first batch whose last offset is at or after `offset`; `nil` where the segment has none.
    func locate(_ offset: Offset) throws(StorageError) -> BatchCursor.Found? {
        let relative = offset - baseOffset
        let entry = try offsetIndex.last { Int64($0.relativeOffset) <= relative }
        var batches = try cursor(from: Int64(entry?.position ?? 0))
        while let found = try batches.next() {
            if found.header.lastOffset >= offset { return found }
        }
        return nil
    }

    /// The first batch from `start` on that ends after `limit`, both positions in the file; `nil` where none does.
    func firstBatch(endingAfter limit: Int64, from start: Int64) throws(StorageError) -> BatchCursor.Found? {
        let entry = try offsetIndex.last { Int64($0.position) <= limit }
        var batches = try cursor(from: max(start, Int64(entry?.position ?? 0)))
        while let found = try batches.next() {
            if found.end > limit { return found }
        }
        return nil
    }

    /// The first record whose timestamp is at or after `timestamp`.
    func locate(timestamp: Int64) throws(StorageError) -> TimestampedOffset? {
        guard try times().largest >= timestamp else { return nil }
        let entry = try timeIndex.last { $0.timestamp < timestamp }
        var start: BatchCursor.Found?
        if let entry { start = try locate(baseOffset + Int64(entry.relativeOffset)) }
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

    private func firstRecord(
        of found: BatchCursor.Found, _ batches: inout BatchCursor, _ timestamp: Int64, _ offset: Offset
    ) throws(StorageError) -> TimestampedOffset? {
        let bytes = try batches.bytes(of: found)
        do {
            var reader = try RecordBatchReader(
                RecordBatch(header: found.header, bytes: bytes),
                maximumDecompressedBytes: AppendRules.maximumDecompressedBytes)
            while let record = try reader.nextPosition() {
                guard record.timestamp >= timestamp, record.offset >= offset else { continue }
                return TimestampedOffset(
                    offset: record.offset, timestamp: record.timestamp,
                    leaderEpoch: found.header.partitionLeaderEpoch)
            }
            return nil
        } catch {
            throw .corrupt(
                path: folder.file(.log, baseOffset).string, position: found.position, reason: error.description)
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
