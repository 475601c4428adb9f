import KafkaWire

/// A transactional producer, apart from its I/O: which calls are possible, and what the coordinator is asked next.
///
/// A pure rule. At most one request is under way. What it keeps: a record is sent only after its partition belongs to
/// the transaction (or by a version with which it joins by being written); a transaction ends only once every record
/// has its result and all offsets are in; it never commits after one of them failed.
///
/// Source: KIP-98, KIP-360 (recovery by a new epoch), KIP-447 (group metadata), KIP-890 (implicit adds, an epoch per
/// transaction).
struct TransactionStateMachine {
    /// What the producer is doing.
    enum Phase: Hashable {
        case uninitialised
        /// Asking for an id and an epoch: at the start, or after an abort that lost count of the sequences.
        case initialising
        case ready
        case inTransaction
        case committing
        case aborting
        /// Something failed: only an abort helps.
        case abortable
        /// Nothing helps: another producer has the transactional id, or the broker refuses it.
        case fatal
    }

    /// What the broker knows the producer by.
    struct Identity: Hashable {
        var producerID: ProducerID
        var epoch: Int16
    }

    /// Offsets on their way into the transaction.
    struct PendingOffsets: Hashable {
        var id: Int
        var group: ConsumerGroupMetadata
        var offsets: [TopicPartition: CommittedOffset]
    }

    /// What to ask the coordinators, one at a time.
    enum Request: Hashable {
        /// - Parameter recovering: the identity to take the next epoch of; `nil` at the start.
        case initialise(recovering: Identity?)
        case addPartitions([TopicPartition])
        case addOffsets(groupID: String)
        case commitOffsets(PendingOffsets)
        case end(commit: Bool)
    }

    /// What the driver does next.
    enum Step {
        /// Nothing, until something happens.
        case wait
        case send(Request)
        case tell([Outcome])
    }

    /// What a call that waits is told.
    enum Outcome {
        /// Of initialising, committing or aborting.
        case settled(Result<Void, KafkaError>)
        case offsets(id: Int, Result<Void, KafkaError>)
    }

    /// From which transaction version partitions join by being written to, and each transaction has its own epoch.
    static let implicitAddsVersion: Int16 = 2

    let transactionalID: String
    var phase = Phase.uninitialised
    var identity: Identity?
    /// Why the phase is `abortable` or `fatal`.
    var error: KafkaError?
    /// What the coordinator's cluster has finalised; counts from the next transaction on.
    var clusterVersion: Int16 = 0
    /// What the transaction under way goes by.
    var version: Int16 = 0
    /// In the transaction, as the coordinator has confirmed.
    var partitions: Set<TopicPartition> = []
    /// To be added.
    var waitingPartitions: Set<TopicPartition> = []
    /// Groups whose offsets partition is in the transaction.
    var groups: Set<String> = []
    var offsets: [PendingOffsets] = []
    /// The coordinator may have the transaction under way.
    var mayBeOpen = false
    /// The coordinator has confirmed something of the transaction.
    var isOpen = false
    /// The end was sent: its result cannot be changed any more.
    var isEndSent = false
    /// Sequences have a gap that only a new epoch closes.
    var needsNewEpoch = false
    private var lastOffsetsID = 0

    init(transactionalID: String) { self.transactionalID = transactionalID }

    var addsImplicitly: Bool { version >= Self.implicitAddsVersion }

    /// The last transaction is being ended, with what follows an abort.
    var isEnding: Bool {
        switch phase {
        case .committing, .aborting: true
        case .initialising: identity != nil
        case .uninitialised, .ready, .inTransaction, .abortable, .fatal: false
        }
    }

    // MARK: Calls of the application

    mutating func initialise() throws(KafkaError) {
        switch phase {
        case .uninitialised: phase = .initialising
        case .initialising: break
        case .fatal: throw failure
        case .ready, .inTransaction, .committing, .aborting, .abortable:
            throw wrongPhase("transactions are initialised already")
        }
    }

    mutating func begin() throws(KafkaError) {
        switch phase {
        case .ready: phase = .inTransaction
        case .uninitialised, .initialising: throw wrongPhase("call initTransactions first")
        case .inTransaction, .committing, .aborting: throw wrongPhase("a transaction is under way already")
        case .abortable, .fatal: throw failure
        }
        version = clusterVersion
        partitions = []
        groups = []
        mayBeOpen = false
        isOpen = false
        isEndSent = false
    }

    /// A record for this partition; returns whether the driver has something new to do.
    mutating func admit(_ partition: TopicPartition) throws(KafkaError) -> Bool {
        switch phase {
        case .inTransaction: break
        case .uninitialised, .initialising, .ready: throw wrongPhase("a transactional producer sends in transactions")
        case .committing, .aborting: throw wrongPhase("the transaction is being ended")
        case .abortable, .fatal: throw failure
        }
        if addsImplicitly || partitions.contains(partition) { return false }
        return waitingPartitions.insert(partition).inserted
    }

