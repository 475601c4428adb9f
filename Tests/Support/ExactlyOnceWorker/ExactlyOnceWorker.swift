import KafkaClient
import Logging
import NIOCore
import ServiceLifecycle

/// Consumes, transforms and produces, each record exactly once, over kills and restarts of itself and of the broker.
///
/// What makes it exact: output and place are committed in one transaction, the place is read back with what is stable
/// only, and after any failure the consumer goes back to the committed place.
struct ExactlyOnceWorker: Service {
    let options: WorkerOptions
    let consumer: KafkaConsumer
    let logger: Logger

    func run() async throws {
        while try await !runWithProducer() {
            // Whoever has taken the transactional id over goes first.
            try await Task.sleep(for: .seconds(1))
        }
        // The consumer is still leaving its group. A service that ends before it is told to counts as failed.
        try await gracefulShutdown()
    }

    /// Works until the consumer stops; false where a new producer is needed.
    private func runWithProducer() async throws -> Bool {
        let producer = try KafkaProducer(configuration: options.producerConfiguration, logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await producer.run() }
            defer { producer.beginShutdown() }
            do {
                try await initialise(producer)
                var count = 0
                for try await batch in consumer.batches {
                    try await process(batch, producer, &count)
                }
                return true
            } catch let error as KafkaError where error.transactionEffect == .fatal {
                logger.warning("A new producer is needed", metadata: ["error": "\(error)"])
                rewind()
                return false
            }
        }
    }

    private func initialise(_ producer: KafkaProducer) async throws {
        while true {
            do throws(KafkaError) {
                return try await producer.initTransactions()
            } catch {
                guard error.code == .requestTimedOut else { throw error }
                logger.warning("No producer id yet", metadata: ["error": "\(error)"])
            }
        }
    }

    /// The batch in transactions of a bounded number of records; what is left after a failure is read again.
    private func process(_ batch: ConsumerBatch, _ producer: KafkaProducer, _ count: inout Int) async throws {
        var start = 0
        repeat {
            let end = min(start + options.recordsPerTransaction, batch.records.count)
            let next = end == batch.records.count ? batch.nextOffset : batch.records[end - 1].offset + 1
            count += 1
            do {
                try await commit(batch, start..<end, next, producer, count)
            } catch {
                try goOn(after: error)
                return
            }
            start = end
        } while start < batch.records.count
    }

    private struct WantedAbort: Error {}

    private func commit(
        _ batch: ConsumerBatch, _ range: Range<Int>, _ next: Offset, _ producer: KafkaProducer, _ count: Int
    ) async throws {
        guard let group = consumer.groupMetadata else { preconditionFailure("a member of a group has metadata") }
        let partition = batch.topicPartition
        try await producer.withTransaction { transaction in
            for record in batch.records[range] {
                var value = ByteBuffer(string: "done:")
                if let original = record.value { value.writeImmutableBuffer(original) }
                try await transaction.enqueue(
                    ProducerRecord(topic: options.output, key: record.key, value: value, headers: record.headers))
            }
            try await transaction.sendOffsets(
                [partition: CommittedOffset(offset: next, leaderEpoch: batch.leaderEpoch)], of: group)
            if options.abortEvery > 0, count % options.abortEvery == 0 { throw WantedAbort() }
        }
    }

    /// Back to the committed place, unless the producer cannot go on.
    private func goOn(after error: any Error) throws {
        if let error = error as? KafkaError {
            if error.transactionEffect == .fatal { throw error }
            logger.info("A transaction is done again", metadata: ["error": "\(error)"])
        } else if !(error is WantedAbort) {
            throw error
        }
        rewind()
    }

    private func rewind() {
        for partition in consumer.assignment {
            do throws(KafkaError) {
                try consumer.seek(partition, to: .committed)
            } catch {
                logger.debug("A partition has just gone", metadata: ["partition": "\(partition)"])
            }
        }
    }
}
