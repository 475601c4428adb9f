import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage

/// Reads a log's files as they are, for people who want to look into them; changes nothing.
///
/// Works on the files of a broker that runs as well: what it is writing just then may show as a torn end.
public struct LogDump {
    /// Compressed records of one batch may grow to this.
    private static let maximumDecompressedBytes = 256 << 20

    private let files: any FileSystem
    private let withRecords: Bool
    private let emit: (LogDumpEntry) throws -> Void

    /// - Parameter emit: is given what is found, in the order of the files.
    public init(files: any FileSystem, withRecords: Bool, emit: @escaping (LogDumpEntry) throws -> Void) {
        self.files = files
        self.withRecords = withRecords
        self.emit = emit
    }

    /// What is at a path holds nothing of a log.
    public struct NothingToDump: Error, CustomStringConvertible {
        public let path: String

        public var description: String {
            let endings = LogFileName.Kind.allCases.map { ".\($0.rawValue)" }.joined(separator: ", ")
            return "'\(path)' is neither a log's file (\(endings), .damaged) nor a partition's folder with such files"
        }
    }

    /// What a file's name says that it holds.
    private enum Content {
        case part(LogFileName.Kind, Offset)
        /// What recovery cut off the segment of that base offset.
        case damaged(Offset)
        case text

        init?(_ name: String) {
            if let (kind, offset) = LogFileName.parse(name) {
                self = .part(kind, offset)
            } else if let offset = LogFileName.parseDamaged(name) {
                self = .damaged(offset)
            } else if name == LogFileName.logStartCheckpoint {
                self = .text
            } else {
                return nil
            }
        }
    }

    /// Dumps one file of a log, or every file of a partition's folder.
    ///
    /// - Throws: what `emit` throws, ``StorageError`` for what is not there or cannot be read, and ``NothingToDump``.
    public func dump(_ path: FilePath) throws {
        if let content = Content(path.lastComponent?.string ?? "") { return try dumpFile(path, content) }
        var isEmpty = true
        for name in try names(in: path) {
            guard let content = Content(name) else { continue }
            isEmpty = false
            try dumpFile(path.appending(name), content)
        }
        if isEmpty { throw NothingToDump(path: path.string) }
    }

    /// Nothing for a file.
    private func names(in path: FilePath) throws(StorageError) -> [String] {
        let names: [String]
        do {
            names = try files.list(path)
        } catch {
            if case .operationFailed(.list, _, Errno.notDirectory.rawValue) = error { return [] }
            throw error
        }
        if names.isEmpty, try files.byteCount(of: path) == nil { throw Self.missing(path) }
        return names
    }

    private static func missing(_ path: FilePath) -> StorageError {
        .operationFailed(.open, path: path.string, errno: Errno.noSuchFileOrDirectory.rawValue)
    }

    private func dumpFile(_ path: FilePath, _ content: Content) throws {
        guard let byteCount = try files.byteCount(of: path) else { throw Self.missing(path) }
        try emit(.file(path: path.string, byteCount: byteCount))
        switch content {
        case .part(let kind, let offset): try dump(kind, path, offset, byteCount)
        case .damaged(let base): try dumpLog(path, base: base, byteCount: byteCount)
        case .text: try emit(.text(String(buffer: try files.open(path).readExactly(Int(byteCount), at: 0))))
        }
    }

    private func dump(_ kind: LogFileName.Kind, _ path: FilePath, _ offset: Offset, _ byteCount: Int64) throws {
        switch kind {
        case .log: try dumpLog(path, base: offset, byteCount: byteCount)
        case .index:
            try dumpEntries(OffsetIndexEntry.self, path, byteCount) {
                .offsetIndex(offset: offset.rawValue + Int64($0.relativeOffset), position: $0.position)
            }
        case .timeindex:
            try dumpEntries(TimeIndexEntry.self, path, byteCount) {
                .timeIndex(timestamp: $0.timestamp, offset: offset.rawValue + Int64($0.relativeOffset))
            }
        case .txnindex:
            try dumpEntries(AbortedTransaction.self, path, byteCount) {
                .abortedTransaction(
                    producerID: $0.producerID.rawValue, firstOffset: $0.firstOffset.rawValue,
                    lastOffset: $0.lastOffset.rawValue, lastStableOffset: $0.lastStableOffset.rawValue)
            }
        case .snapshot: try dumpSnapshot(path, at: offset)
        }
    }

    // MARK: Batches

    private func dumpLog(_ path: FilePath, base: Offset, byteCount: Int64) throws {
        var batches = BatchCursor(
            try files.open(path), from: 0, to: byteCount, windowBytes: BatchCursor.scanWindowBytes)
        var next = base
        do {
            while let found = try batches.next() {
                let bytes = try batches.bytes(of: found)
                let isIntact = isIntact(found.header, bytes)
                try emit(.batch(entry(found, isIntact: isIntact)))
                if !isIntact { try damage(path, found.position, "the checksum is not that of the batch") }
                if found.header.baseOffset < next {
                    try damage(path, found.position, "base offset \(found.header.baseOffset) after \(next)")
                }
                next = max(next, found.header.nextOffset)
                if withRecords, isIntact { try dumpRecords(found, bytes, path) }
            }
        } catch let error as StorageError {
            switch error {
            // Where the next batch begins is not known after that.
            case .corrupt(_, let position, let reason): try damage(path, position, reason)
            case .endOfFile(_, let position, _, _): try damage(path, position, error.description)
            case .operationFailed, .offline: throw error
            }
        }
    }