    mutating func add(
        _ added: [TopicPartition: CommittedOffset], of group: ConsumerGroupMetadata
    ) throws(KafkaError) -> Int {
        switch phase {
        case .inTransaction: break
        case .uninitialised, .initialising, .ready, .committing, .aborting:
            throw wrongPhase("offsets are sent in a transaction")
        case .abortable, .fatal: throw failure
        }
        lastOffsetsID += 1
        offsets.append(PendingOffsets(id: lastOffsetsID, group: group, offsets: added))
        return lastOffsetsID
    }

    mutating func beginCommit() throws(KafkaError) {
        switch phase {
        case .inTransaction: phase = .committing
        case .committing: break
        case .abortable, .fatal: throw failure
        case .uninitialised, .initialising, .ready, .aborting: throw wrongPhase("there is no transaction to commit")
        }
    }

    /// Also while a commit waits for its records: it has not been decided then.
    mutating func beginAbort() throws(KafkaError) -> [Outcome] {
        switch phase {
        case .inTransaction, .abortable: break
        case .committing:
            if isEndSent { throw wrongPhase("the commit is decided; commitTransaction waits for its end") }
        case .aborting: return []
        case .fatal: throw failure
        case .uninitialised, .initialising, .ready: throw wrongPhase("there is no transaction to abort")
        }
        let reason = error ?? .transactionAborted
        // Whoever waits for the commit learns that there is none.
        let told: [Outcome] = phase == .committing ? [.settled(.failure(reason))] : []
        phase = .aborting
        error = nil
        waitingPartitions = []
        return told + dropOffsets(reason)
    }

    // MARK: What is next

    /// - Parameters:
    ///   - isDrained: every accepted record has its result.
    ///   - hasGap: a batch that had a sequence was given up.
    mutating func next(isDrained: Bool, hasGap: Bool) -> Step {
        switch phase {
        case .uninitialised, .ready, .abortable, .fatal: return .wait
        case .initialising: return .send(.initialise(recovering: identity))
        case .inTransaction: return nextAddition() ?? .wait
        case .committing:
            if let addition = nextAddition() { return addition }
            guard isDrained else { return .wait }
            return mayBeOpen ? end(commit: true) : .tell([becomeReady()])
        case .aborting:
            guard isDrained else { return .wait }
            needsNewEpoch = needsNewEpoch || hasGap
            return mayBeOpen ? end(commit: false) : afterAbort()
        }
    }

    private mutating func nextAddition() -> Step? {
        if !waitingPartitions.isEmpty {
            mayBeOpen = true
            return .send(.addPartitions(waitingPartitions.sorted()))
        }
        guard let first = offsets.first else { return nil }
        mayBeOpen = true
        if !addsImplicitly, !groups.contains(first.group.groupID) {
            return .send(.addOffsets(groupID: first.group.groupID))
        }
        return .send(.commitOffsets(first))
    }

    private mutating func end(commit: Bool) -> Step {
        isEndSent = true
        return .send(.end(commit: commit))
    }

    /// After the abort of a transaction that lost count, the next epoch begins every sequence at 0.
    mutating func afterAbort() -> Step {
        mayBeOpen = false
        guard needsNewEpoch else { return .tell([becomeReady()]) }
        phase = .initialising
        return .send(.initialise(recovering: identity))
    }

    mutating func becomeReady() -> Outcome {
        phase = .ready
        mayBeOpen = false
        return .settled(.success(()))
    }

    // MARK: Answers

    mutating func initialised(_ identity: Identity) -> [Outcome] {
        guard phase == .initialising else { return [] }
        self.identity = identity
        needsNewEpoch = false
        return [becomeReady()]
    }

    mutating func added(_ added: [TopicPartition]) {
        isOpen = true
        partitions.formUnion(added)
        waitingPartitions.subtract(added)
    }

    mutating func offsetsAdded(groupID: String) {
        isOpen = true
        groups.insert(groupID)
    }

    mutating func offsetsCommitted(_ id: Int) -> [Outcome] {
        isOpen = true
        guard let index = offsets.firstIndex(where: { $0.id == id }) else { return [] }
        offsets.remove(at: index)
        return [.offsets(id: id, .success(()))]
    }

    /// - Parameter identity: for the next transaction, where the coordinator gave one.
    mutating func ended(_ identity: Identity?) -> [Outcome] {
        if let identity, identity != self.identity {
            self.identity = identity
            needsNewEpoch = false
        }
        switch phase {
        case .committing: return [becomeReady()]
        case .aborting:
            switch afterAbort() {
            case .tell(let outcomes): return outcomes
            case .send, .wait: return []
            }
        case .uninitialised, .initialising, .ready, .inTransaction, .abortable, .fatal: return []
        }
    }

    /// Batches are on their way to brokers that add their partitions to the transaction.
    mutating func noteSent() { mayBeOpen = true }

    // MARK: Errors of calls

    /// The error that the producer stands in.
    var failure: KafkaError { error ?? wrongPhase("the producer has failed") }

    private func wrongPhase(_ why: String) -> KafkaError {
        KafkaError(.invalidTransactionState, "\(why) (transactional id '\(transactionalID)')")
    }

    mutating func dropOffsets(_ reason: KafkaError) -> [Outcome] {
        defer { offsets = [] }
        return offsets.map { .offsets(id: $0.id, .failure(reason)) }
    }
}
