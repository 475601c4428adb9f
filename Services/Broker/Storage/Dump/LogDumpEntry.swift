/// One thing that a dump of a log's files found; all numbers as they are in the file.
///
/// Encodes as an object whose `kind` says which it is. Times are milliseconds since 1970, -1 for none.
public enum LogDumpEntry: Hashable, Sendable {
    /// What follows is of this file.
    case file(path: String, byteCount: Int64)
    case batch(Batch)
    /// A record of the batch before.
    case record(Record)
    /// The batch that holds the offset starts at the position or later.
    case offsetIndex(offset: Int64, position: Int32)
    /// No record up to the offset is later than the timestamp.
    case timeIndex(timestamp: Int64, offset: Int64)
    case abortedTransaction(producerID: Int64, firstOffset: Int64, lastOffset: Int64, lastStableOffset: Int64)
    /// Everything below the offset was durable when it was written.
    case snapshot(offset: Int64, segmentBytes: Int64, leaderEpoch: Int32, producers: Int)
    /// A producer of the snapshot before.
    case producer(Producer)
    /// The content of a small text file, such as a checkpoint.
    case text(String)
    /// From here on the bytes are not what a log writes, or not where they should be.
    case damage(path: String, position: Int64, reason: String)

    public struct Batch: Hashable, Sendable, Encodable {
        public var position: Int64
        public var byteCount: Int
        public var baseOffset: Int64
        public var lastOffset: Int64
        public var recordCount: Int32
        public var leaderEpoch: Int32
        public var codec: String
        public var isLogAppendTime: Bool
        public var isTransactional: Bool
        public var isControl: Bool
        public var maxTimestamp: Int64
        public var producerID: Int64
        public var producerEpoch: Int16
        public var baseSequence: Int32
        public var checksum: UInt32
        /// Whether the checksum is that of the bytes.
        public var isIntact: Bool
    }

    public struct Record: Hashable, Sendable, Encodable {
        public var offset: Int64
        public var timestamp: Int64
        /// Text where it is UTF-8, otherwise hexadecimal after `0x`; `nil` for none, a control record's meaning.
        public var key: String?
        public var value: String?
        public var headers: [String]
    }

    public struct Producer: Hashable, Sendable, Encodable {
        public var producerID: Int64
        public var producerEpoch: Int16
        /// -1 where no batch is remembered.
        public var lastSequence: Int32
        public var lastOffset: Int64
        public var lastTimestamp: Int64
        public var coordinatorEpoch: Int32
        /// Where its open transaction begins.
        public var transactionStart: Int64?
    }
}

extension LogDumpEntry: Encodable {
    private enum Key: String, CodingKey {
        case kind, path, byteCount, offset, position, timestamp, producerID, firstOffset, lastOffset, lastStableOffset
        case segmentBytes, leaderEpoch, producers, text, reason
    }

    public func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: Key.self)
        switch self {
        case .file(let path, let byteCount):
            try object.encode("file", forKey: .kind)
            try object.encode(path, forKey: .path)
            try object.encode(byteCount, forKey: .byteCount)
        case .batch(let batch):
            try object.encode("batch", forKey: .kind)
            try batch.encode(to: encoder)
        case .record(let record):
            try object.encode("record", forKey: .kind)
            try record.encode(to: encoder)
        case .offsetIndex(let offset, let position):
            try object.encode("offsetIndex", forKey: .kind)
            try object.encode(offset, forKey: .offset)
            try object.encode(position, forKey: .position)
        case .timeIndex(let timestamp, let offset):
            try object.encode("timeIndex", forKey: .kind)
            try object.encode(timestamp, forKey: .timestamp)
            try object.encode(offset, forKey: .offset)
        case .abortedTransaction(let producer, let first, let last, let stable):
            try object.encode("abortedTransaction", forKey: .kind)
            try object.encode(producer, forKey: .producerID)
            try object.encode(first, forKey: .firstOffset)
            try object.encode(last, forKey: .lastOffset)
            try object.encode(stable, forKey: .lastStableOffset)
        case .snapshot, .producer, .text, .damage:
            try encodeRest(to: &object, encoder)
        }
    }

    private func encodeRest(to object: inout KeyedEncodingContainer<Key>, _ encoder: any Encoder) throws {
        switch self {
        case .snapshot(let offset, let segmentBytes, let leaderEpoch, let producers):
            try object.encode("snapshot", forKey: .kind)
            try object.encode(offset, forKey: .offset)
            try object.encode(segmentBytes, forKey: .segmentBytes)
            try object.encode(leaderEpoch, forKey: .leaderEpoch)
            try object.encode(producers, forKey: .producers)
        case .producer(let producer):
            try object.encode("producer", forKey: .kind)
            try producer.encode(to: encoder)
        case .text(let text):
            try object.encode("text", forKey: .kind)
            try object.encode(text, forKey: .text)
        case .damage(let path, let position, let reason):
            try object.encode("damage", forKey: .kind)
            try object.encode(path, forKey: .path)
            try object.encode(position, forKey: .position)
            try object.encode(reason, forKey: .reason)
        case .file, .batch, .record, .offsetIndex, .timeIndex, .abortedTransaction:
            preconditionFailure("these were encoded before")
        }
    }
}

extension LogDumpEntry: CustomStringConvertible {
    /// One line for people; records and producers are set in.
    public var description: String {
        switch self {
        case .file(let path, let byteCount): "\(path): \(byteCount) bytes"
        case .batch(let batch): batch.line
        case .record(let record): record.line
        case .offsetIndex(let offset, let position): "offset \(offset) position \(position)"
        case .timeIndex(let timestamp, let offset): "timestamp \(timestamp) offset \(offset)"
        case .abortedTransaction(let producer, let first, let last, let stable):
            "aborted producer \(producer) offsets \(first)-\(last) last stable \(stable)"
        case .snapshot(let offset, let bytes, let epoch, let producers):
            "snapshot at \(offset): \(bytes) bytes of its segment, leader epoch \(epoch), \(producers) producers"
        case .producer(let producer): producer.line
        case .text(let text): text
        case .damage(let path, let position, let reason): "DAMAGED \(path) at \(position): \(reason)"
        }
    }
}

extension LogDumpEntry.Batch {
    fileprivate var line: String {
        var parts = [
            "position \(position)", "offsets \(baseOffset)-\(lastOffset)", "records \(recordCount)",
            "bytes \(byteCount)", "epoch \(leaderEpoch)", "codec \(codec)",
            "\(isLogAppendTime ? "LogAppendTime" : "CreateTime") \(maxTimestamp)",
        ]
        if producerID >= 0 { parts.append("producer \(producerID):\(producerEpoch) sequence \(baseSequence)") }
        if isTransactional { parts.append("transactional") }
        if isControl { parts.append("control") }
        parts.append("crc \(checksum)" + (isIntact ? "" : " WRONG"))
        return parts.joined(separator: " ")
    }
}

extension LogDumpEntry.Record {
    fileprivate var line: String {
        "  offset \(offset) timestamp \(timestamp) key \(key ?? "-") value \(value ?? "-")"
            + (headers.isEmpty ? "" : " headers \(headers.joined(separator: " "))")
    }
}

extension LogDumpEntry.Producer {
    fileprivate var line: String {
        "  producer \(producerID):\(producerEpoch) last sequence \(lastSequence) last offset \(lastOffset)"
            + " last timestamp \(lastTimestamp) coordinator epoch \(coordinatorEpoch)"
            + (transactionStart.map { " open since \($0)" } ?? "")
    }
}
