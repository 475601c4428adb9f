import HeapModule
import KafkaWire
import OrderedCollections

/// What the coordinator asks of its driver.
public enum CoordinatorAction: Sendable, Hashable {
    /// Answer a request; a ticket is answered exactly once.
    case reply(RequestTicket, GroupReply)
    /// Append these records as one batch to this partition of `__consumer_offsets`, wait until they are committed, and
    /// say so by ``GroupCoordinatorState/committed(_:now:)`` or ``GroupCoordinatorState/failed(_:_:now:)``. Appends to
    /// one partition happen, and are reported, in the order in which they were asked for.
    ///
    /// With a producer the batch is part of that producer's transaction: transactional, with its id and epoch.
    case append(CommitToken, partition: Int32, records: [GroupRecord], producer: TransactionalProducer?)
}

/// All groups of this broker, by the rule "decide, commit, apply".
///
/// An input decides: it yields replies and records. What the records say becomes true here only when the driver
/// reports them committed, through the same application as the replay at start-up. A value without I/O: one owner
/// calls it, performs the actions in order, and calls ``tick(now:)`` when ``nextDeadline`` has come.
public struct GroupCoordinatorState: Sendable {
    public let configuration: GroupConfiguration

    /// A group, its offsets, and what is on its way for it.
    struct Entry: Sendable {
        var machine: GroupStateMachine
        /// Set while the group is one of the next-generation protocol; ``machine`` is then empty.
        var consumer: ConsumerGroupStateMachine?
        var offsets = OffsetsTable()
        let partition: Int32
        /// Appends whose outcome is awaited.
        var appends = 0
        /// The group's tombstones are on their way: until their outcome is known, nobody gets in.
        var isBeingRemoved = false
        /// The time of this group's one valid entry among the deadlines.
        var scheduled: Duration?
    }

    /// A partition of `__consumer_offsets` that this broker coordinates.
    enum PartitionState: Sendable, Hashable {
        case loading
        case active
    }

    /// What an append will change once it is committed.
    enum PendingAppend: Sendable {
        case metadata(groupId: String, PersistID)
        case offsets(OffsetCommitInput, [TopicPartition: CommittedOffset], OffsetCommitReply)
        case removal(Removal)
        /// - Parameter replacesClassic: the empty classic group's tombstone goes with it.
        case consumer(groupId: String, PersistID, replacesClassic: Bool)
        /// Tombstones of an empty group of the next-generation protocol that becomes a classic one.
        case conversion(groupId: String)

        var groupId: String {
            switch self {
            case .metadata(let groupId, _), .consumer(let groupId, _, _), .conversion(let groupId): groupId
            case .offsets(let input, _, _): input.groupId
            case .removal(let removal): removal.groupId
            }
        }

        /// The request that waits for the outcome, if one does.
        var ticket: RequestTicket? {
            switch self {
            case .metadata, .consumer, .conversion: nil
            case .offsets(let input, _, _): input.ticket
            case .removal(let removal): removal.request?.ticket
            }
        }
    }

    struct GroupDeadline: Sendable, Comparable {
        var deadline: Duration
        var groupId: String

        static func < (left: Self, right: Self) -> Bool {
            (left.deadline, left.groupId) < (right.deadline, right.groupId)
        }
    }

    var entries: [String: Entry] = [:]
    var partitions: [Int32: PartitionState] = [:]
    var appends: OrderedDictionary<CommitToken, PendingAppend> = [:]
    var deadlines = Heap<GroupDeadline>()
    var retentionCheckDue: Duration?
    /// Groups with offsets of open transactions, by partition and producer.
    var openTransactions: [Int32: [ProducerID: Set<String>]] = [:]
    /// What there is to subscribe to.
    var topics = GroupTopics()
    /// What one append may take, which the driver keeps to `max.message.bytes` of `__consumer_offsets`. Removals are
    /// split to fit.
    public var maximumAppendBytes = 1_048_588
    /// Bytes of members' protocols and subscriptions, over all groups.
    public internal(set) var metadataBytes = 0
    private var nextToken: CommitToken = 1

    public init(configuration: GroupConfiguration) {
        self.configuration = configuration
    }

    // MARK: What others may know

    /// The number of groups held.
    public var groupCount: Int { entries.count }

    /// The number of appends whose outcome is awaited.
    public var pendingAppendCount: Int { appends.count }

    /// When ``tick(now:)`` is due at the latest; a tick that comes early does no harm. `nil`: nothing is pending.
    public var nextDeadline: Duration? {
        [deadlines.min?.deadline, retentionCheckDue].compactMap(\.self).min()
    }

