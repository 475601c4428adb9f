import KafkaRecords

/// How a ``KafkaProducer`` batches, retries and bounds its memory. Defaults as in Apache Kafka's Java client.
public struct KafkaProducerConfiguration: Sendable {
    /// Who must have a batch before it counts as written.
    public enum Acks: Int16, Sendable, Hashable {
        /// Nobody: fire and forget. Results carry no offset, and loss goes unseen.
        case none = 0
        /// The partition's leader.
        case leader = 1
        /// Every in-sync replica.
        case all = -1
    }

    /// Where the cluster is, and timeouts.
    public var client: KafkaClientConfiguration
    /// Who must have a batch before it counts as written.
    public var acks: Acks = .all
    /// Every batch carries a producer id and a sequence, so that a retry never writes a record twice. Needs
    /// ``Acks/all`` and at most five requests in flight.
    public var enableIdempotence = true
    /// A batch is sent once it holds this many bytes; at most 1 MiB.
    public var batchSizeBytes = 16 * 1024
    /// How long a batch that is not full waits for more records.
    public var linger: Duration = .zero
    /// How batches are compressed.
    public var compression: Compression = .none
    /// Records accepted and not yet acknowledged take at most this many bytes; further calls wait.
    public var bufferMemoryBytes = 32 * 1024 * 1024
    /// The largest request, and with it the largest record, before compression.
    public var maxRequestSizeBytes = 1024 * 1024
    /// Produce requests that may be unanswered on one connection.
    public var maxInFlightRequests = 5
    /// From acceptance to the last retry: a record is acknowledged, or has failed, within this time.
    public var deliveryTimeout: Duration = .seconds(120)
    /// How long a call waits for metadata or for room in the buffer.
    public var maxBlock: Duration = .seconds(60)
    /// How long a graceful stop goes on sending what was accepted; afterwards the rest fails with
    /// ``KafkaError/Code/closed``. (Java waits for ever; here less than a service's usual deadline for stopping.)
    public var closeTimeout: Duration = .seconds(5)
    /// The name that makes the producer transactional: it sends in transactions only, and fences off every older
    /// producer of the same name, over restarts too. One name per place of work, such as a partition or an instance.
    public var transactionalID: String?
    /// The coordinator aborts a transaction that takes longer; at most the broker's `transaction.max.timeout.ms`.
    public var transactionTimeout: Duration = .seconds(60)

    public init(bootstrapServers: [String], clientID: String = "signalbox-producer") {
        client = KafkaClientConfiguration(bootstrapServers: bootstrapServers, clientID: clientID)
    }

    public init(client: KafkaClientConfiguration) {
        self.client = client
    }

    /// Throws ``KafkaError/Code/invalidConfiguration`` with the name and the value of the first impossible setting.
    public func validate() throws(KafkaError) {
        typealias Shared = KafkaClientConfiguration
        try client.validate()
        try Shared.require(
            (1...1024 * 1024).contains(batchSizeBytes), "batchSizeBytes is \(batchSizeBytes); between 1 and 1048576")
        try Shared.require(linger >= .zero, "linger is \(linger); it must not be negative")
        try Shared.require(
            bufferMemoryBytes >= batchSizeBytes,
            "bufferMemoryBytes (\(bufferMemoryBytes)) is below batchSizeBytes (\(batchSizeBytes))")
        try Shared.require(maxRequestSizeBytes >= 256, "maxRequestSizeBytes is \(maxRequestSizeBytes); at least 256")
        try Shared.require(maxInFlightRequests >= 1, "maxInFlightRequests is \(maxInFlightRequests); at least 1")
        try Shared.requirePositive(deliveryTimeout, "deliveryTimeout")
        try Shared.requirePositive(maxBlock, "maxBlock")
        try Shared.require(closeTimeout >= .zero, "closeTimeout is \(closeTimeout); it must not be negative")
        if let transactionalID {
            try Shared.require(!transactionalID.isEmpty, "transactionalID is empty; leave it out instead")
            try Shared.require(enableIdempotence, "transactionalID needs enableIdempotence")
            try Shared.requirePositive(transactionTimeout, "transactionTimeout")
            try Shared.require(
                transactionTimeout.milliseconds <= Int64(Int32.max),
                "transactionTimeout is \(transactionTimeout); at most 2147483647 ms")
        }
        if enableIdempotence {
            try Shared.require(acks == .all, "enableIdempotence needs acks = all")
            try Shared.require(
                maxInFlightRequests <= 5,
                "enableIdempotence allows maxInFlightRequests up to 5, not \(maxInFlightRequests)")
        }
    }
}
