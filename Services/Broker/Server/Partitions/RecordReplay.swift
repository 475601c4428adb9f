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

    /// What one batch of the log says.
    enum Entry {
        /// Records, with the producer whose transaction they are part of.
        case records([Record], transactionOf: ProducerID?)
        /// A producer's transaction ended here.
        case transactionEnd(ProducerID, isCommit: Bool)
        /// A batch whose records cannot be read; the walk goes on behind it.
        case unreadable(at: Offset, RecordError)
    }

    /// Where to read from; `nil` when everything was seen.
    private(set) var position: Offset?
    private let end: Offset

    init(from start: Offset, to end: Offset) {
        position = start < end ? start : nil
        self.end = end
    }

    /// The records of what was read from ``position``, which moves behind them; markers are passed over.
    ///
    /// - Throws: a `RecordError` for a batch that cannot be decoded, or the I/O error of reading it.
    mutating func records(of payload: RecordsPayload) throws -> [Record] {
        var records: [Record] = []
        for entry in try entries(of: payload) {
            switch entry {
            case .records(let more, _): records += more
            case .transactionEnd: break
            case .unreadable(_, let error): throw error
            }
        }
        return records
    }

    /// The batches of what was read from ``position``, which moves behind them.
    ///
    /// - Throws: a `RecordError` where not even the batch's end can be found, or the I/O error of reading it.
    mutating func entries(of payload: RecordsPayload) throws -> [Entry] {
        var entries: [Entry] = []
        var batches = RecordBatchSequence(try payload.contiguous(), trailing: .stop)
        var next: Offset?
        while let batch = try batches.next() {
            next = batch.header.nextOffset
            do throws(RecordError) {
                if let entry = try entry(batch) { entries.append(entry) }
            } catch {
                entries.append(.unreadable(at: batch.header.baseOffset, error))
            }
        }
        // No whole batch means that there is nothing more to see.
        position = next.flatMap { $0 < end ? $0 : nil }
        return entries
    }

    private func entry(_ batch: RecordBatch) throws(RecordError) -> Entry? {
        // Nobody else would notice a bit that has flipped on the disk.
        try batch.header.verifyChecksum(of: batch.bytes)
        let attributes = batch.header.attributes
        if attributes.isControl, !attributes.isTransactional { return nil }
        var reader = try RecordBatchReader(batch, maximumDecompressedBytes: Self.maximumBatchBytes)
        let records = try reader.readAll().filter { record in position.map { record.offset >= $0 } ?? false }
        guard attributes.isControl else {
            return .records(records, transactionOf: attributes.isTransactional ? batch.header.producerID : nil)
        }
        // A marker that compaction has emptied ends nothing that is still there.
        guard let marker = records.first else { return nil }
        switch try ControlRecord(key: marker.key) {
        case .commit: return .transactionEnd(batch.header.producerID, isCommit: true)
        case .abort: return .transactionEnd(batch.header.producerID, isCommit: false)
        case .other: return nil
        }
    }
}
