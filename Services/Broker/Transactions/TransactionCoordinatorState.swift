import HeapModule
import KafkaWire

/// All transactional ids of this broker, by the rule "decide, commit, apply".
///
/// An input decides: it yields replies and records. What the records say becomes true here only when the driver
/// reports them committed, through the same application as the replay at start-up. A value without I/O: one owner
/// calls it, performs the actions in order, and calls ``tick(now:)`` when ``nextDeadline`` has come.
///
/// One step of an id is on its way at a time; what comes meanwhile is answered `CONCURRENT_TRANSACTIONS`, but a request
/// that adds partitions may wait a little for the step to be done.
public struct TransactionCoordinatorState: Sendable {
    public let configuration: TransactionConfiguration

    /// A transactional id and what is on its way for it.
    struct Entry: Sendable {
        /// What the log says; `nil` while an id's first record is on its way.
        var metadata: TransactionMetadata?
        var step: Step?
        var parked: [ParkedAdd] = []
        /// Partitions that a prepared transaction has no marker in yet.
        var missingMarkers: Set<TopicPartition> = []
        /// When markers or a completion are tried again.
        var retryDue: Duration?
    }

    /// A change whose append is on its way.
    struct Step: Sendable {
        var token: TransactionToken
        /// `nil`: the id is forgotten.
        var next: TransactionMetadata?
        var purpose: Purpose
    }

    enum Purpose: Sendable {
        case initialize(TransactionTicket)
        case add(TransactionTicket)
        case end(TransactionTicket)
        /// The coordinator aborts: for a new instance that asked, or because of the timeout.
        case fence(TransactionTicket?)
        case complete
        case expire
    }

    struct ParkedAdd: Sendable {
        var input: AddPartitionsInput
        var deadline: Duration
    }

    /// A partition of `__transaction_state` that this broker coordinates.
    struct PartitionState: Sendable, Hashable {
        var coordinatorEpoch: Int32
        var isLoading = true
    }

    struct Deadline: Sendable, Comparable {
        var at: Duration
        var transactionalID: String

        static func < (left: Self, right: Self) -> Bool {
            (left.at, left.transactionalID) < (right.at, right.transactionalID)
        }
    }

    var entries: [String: Entry] = [:]
    var partitions: [Int32: PartitionState] = [:]
    /// The ids whose records an append holds.
    var appends: [TransactionToken: [String]] = [:]
    /// Ids with a transaction that has a timeout.
    var open: Set<String> = []
    var deadlines = Heap<Deadline>()
    var timeoutCheckDue: Duration?
    var expirationCheckDue: Duration?
    private var spareProducerIDs: [ProducerID] = []
    private var nextToken: TransactionToken = 1

    /// Markers that are not written yet.
    public internal(set) var pendingMarkerCount = 0
    /// Requests that wait for the transaction before theirs.
    public internal(set) var parkedCount = 0

    public init(configuration: TransactionConfiguration) {
        self.configuration = configuration
    }

    // MARK: What others may know

    /// The number of transactional ids held.
    public var idCount: Int { entries.count }
    /// The number of transactions that are neither committed nor aborted.
    public var openCount: Int { open.count }
    /// The number of appends whose outcome is awaited.
    public var pendingAppendCount: Int { appends.count }

    /// When ``tick(now:)`` is due at the latest; a tick that comes early does no harm. `nil`: nothing is pending.
    public var nextDeadline: Duration? {
        [deadlines.min?.at, timeoutCheckDue, expirationCheckDue].compactMap(\.self).min()
    }

    /// Every ticket that is not answered yet.
    public var waitingTickets: [TransactionTicket] {
        entries.values.flatMap { entry in
            entry.parked.map(\.input.ticket) + [entry.step?.purpose.ticket].compactMap(\.self)
        }
    }

    /// What the log says about an id.
    public func metadata(_ transactionalID: String) -> TransactionMetadata? { entries[transactionalID]?.metadata }

    /// Why requests about an id are refused here, if they are: its partition is another broker's, or is loading.
    public func availability(of transactionalID: String) -> ErrorCode? {
        switch partitions[configuration.partition(for: transactionalID)]?.isLoading {
        case nil: .notCoordinator
        case true: .coordinatorLoadInProgress
        case false: nil
        }
    }

    /// As ``availability(of:)``, for requests that need an id. The id must fit into a record's key.
    func refusal(of transactionalID: String) -> ErrorCode? {
        if transactionalID.isEmpty || transactionalID.utf8.count > Int(Int16.max) { return .invalidRequest }
        return availability(of: transactionalID)
    }

    // MARK: Producer ids

    /// Whether ``offer(_:)`` is wanted before the next request: one may need a new producer id.
    public var wantsProducerID: Bool { spareProducerIDs.isEmpty }

    /// Hands over a producer id that was never given to anybody.
    public mutating func offer(_ id: ProducerID) { spareProducerIDs.append(id) }

    mutating func takeProducerID() -> ProducerID? { spareProducerIDs.popLast() }

    // MARK: Steps

    /// Begins a step: from here on nothing else happens to the id until the append's outcome is known.
    mutating func begin(
        _ purpose: Purpose, of transactionalID: String, to next: TransactionMetadata?
    ) -> [TransactionAction] {
        do {
            let record = try TransactionRecord(transactionalID: transactionalID, next)
            let token = makeToken(for: [transactionalID])
            entries[transactionalID, default: Entry()].step = Step(token: token, next: next, purpose: purpose)
            return [.append(token, partition: configuration.partition(for: transactionalID), records: [record])]
        } catch {
            // A topic's name that the record format has no room for; no retry can help.
            return purpose.ticket.map { [.reply($0, TransactionReply(.unknownServerError))] } ?? []
        }
    }

    mutating func makeToken(for ids: [String]) -> TransactionToken {
        let token = nextToken
        nextToken = TransactionToken(rawValue: token.rawValue + 1)
        appends[token] = ids
        return token
    }

    /// Whether there is no room for another record on its way.
    var isBusy: Bool { appends.count + parkedCount >= configuration.maximumPendingAppends }
    /// Whether there is no room for the markers of another transaction.
    func hasNoRoomForMarkers(of metadata: TransactionMetadata) -> Bool {
        pendingMarkerCount > 0
            && pendingMarkerCount + metadata.partitions.count > configuration.maximumPendingMarkers
    }

    mutating func schedule(_ transactionalID: String, at: Duration) {
        deadlines.insert(Deadline(at: at, transactionalID: transactionalID))
    }
}

extension TransactionCoordinatorState.Purpose {
    /// Who waits for the step.
    var ticket: TransactionTicket? {
        switch self {
        case .initialize(let ticket), .add(let ticket), .end(let ticket): ticket
        case .fence(let ticket): ticket
        case .complete, .expire: nil
        }
    }
}
