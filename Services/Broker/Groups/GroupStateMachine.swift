import KafkaWire
import NIOCore
import OrderedCollections

/// The rules of one group under the classic protocol.
///
/// Every input returns the actions it leads to, in order. The machine has no clock, no randomness and no I/O: time and
/// fresh member ids come with the inputs, records go out as ``GroupAction/persist(_:_:)`` and their outcome comes back
/// through ``committed(_:now:)`` or ``failed(_:_:now:)``. A state diagram is in this folder's README.
///
/// Source: Kafka's group protocol as of KIP-62, -345, -394, -559, -814.
public struct GroupStateMachine: Sendable {
    public let groupId: String
    let configuration: GroupConfiguration

    /// Where the group is in its life.
    public internal(set) var state = GroupState.empty
    /// The current generation; 0 before the first.
    public internal(set) var generation: Generation = 0
    /// What kind of group it is, `consumer` for consumers; `nil` until a first member said so.
    public internal(set) var protocolType: String?
    /// The assignment strategy of this generation.
    public internal(set) var protocolName: String?
    /// The member that assigns.
    public internal(set) var leaderId: String?
    /// Wall clock in milliseconds of the last change of state.
    public internal(set) var stateTimestamp: Int64?
    /// Whether the log holds, or is about to hold, a record of this group.
    public internal(set) var hasRecord = false
    /// The topics its members subscribe to, if it is a consumer group whose subscriptions could be read.
    public internal(set) var subscribedTopics: Set<String>?

    /// When ``tick(now:)`` is due at the latest; a tick that comes early does no harm. `nil`: nothing is pending.
    public internal(set) var nextDeadline: Duration?

    /// In order of arrival.
    var members: OrderedDictionary<String, GroupMember> = [:]
    var memberIdByInstance: [String: String] = [:]
    /// Ids handed out and not used yet, with the time they lapse.
    var pendingMembers: OrderedDictionary<String, Duration> = [:]
    /// How many members offer each protocol.
    var protocolSupport: [String: Int] = [:]
    /// Bytes of what members offer.
    var metadataBytes = 0
    /// How many members wait at the join barrier.
    var awaitingJoin = 0
    var joinBarrier: JoinBarrier?
    /// Members of this generation that have not sent SyncGroup, and when they are given up.
    var awaitedSyncs: Set<String> = []
    var syncDeadline: Duration?
    var assignmentInFlight: AssignmentInFlight?
    var replacementInFlight: ReplacementInFlight?
    private var nextPersistID: PersistID = 1
    private var actions: [GroupAction] = []

    public init(groupId: String, configuration: GroupConfiguration) {
        self.groupId = groupId
        self.configuration = configuration
    }

    /// When the members that have joined go on without the others.
    struct JoinBarrier: Sendable {
        var deadline: Duration
        /// Set while the first rebalance of an empty group collects members; it ends by time only.
        var initial: InitialDelay?
    }

    /// How far the initial rebalance may still be put off.
    struct InitialDelay: Sendable {
        var delay: Duration
        var remaining: Duration
        var memberAdded = false
    }

    /// The leader's assignment on its way to the log.
    struct AssignmentInFlight: Sendable {
        var id: PersistID
        var assignments: [String: ByteBuffer]
    }

    /// A static member's new id on its way to the log.
    struct ReplacementInFlight: Sendable {
        var id: PersistID
        var input: JoinInput
        var oldMemberId: String
        var generation: Generation
    }

    // MARK: What others may know

    /// The number of members, not counting ids that were only handed out.
    public var memberCount: Int { members.count }

    /// True when forgetting the group loses nothing but its offsets.
    public var isVacant: Bool { state == .empty && members.isEmpty && pendingMembers.isEmpty && !hasRecord }

    /// Tickets that are not answered yet.
    public var parkedTickets: [RequestTicket] {
        members.values.flatMap { [$0.joinTicket, $0.syncTicket].compactMap(\.self) }
            + (replacementInFlight.map { [$0.input.ticket] } ?? [])
    }

    // MARK: Actions

    mutating func reply(_ ticket: RequestTicket, _ reply: GroupReply) {
        actions.append(.reply(ticket, reply))
    }

    mutating func persist(_ metadata: GroupMetadata) -> PersistID {
        let id = nextPersistID
        nextPersistID = PersistID(rawValue: id.rawValue + 1)
        hasRecord = true
        actions.append(.persist(id, metadata))
        return id
    }

    /// Hands out what has piled up since the last call.
    mutating func takeActions() -> [GroupAction] {
        defer { actions = [] }
        return actions
    }

    // MARK: State and time

    mutating func transition(to next: GroupState, at now: CoordinatorTime) {
        precondition(state.successors.contains(next), "a group does not go from \(state) to \(next)")
        state = next
        stateTimestamp = now.wallMilliseconds
    }

    /// Notes that something is due; the next tick finds out what.
    mutating func wake(at deadline: Duration) {
        nextDeadline = min(nextDeadline ?? deadline, deadline)
    }

    /// A sign of life: the member's session starts over.
    mutating func renewSession(of memberId: String, at now: CoordinatorTime) {
        guard let timeout = members[memberId]?.sessionTimeout else { return }
        members[memberId]?.sessionDeadline = now.uptime + timeout
        wake(at: now.uptime + timeout)
    }

    /// The longest time any member asked for to finish its work and join again.
    var rebalanceTimeout: Duration { members.values.map(\.rebalanceTimeout).max() ?? .zero }

    // MARK: Validation

    /// What is wrong with a member's claim to belong here, if anything.
    func refusal(of member: MemberIdentity) -> ErrorCode? {
        if let instance = member.groupInstanceId {
            guard let current = memberIdByInstance[instance] else { return .unknownMemberId }
            if current != member.memberId { return .fencedInstanceId }
        }
        return members[member.memberId] == nil ? .unknownMemberId : nil
    }

    /// What is wrong with a member's claim to belong to this generation, if anything.
    func refusal(of member: MemberIdentity, generation claimed: Generation) -> ErrorCode? {
        if state == .dead { return .coordinatorNotAvailable }
        if let refusal = refusal(of: member) { return refusal }
        return claimed == generation ? nil : .illegalGeneration
    }
}
