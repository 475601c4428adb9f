import KafkaWire
import NIOCore
import OrderedCollections

/// SyncGroup, and the assignment's way through the log.
extension GroupStateMachine {
    /// A member asks for its assignment; the leader brings everyone's.
    public mutating func sync(_ input: SyncInput, now: CoordinatorTime) -> [GroupAction] {
        if let refusal = refusal(of: input) {
            reply(input.ticket, .sync(SyncReply(refusal)))
            return takeActions()
        }
        let memberId = input.member.memberId
        switch state {
        case .preparingRebalance:
            reply(input.ticket, .sync(SyncReply(.rebalanceInProgress)))
        case .completingRebalance:
            awaitedSyncs.remove(memberId)
            parkSync(of: memberId, ticket: input.ticket)
            if memberId == leaderId, assignmentInFlight == nil { persistAssignment(input.assignments) }
        case .stable:
            awaitedSyncs.remove(memberId)
            renewSession(of: memberId, at: now)
            reply(input.ticket, .sync(assignment(of: memberId)))
        case .empty, .dead:
            reply(input.ticket, .sync(SyncReply(.unknownMemberId)))
        }
        return takeActions()
    }

    private func refusal(of input: SyncInput) -> ErrorCode? {
        if let refusal = refusal(of: input.member, generation: input.generation) { return refusal }
        let agrees = { (claimed: String?, own: String?) in claimed == nil || own == nil || claimed == own }
        let consistent = agrees(input.protocolType, protocolType) && agrees(input.protocolName, protocolName)
        return consistent ? nil : .inconsistentGroupProtocol
    }

    private func assignment(of memberId: String) -> SyncReply {
        SyncReply(
            .none, protocolType: protocolType, protocolName: protocolName,
            assignment: members[memberId]?.assignment ?? ByteBuffer())
    }

    /// Members the leader left out get an empty assignment; ids it made up are dropped.
    private mutating func persistAssignment(_ assignments: [String: ByteBuffer]) {
        var complete: [String: ByteBuffer] = [:]
        for memberId in members.keys {
            complete[memberId] = assignments[memberId].map { ByteBuffer(buffer: $0) } ?? ByteBuffer()
        }
        var next = self
        next.setAssignments(complete)
        let id = persist(next.snapshot)
        assignmentInFlight = AssignmentInFlight(id: id, assignments: complete)
    }

    private mutating func setAssignments(_ assignments: [String: ByteBuffer]) {
        for memberId in Array(members.keys) {
            members[memberId]?.assignment = assignments[memberId] ?? ByteBuffer()
        }
    }

    /// Answers everyone who waits for an assignment with an error; nobody has one any more.
    mutating func rejectSyncs(with error: ErrorCode, at now: CoordinatorTime) {
        setAssignments([:])
        for member in members.values where member.syncTicket != nil {
            answerSync(of: member.memberId, SyncReply(error))
            renewSession(of: member.memberId, at: now)
        }
    }

    // MARK: Outcomes

    /// The record with this id is committed.
    public mutating func committed(_ id: PersistID, now: CoordinatorTime) -> [GroupAction] {
        if let assignment = assignmentInFlight, assignment.id == id {
            assignmentInFlight = nil
            setAssignments(assignment.assignments)
            transition(to: .stable, at: now)
            for member in members.values where member.syncTicket != nil {
                answerSync(of: member.memberId, self.assignment(of: member.memberId))
                renewSession(of: member.memberId, at: now)
            }
        } else if let replacement = replacementInFlight, replacement.id == id {
            replacementInFlight = nil
            finishReplacement(replacement, now: now)
        }
        return takeActions()
    }

    /// The record with this id could not be committed.
    ///
    /// - Parameter error: the append's own error; the group's clients get the one that fits them.
    public mutating func failed(_ id: PersistID, _ error: ErrorCode, now: CoordinatorTime) -> [GroupAction] {
        let answer = error.asGroupAppendError
        if let assignment = assignmentInFlight, assignment.id == id {
            assignmentInFlight = nil
            rejectSyncs(with: answer, at: now)
            prepareRebalance(at: now)
        } else if let replacement = replacementInFlight, replacement.id == id {
            replacementInFlight = nil
            reply(replacement.input.ticket, .join(JoinReply(answer, memberId: "")))
        }
        return takeActions()
    }
}

extension ErrorCode {
    /// An append's error as members of the group are told it: where to go or to try again, never the log's own affairs.
    var asGroupAppendError: ErrorCode {
        switch self {
        case .unknownTopicOrPartition, .notEnoughReplicas, .notEnoughReplicasAfterAppend, .requestTimedOut:
            .coordinatorNotAvailable
        case .notLeaderOrFollower, .kafkaStorageError:
            .notCoordinator
        case .messageTooLarge, .recordListTooLarge, .invalidFetchSize:
            .unknownServerError
        default:
            self
        }
    }

    /// The same for an offset commit, where a record that is too large is the commit's own fault.
    var asOffsetAppendError: ErrorCode {
        switch self {
        case .messageTooLarge, .recordListTooLarge, .invalidFetchSize: .invalidCommitOffsetSize
        default: asGroupAppendError
        }
    }
}
