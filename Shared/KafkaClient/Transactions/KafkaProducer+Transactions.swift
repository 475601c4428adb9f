import KafkaWire
import Logging

extension KafkaProducer {
    /// Gets the producer id of the transactional id: once, before the first transaction.
    ///
    /// Ends what an earlier producer of the same transactional id has left open, and fences that producer off.
    public func initTransactions() async throws(KafkaError) {
        let transactions = try transactions()
        let waiter = try transactions.enter { machine throws(KafkaError) in
            try machine.initialise()
            return []
        }
        try await transactions.wait(waiter, "initialising transactions")
    }

    /// Begins a transaction; waits for the end of one that is still being committed or aborted.
    public func beginTransaction() async throws(KafkaError) {
        try await transactions().begin()
    }

    /// Commits: waits until every record and all offsets are in, then until the coordinator has decided.
    ///
    /// After a failed delivery it throws that failure; abort then. A call that was cancelled or took longer than
    /// `maxBlock` goes on, and a second one waits for its end.
    public func commitTransaction() async throws(KafkaError) {
        let transactions = try transactions()
        let waiter = try transactions.enter { machine throws(KafkaError) in
            try machine.beginCommit()
            return []
        }
        do throws(KafkaError) {
            try await core.flush()
        } catch {
            if error.code == .cancelled { throw error }
            // The transaction knows of the failure, and the commit throws it.
            core.logger.debug("A record of the transaction was not written", metadata: ["error": "\(error)"])
        }
        try await transactions.wait(waiter, "committing the transaction")
    }

    /// Aborts: records that wait fail with ``KafkaError/Code/transactionAborted``, and nothing of the transaction is
    /// ever read by a read_committed consumer.
    public func abortTransaction() async throws(KafkaError) {
        let transactions = try transactions()
        let waiter = try transactions.enter { machine throws(KafkaError) in try machine.beginAbort() }
        try await transactions.wait(waiter, "aborting the transaction")
    }

    /// Commits offsets of a consumer group as a part of the transaction; do not commit them with the consumer too.
    ///
    /// - Parameters:
    ///   - offsets: per partition the next record to read.
    ///   - group: ``KafkaConsumer/groupMetadata`` as it is now, so that a member that has lost its partitions is
    ///     refused.
    public func sendOffsets(
        _ offsets: [TopicPartition: CommittedOffset], of group: ConsumerGroupMetadata
    ) async throws(KafkaError) {
        let transactions = try transactions()
        if offsets.isEmpty { return }
        try await transactions.sendOffsets(offsets, of: group)
    }

    /// Runs `body` in a transaction: commits when it returns, aborts when it or the commit throws, and throws that.
    ///
    /// Also when the task was cancelled the abort is done, by ``run()``. With a fatal error there is nothing to abort.
    @discardableResult
    public func withTransaction<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: (KafkaTransaction) async throws -> Value
    ) async throws -> Value {
        try await beginTransaction()
        do {
            let value = try await body(KafkaTransaction(producer: self))
            try await commitTransaction()
            return value
        } catch {
            await abortAfterFailure()
            throw error
        }
    }

    private func abortAfterFailure() async {
        do throws(KafkaError) {
            try await abortTransaction()
        } catch {
            // Cancelled: the abort goes on. Fatal, or the commit is decided: nothing to abort.
            core.logger.debug("The abort was not waited for", metadata: ["error": "\(error)"])
        }
    }

    private func transactions() throws(KafkaError) -> TransactionDriver {
        guard let transactions = core.transactions else {
            throw KafkaError(.invalidTransactionState, "the producer's configuration has no transactionalID")
        }
        return transactions
    }
}
