import KafkaRecords
import KafkaWire
import NIOCore

/// Producer id and epoch, with the sequence of a batch's first record.
struct BatchIdentity: Hashable, Sendable {
    var producerID: ProducerID
    var epoch: Int16
    var baseSequence: Int32
}

/// A batch between its first record and its result.
struct ProducerBatch<Token> {
    /// What the batch's bytes are.
    enum Content {
        /// The builder has them: records are still being added, or the batch was never sent.
        case building
        /// Ready for the wire.
        case encoded(ByteBuffer)
        /// Was ready, but needs another identity in its header.
        case stale(ByteBuffer)
        /// The driver has the content while the batch is in flight.
        case taken
    }

    /// A wait for the results of consecutive records. Records that nobody waits for have none.
    struct Report {
        var token: Token
        /// The first of the records, by its place in the batch.
        var first: Int
        var count: Int
        /// Of the records that the token stands for, those in front of these: a batch that was split has them.
        var skipped = 0
        /// The first record's, in milliseconds since 1970 UTC.
        var timestamp: Int64
    }

    let id: Int
    /// The batch this one is a part of since it was split; its own id otherwise.
    let rootID: Int
    /// How many records the partition accepted before this batch's first: the order of a partition's batches.
    let firstRecord: Int
    let topicPartition: TopicPartition
    /// When the first record was accepted; delivery timeout and linger count from here.
    let created: NIODeadline
    var content: Content
    /// Where records are added; mutated in place, for a second owner would copy its buffer.
    var builder: RecordBatchBuilder
    var recordsCount = 0
    /// Ascending by their first record.
    var reports: [Report] = []
    /// What the batch counts for in the buffer's memory.
    var memoryBytes = 0
    /// No more records are added.
    var isSealed = false
    var attempts = 0
    var notBefore: NIODeadline
    /// Set when the batch is first sent by an idempotent producer, and kept over retries.
    var identity: BatchIdentity?

    init(
        id: Int, rootID: Int? = nil, firstRecord: Int, topicPartition: TopicPartition, created: NIODeadline,
        builder: RecordBatchBuilder
    ) {
        self.id = id
        self.rootID = rootID ?? id
        self.firstRecord = firstRecord
        self.topicPartition = topicPartition
        self.created = created
        self.builder = builder
        content = .building
        notBefore = created
    }

    /// Bytes before compression while the batch is being built; 0 afterwards.
    var builtBytes: Int {
        if case .building = content { builder.estimatedBytes } else { 0 }
    }

    /// Whether an open batch takes a record of this size; seals it where it is too full for it.
    ///
    /// Mutating, as is all that happens per record: a batch is read in place only by changing it.
    mutating func makesRoom(for recordBytes: Int, limit: Int) -> Bool {
        if isSealed { return false }
        isSealed = builtBytes + recordBytes > limit
        return !isSealed
    }

    /// Adds a record; the batch is sealed once it holds `limit` bytes.
    ///
    /// - Parameter token: who waits for the result; asked for only where the record does not belong to the last report.
    /// - Returns: by how many bytes the batch's memory grew, and whether it takes no more.
    mutating func add(
        timestamp: Int64, key: ByteBuffer?, value: ByteBuffer?, headers: [RecordHeader], token: () -> Token?,
        continues: Bool, limit: Int
    ) -> (grownBytes: Int, isFull: Bool) {
        var grown = report(token, continues: continues, timestamp: timestamp)
        let before = builder.estimatedBytes
        builder.append(timestamp: timestamp, key: key, value: value, headers: headers)
        let after = builder.estimatedBytes
        recordsCount += 1
        grown += after - before
        memoryBytes += grown
        isSealed = after >= limit
        return (grown, isSealed)
    }

    /// Lets the next record belong to the last report, if that is about the record before it, or to a new one.
    private mutating func report(_ token: () -> Token?, continues: Bool, timestamp: Int64) -> Int {
        if continues, let last = reports.indices.last, reports[last].first + reports[last].count == recordsCount {
            reports[last].count += 1
            return 0
        }
        guard let token = token() else { return 0 }
        reports.append(Report(token: token, first: recordsCount, count: 1, timestamp: timestamp))
        return Self.reportOverheadBytes
    }

    /// What a report's bookkeeping counts for beside the bytes of its records.
    static var reportOverheadBytes: Int { 64 }

    /// The reports of a part of the records, counted from the part's start.
    func reports(of records: Range<Int>) -> [Report] {
        reports.compactMap { report in
            let part = (report.first..<report.first + report.count).clamped(to: records)
            guard !part.isEmpty else { return nil }
            return Report(
                token: report.token, first: part.lowerBound - records.lowerBound, count: part.count,
                skipped: report.skipped + part.lowerBound - report.first, timestamp: report.timestamp)
        }
    }
}

/// A batch as the driver sends it.
struct DrainedBatch {
    let id: Int
    let topicPartition: TopicPartition
    let identity: BatchIdentity?
    let isTransactional: Bool
    var content: Content

    enum Content {
        case builder(RecordBatchBuilder)
        case encoded(ByteBuffer)
        case stale(ByteBuffer)
    }

    /// The batch's bytes with its identity in the header; compresses where that was not done before.
    mutating func encode(_ compression: Compression) throws(RecordError) -> ByteBuffer {
        switch content {
        case .encoded(let bytes):
            return bytes
        case .builder(var builder):
            content = .encoded(ByteBuffer())
            return try finish(&builder, compression)
        case .stale(let bytes):
            var builder = try RecordBatchBuilder(copying: bytes)
            return try finish(&builder, compression)
        }
    }

    private mutating func finish(
        _ builder: inout RecordBatchBuilder, _ compression: Compression
    ) throws(RecordError) -> ByteBuffer {
        let bytes = try builder.finish(
            compression: compression, producerID: identity?.producerID ?? .none,
            producerEpoch: identity?.epoch ?? -1, baseSequence: identity?.baseSequence ?? -1,
            isTransactional: isTransactional)
        content = .encoded(bytes)
        return bytes
    }
}

extension RecordBatchBuilder {
    /// What this client's own batches may take decompressed; they were built here, so only a bug goes over it.
    static var ownBatchLimitBytes: Int { 256 * 1024 * 1024 }

    /// A builder with the records of a finished batch.
    init(copying batch: ByteBuffer) throws(RecordError) {
        self.init(capacity: batch.readableBytes)
        var reader = try RecordBatchReader(batch, maximumDecompressedBytes: Self.ownBatchLimitBytes)
        while let record = try reader.next() {
            append(record)
        }
    }

    private mutating func append(_ record: Record) {
        append(timestamp: record.timestamp, key: record.key, value: record.value, headers: record.headers)
    }

    /// Two builders with the first and the second half of the records of a finished batch.
    static func halves(of batch: ByteBuffer) throws(RecordError) -> (RecordBatchBuilder, RecordBatchBuilder) {
        var reader = try RecordBatchReader(batch, maximumDecompressedBytes: Self.ownBatchLimitBytes)
        let count = Int(reader.header.recordsCount)
        var first = RecordBatchBuilder(capacity: batch.readableBytes / 2)
        var second = RecordBatchBuilder(capacity: batch.readableBytes / 2)
        var index = 0
        while let record = try reader.next() {
            if index < count / 2 { first.append(record) } else { second.append(record) }
            index += 1
        }
        return (first, second)
    }
}