    /// Every ticket that is not answered yet.
    public var parkedTickets: [RequestTicket] {
        entries.values.flatMap { $0.machine.parkedTickets + ($0.consumer?.parkedTickets ?? []) }
            + appends.values.compactMap(\.ticket)
    }

    /// One group's rules, for inspection.
    public func group(_ groupId: String) -> GroupStateMachine? { entries[groupId]?.machine }

    /// Why requests about a group are refused here, if they are: its partition is another broker's, or is loading.
    public func availability(ofGroup groupId: String) -> ErrorCode? {
        switch partitions[configuration.partition(forGroup: groupId)] {
        case nil: .notCoordinator
        case .loading: .coordinatorLoadInProgress
        case .active: nil
        }
    }

    /// As ``availability(ofGroup:)``, for requests that need a group's name. The name must fit into a record's key.
    func refusal(ofGroup groupId: String) -> ErrorCode? {
        if groupId.isEmpty || groupId.utf8.count > Int(Int16.max) { return .invalidGroupId }
        return availability(ofGroup: groupId)
    }

    // MARK: Performing a group's actions

    /// Lets a group act, and turns what it asks for into the driver's terms.
    mutating func act(
        _ groupId: String, now: CoordinatorTime, _ input: (inout GroupStateMachine) -> [GroupAction]
    ) -> [CoordinatorAction] {
        guard var entry = entries.removeValue(forKey: groupId) else { return [] }
        metadataBytes -= entry.machine.metadataBytes
        let actions = input(&entry.machine)
        metadataBytes += entry.machine.metadataBytes
        entries[groupId] = entry
        let performed = perform(actions, of: groupId, now: now)
        settle(groupId)
        return performed
    }

    private mutating func perform(
        _ actions: [GroupAction], of groupId: String, now: CoordinatorTime
    ) -> [CoordinatorAction] {
        var performed: [CoordinatorAction] = []
        for action in actions {
            switch action {
            case .reply(let ticket, let reply):
                performed.append(.reply(ticket, reply))
            case .persist(let id, let metadata):
                do {
                    let record = try GroupRecord(.group(groupId: groupId, metadata))
                    performed.append(begin(.metadata(groupId: groupId, id), records: [record]))
                } catch {
                    // A name that the record format has no room for; no retry can help.
                    let consequences = entries[groupId]?.machine.failed(id, .messageTooLarge, now: now) ?? []
                    performed += perform(consequences, of: groupId, now: now)
                }
            }
        }
        return performed
    }

    mutating func begin(
        _ pending: PendingAppend, records: [GroupRecord], producer: TransactionalProducer? = nil
    ) -> CoordinatorAction {
        let token = nextToken
        nextToken = CommitToken(rawValue: token.rawValue + 1)
        appends[token] = pending
        entries[pending.groupId]?.appends += 1
        let partition = configuration.partition(forGroup: pending.groupId)
        return .append(token, partition: partition, records: records, producer: producer)
    }

    /// Forgets the group if nothing is left of it, else makes sure its next deadline is known.
    mutating func settle(_ groupId: String) {
        if entries[groupId]?.consumer?.isVacant == true { entries[groupId]?.consumer = nil }
        guard let entry = entries[groupId] else { return }
        if entry.isVacant {
            entries[groupId] = nil
        } else if let deadline = entry.nextDeadline, deadline < entry.scheduled ?? .seconds(Int64.max) {
            entries[groupId]?.scheduled = deadline
            deadlines.insert(GroupDeadline(deadline: deadline, groupId: groupId))
            dropOldDeadlines()
        }
    }

    /// Deadlines of forgotten groups, and those that a closer one took the place of, stay until their time or until
    /// there are more of them than of the others: groups that come and go must not pile them up.
    private mutating func dropOldDeadlines() {
        guard deadlines.count > 2 * entries.count + Self.oldDeadlinesKept else { return }
        deadlines = Heap(
            entries.compactMap { groupId, entry in
                entry.scheduled.map { GroupDeadline(deadline: $0, groupId: groupId) }
            })
    }

    private static let oldDeadlinesKept = 64

    /// The number of deadlines held, old ones among them.
    public var deadlineCount: Int { deadlines.count }

    /// Makes room for a group that is not known yet; false when there is none.
    mutating func create(_ groupId: String) -> Bool {
        if entries[groupId] != nil { return true }
        guard entries.count < configuration.maximumGroups else { return false }
        insertEmptyGroup(groupId)
        return true
    }

    mutating func insertEmptyGroup(_ groupId: String) {
        entries[groupId] = Entry(
            machine: GroupStateMachine(groupId: groupId, configuration: configuration),
            partition: configuration.partition(forGroup: groupId))
    }
}
