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
        /// Records are still being added, or the batch was never sent.
        case building(RecordBatchBuilder)
        /// Ready for the wire.
        case encoded(ByteBuffer)
        /// Was ready, but needs another identity in its header.
        case stale(ByteBuffer)
        /// The driver has the content while the batch is in flight.
        case taken
    }

    /// One record's wait for its result.
    struct Delivery {
        var token: Token
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
    var deliveries: [Delivery] = []
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
        content: Content
    ) {
        self.id = id
        self.rootID = rootID ?? id
        self.firstRecord = firstRecord
        self.topicPartition = topicPartition
        self.created = created
        self.content = content
        notBefore = created
    }

    /// Bytes before compression while the batch is being built; 0 afterwards.
    var builtBytes: Int {
        if case .building(let builder) = content { builder.estimatedBytes } else { 0 }
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
