import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage

/// Making a segment's indexes anew, with and without doubt about its log file.
extension OpenSegment {
    /// What a scan of the log file found.
    struct Scan {
        /// The offset after the last whole batch; the base offset without any.
        var nextOffset: Offset
        /// Bytes looked at.
        var scannedBytes: Int64
        /// Bytes behind the last whole batch, and why they are none.
        var cutBytes: Int64 = 0
        var reason: String?
        /// Where the cut bytes are kept, when there were whole batches among them.
        var setAside: String?
    }

    /// Reads every batch, checks it and builds the indexes anew; what follows the last good batch is cut off. Whole
    /// batches behind a damaged one are kept in a file beside, or refused.
    ///
    /// - Parameters:
    ///   - damage: what to do where whole batches come after one that is damaged.
    ///   - durableEnd: every batch below was on the disk: a damaged one is no torn end, whatever comes after it.
    func rebuild(damage: DamagePolicy = .setAside, durableEnd: Offset = 0) throws(StorageError) -> Scan {
        let fileBytes = try log().byteCount()
        try forget()
        byteCount = 0
        var scan = Scan(nextOffset: baseOffset, scannedBytes: fileBytes)
        do {
            try walk(to: fileBytes, &scan)
        } catch {
            switch error {
            case .corrupt(_, _, let reason): scan.reason = reason
            case .endOfFile: scan.reason = error.description
            case .operationFailed, .offline: throw error
            }
            scan.cutBytes = fileBytes - byteCount
            let wasDurable = scan.nextOffset < durableEnd
            let isRot =
                wasDurable ? true : try hasBatches(after: byteCount, to: fileBytes, from: scan.nextOffset)
            if isRot {
                if damage == .refuse { throw error }
                scan.setAside = try setAside(from: byteCount, to: fileBytes)
            }
            try cutTail()
        }
        return scan
    }

    private func walk(to end: Int64, _ scan: inout Scan) throws(StorageError) {
        var batches = try cursor(from: 0, to: end, windowBytes: BatchCursor.scanWindowBytes)
        while let found = try batches.next() {
            try Self.check(try batches.bytes(of: found), found, notBefore: scan.nextOffset, in: log())
            try noteIndexed(found.header)
            scan.nextOffset = found.header.nextOffset
        }
    }

    /// Builds the indexes anew from the batches' headers and changes nothing else: every byte of the log file stays,
    /// and what is damaged in it is found by whoever reads it.
    ///
    /// After an error there are no index files, and the next to need them begins again.
    func reindex() throws(StorageError) {
        let whole = byteCount
        try forget()
        byteCount = 0
        do {
            try noteHeaders(to: whole)
            byteCount = whole
            try seal()
            try offsetIndex.openFile().sync()
            try timeIndex.openFile().sync()
        } catch {
            byteCount = whole
            knownTimes = nil
            try offsetIndex.discard()
            try timeIndex.discard()
            throw error
        }
    }

    private func noteHeaders(to end: Int64) throws(StorageError) {
        var batches = try cursor(from: 0, to: end)
        do {
            while let found = try batches.next() { try noteIndexed(found.header) }
        } catch .corrupt {
            // Readers walk from the last entry before it and are told.
        }
    }

    private func noteIndexed(_ header: RecordBatchHeader) throws(StorageError) {
        note(header)
        if offsetIndex.wantsFlush { try offsetIndex.flush() }
        if timeIndex.wantsFlush { try timeIndex.flush() }
    }

    private func forget() throws(StorageError) {
        bytesSinceIndexEntry = 0
        knownTimes = Times(largestOffset: baseOffset)
        try offsetIndex.reset()
        try timeIndex.reset()
    }

    private static func check(
        _ bytes: ByteBuffer, _ found: BatchCursor.Found, notBefore offset: Offset, in file: any File
    ) throws(StorageError) {
        let reason: String
        do {
            try found.header.verifyChecksum(of: bytes)
            if found.header.baseOffset >= offset { return }
            reason = "base offset \(found.header.baseOffset) after \(offset)"
        } catch {
            reason = error.description
        }
        throw .corrupt(path: file.path.string, position: found.position, reason: reason)
    }
}
