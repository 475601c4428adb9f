import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage

/// What a scan does with whole batches that come after a damaged one. A crash tears the end of a log; this is a bit
/// that flipped, and what comes after it may have been acknowledged.
public enum DamagePolicy: Sendable {
    /// Cuts the log before the damaged batch, as Kafka does, and keeps the rest in a file beside the segment.
    case setAside
    /// Changes nothing and throws `corrupt`.
    case refuse
}

extension OpenSegment {
    /// How far behind the damage batches are looked for.
    private static let searchedBytes: Int64 = 8 << 20
    /// Bytes that are copied at a time.
    private static let copiedBytes: Int64 = 1 << 20

    /// Whether there is a whole batch of this log behind a damaged one.
    func hasBatches(after position: Int64, to end: Int64, from offset: Offset) throws(StorageError) -> Bool {
        let bytes = try log().read(at: position, upTo: Int(min(Self.searchedBytes, end - position)))
        let last = bytes.readableBytes - RecordBatchHeader.byteCount
        guard last >= 1 else { return false }
        let magicPlace = 16
        // The damaged batch itself starts at 0; nearly every other place is ruled out by one byte.
        for place in 1...last
        where bytes.getInteger(at: bytes.readerIndex + place + magicPlace, as: UInt8.self) == 2 {
            if isBatch(bytes, at: bytes.readerIndex + place, from: offset) { return true }
        }
        return false
    }

    private func isBatch(_ bytes: ByteBuffer, at index: Int, from offset: Offset) -> Bool {
        do throws(RecordError) {
            let header = try RecordBatchHeader(peeking: bytes, at: index)
            guard header.baseOffset >= offset, header.baseOffset - baseOffset <= Int64(Int32.max),
                let batch = bytes.getSlice(at: index, length: header.totalBytes)
            else { return false }
            try header.verifyChecksum(of: batch)
            return true
        } catch {
            return false  // Anything may stand here: this is not where a batch starts.
        }
    }

    /// Copies a part of the log file to a file of its own, durably, and returns that one's name.
    func setAside(from position: Int64, to end: Int64) throws(StorageError) -> String {
        let name = LogFileName.damaged(baseOffset, position: position)
        let copy = try files.create(folder.appending(name))
        try copy.truncate(to: 0)
        let source = try log()
        var next = position
        while next < end {
            let bytes = try source.readExactly(Int(min(Self.copiedBytes, end - next)), at: next)
            try copy.write([bytes], at: next - position)
            next += Int64(bytes.readableBytes)
        }
        try copy.sync()
        try files.syncFolder(folder)
        return name
    }
}
