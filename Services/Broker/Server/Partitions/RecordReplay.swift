import KafkaRecords
import KafkaWire

/// Walks all records of a log from its start to where it ended when the walk began.
///
/// Says where to read next; the caller reads, because a log belongs to its own thread.
struct RecordReplay {
    /// Bytes asked for in one read.
    static let chunkBytes = 1024 * 1024
    /// The most that one compressed batch of an internal topic may unpack to.
    private static let maximumBatchBytes = 256 * 1024 * 1024

    /// Where to read from; `nil` when everything was seen.
    private(set) var position: Offset?
    private let end: Offset

    init(from start: Offset, to end: Offset) {
        position = start < end ? start : nil
        self.end = end
    }

    /// The records of what was read from ``position``, which moves behind them.
    ///
    /// - Throws: a `RecordError` for a batch that cannot be decoded, or the I/O error of reading it.
    mutating func records(of payload: RecordsPayload) throws -> [Record] {
        var records: [Record] = []
        var batches = RecordBatchSequence(try payload.contiguous(), trailing: .stop)
        var next: Offset?
        while let batch = try batches.next() {
            next = batch.header.nextOffset
            if batch.header.isControl { continue }
            var reader = try RecordBatchReader(batch, maximumDecompressedBytes: Self.maximumBatchBytes)
            records += try reader.readAll().filter { record in position.map { record.offset >= $0 } ?? false }
        }
        // No whole batch means that there is nothing more to see.
        position = next.flatMap { $0 < end ? $0 : nil }
        return records
    }
}