    private func isIntact(_ header: RecordBatchHeader, _ bytes: ByteBuffer) -> Bool {
        do {
            try header.verifyChecksum(of: bytes)
            return true
        } catch {
            return false
        }
    }

    private func entry(_ found: BatchCursor.Found, isIntact: Bool) -> LogDumpEntry.Batch {
        let header = found.header
        return LogDumpEntry.Batch(
            position: found.position, byteCount: header.totalBytes, baseOffset: header.baseOffset.rawValue,
            lastOffset: header.lastOffset.rawValue, recordCount: header.recordsCount,
            leaderEpoch: header.partitionLeaderEpoch.rawValue,
            codec: header.attributes.compression.map { "\($0)" } ?? "\(header.attributes.codec)",
            isLogAppendTime: header.attributes.timestampType == .logAppendTime,
            isTransactional: header.isTransactional, isControl: header.isControl, maxTimestamp: header.maxTimestamp,
            producerID: header.producerID.rawValue, producerEpoch: header.producerEpoch,
            baseSequence: header.baseSequence, checksum: header.checksum, isIntact: isIntact)
    }

    private func dumpRecords(_ found: BatchCursor.Found, _ bytes: ByteBuffer, _ path: FilePath) throws {
        do {
            var reader = try RecordBatchReader(
                RecordBatch(header: found.header, bytes: bytes),
                maximumDecompressedBytes: Self.maximumDecompressedBytes)
            for record in try reader.readAll() {
                try emit(.record(entry(record, isControl: found.header.isControl)))
            }
        } catch let error as RecordError {
            try damage(path, found.position, error.description)
        }
    }

    private func entry(_ record: Record, isControl: Bool) throws(RecordError) -> LogDumpEntry.Record {
        let key = isControl ? "\(try ControlRecord(key: record.key))" : record.key.map(Self.text)
        return LogDumpEntry.Record(
            offset: record.offset.rawValue, timestamp: record.timestamp, key: key,
            value: record.value.map(Self.text),
            headers: record.headers.map { "\($0.name)=\($0.value.map(Self.text) ?? "-")" })
    }

    private static func text(_ bytes: ByteBuffer) -> String {
        let view = bytes.readableBytesView
        if let text = String(validating: view, as: UTF8.self), !text.unicodeScalars.contains(where: { $0.value < 32 }) {
            return text
        }
        return "0x" + view.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    // MARK: What stands beside them

    private func dumpEntries<Entry: IndexEntry>(
        _ type: Entry.Type, _ path: FilePath, _ byteCount: Int64, _ entry: (Entry) -> LogDumpEntry
    ) throws {
        var bytes = try files.open(path).readExactly(Int(byteCount), at: 0)
        var last: Entry?
        while bytes.readableBytes >= Entry.byteCount {
            let position = byteCount - Int64(bytes.readableBytes)
            guard let found = Entry(from: &bytes) else { return try damage(path, position, "no entry") }
            try emit(entry(found))
            if !found.canFollow(last) { try damage(path, position, "the entry is out of order") }
            last = found
        }
        if bytes.readableBytes > 0 {
            try damage(path, byteCount - Int64(bytes.readableBytes), "\(bytes.readableBytes) bytes are no entry")
        }
    }

    private func dumpSnapshot(_ path: FilePath, at offset: Offset) throws {
        guard let snapshot = try files.contents(of: path).flatMap(LogSnapshot.init(decoding:)) else {
            return try damage(path, 0, "no snapshot of version \(LogSnapshot.version), or a wrong checksum")
        }
        try emit(
            .snapshot(
                offset: offset.rawValue, segmentBytes: snapshot.segmentBytes,
                leaderEpoch: snapshot.lastLeaderEpoch.rawValue, producers: snapshot.producers.count))
        for (id, state) in snapshot.producers.states.sorted(by: { $0.key < $1.key }) {
            try emit(
                .producer(
                    LogDumpEntry.Producer(
                        producerID: id.rawValue, producerEpoch: state.epoch,
                        lastSequence: state.batches.last?.lastSequence ?? -1,
                        lastOffset: state.batches.last?.lastOffset.rawValue ?? -1,
                        lastTimestamp: state.lastTimestamp, coordinatorEpoch: state.coordinatorEpoch,
                        transactionStart: state.transactionStart?.rawValue)))
        }
    }

    private func damage(_ path: FilePath, _ position: Int64, _ reason: String) throws {
        try emit(.damage(path: path.string, position: position, reason: reason))
    }
}
