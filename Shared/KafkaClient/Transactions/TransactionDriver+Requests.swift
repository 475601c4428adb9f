import KafkaMessages
import KafkaTransport
import KafkaWire

extension TransactionStateMachine.Request {
    /// The API it is.
    var name: String {
        switch self {
        case .initialise: "InitProducerId"
        case .addPartitions: "AddPartitionsToTxn"
        case .addOffsets: "AddOffsetsToTxn"
        case .commitOffsets: "TxnOffsetCommit"
        case .end(let commit): commit ? "EndTxn (commit)" : "EndTxn (abort)"
        }
    }
}

extension TransactionDriver {
    /// Newest versions for clusters whose transactions go by version 1.
    private enum LastExplicitVersion {
        static let addPartitions: Int16 = 3
        static let endTransaction: Int16 = 4
        static let offsetCommit: Int16 = 4
    }

    /// Asks a coordinator, and gives its answer to the state machine.
    func send(_ request: Machine.Request, _ core: ProducerCore) async throws(KafkaError) {
        let machine = machine
        switch request {
        case .initialise(let recovering): try await initialise(recovering, machine, core)
        case .addPartitions(let partitions): try await addPartitions(partitions, machine, core)
        case .addOffsets(let groupID): try await addOffsets(groupID, machine)
        case .commitOffsets(let pending): try await commit(pending, machine)
        case .end(let commit): try await end(commit: commit, machine, core)
        }
    }

    private func initialise(
        _ recovering: Machine.Identity?, _ machine: Machine, _ core: ProducerCore
    ) async throws(KafkaError) {
        let request = InitProducerIdRequest(
            transactionalId: machine.transactionalID,
            transactionTimeoutMs: Int32(clamping: configuration.transactionTimeout.milliseconds),
            producerId: recovering?.producerID.rawValue ?? -1, producerEpoch: recovering?.epoch ?? -1)
        let response = try await coordinator.send(request)
        try coordinator.check(response.errorCode, "asking for a producer id")
        let version = try await clusterVersion()
        let identity = Machine.Identity(
            producerID: ProducerID(response.producerId), epoch: response.producerEpoch)
        core.setIdentity(identity.producerID, epoch: identity.epoch)
        if recovering != nil { core.forgetFailures() }
        apply { machine in
            machine.clusterVersion = version
            return machine.initialised(identity)
        }
    }

    private func clusterVersion() async throws(KafkaError) -> Int16 {
        try await coordinator.versions().finalizedFeatures["transaction.version"] ?? 0
    }

    private func addPartitions(
        _ partitions: [TopicPartition], _ machine: Machine, _ core: ProducerCore
    ) async throws(KafkaError) {
        guard let identity = machine.identity else { return }
        let topics = Dictionary(grouping: partitions, by: \.topic).map { topic, partitions in
            AddPartitionsToTxnRequest.V3AndBelowTopic(name: topic, partitions: partitions.map(\.partition))
        }
        let request = AddPartitionsToTxnRequest(
            v3AndBelowTransactionalId: machine.transactionalID,
            v3AndBelowProducerId: identity.producerID.rawValue, v3AndBelowProducerEpoch: identity.epoch,
            v3AndBelowTopics: topics)
        let response = try await coordinator.send(request, maximumVersion: LastExplicitVersion.addPartitions)
        try check(response)
        apply { machine in
            machine.added(partitions)
            return []
        }
        core.wakeAll()
    }

    /// One partition's error stands for all: none was added, and `OPERATION_NOT_ATTEMPTED` says so of the others.
    private func check(_ response: AddPartitionsToTxnResponse) throws(KafkaError) {
        var refused: (ErrorCode, TopicPartition)?
        for topic in response.resultsByTopicV3AndBelow {
            for partition in topic.resultsByPartition where partition.partitionErrorCode != .none {
                if refused == nil || refused?.0 == .operationNotAttempted {
                    refused = (
                        partition.partitionErrorCode,
                        TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                    )
                }
            }
        }
        if let (code, partition) = refused { try coordinator.check(code, "adding partitions", partition) }
    }

    private func addOffsets(_ groupID: String, _ machine: Machine) async throws(KafkaError) {
        guard let identity = machine.identity else { return }
        let request = AddOffsetsToTxnRequest(
            transactionalId: machine.transactionalID, producerId: identity.producerID.rawValue,
            producerEpoch: identity.epoch, groupId: groupID)
        let response = try await coordinator.send(request)
        try coordinator.check(response.errorCode, "adding the offsets of group '\(groupID)'")
        apply { machine in
            machine.offsetsAdded(groupID: groupID)
            return []
        }
    }

    private func commit(_ pending: Machine.PendingOffsets, _ machine: Machine) async throws(KafkaError) {
        guard let identity = machine.identity else { return }
        let group = groupCoordinator(pending.group.groupID)
        let request = TxnOffsetCommitRequest(
            transactionalId: machine.transactionalID, groupId: pending.group.groupID,
            producerId: identity.producerID.rawValue, producerEpoch: identity.epoch,
            generationId: pending.group.generation, memberId: pending.group.memberID,
            groupInstanceId: pending.group.groupInstanceID, topics: Self.topics(pending.offsets))
        let response = try await group.send(
            request, maximumVersion: machine.addsImplicitly ? .max : LastExplicitVersion.offsetCommit)
        for topic in response.topics {
            for partition in topic.partitions {
                try group.check(
                    partition.errorCode, "committing offsets in a transaction",
                    TopicPartition(topic: topic.name, partition: partition.partitionIndex))
            }
        }
        apply { $0.offsetsCommitted(pending.id) }
    }

    private static func topics(
        _ offsets: [TopicPartition: CommittedOffset]
    ) -> [TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic] {
        Dictionary(grouping: offsets, by: \.key.topic).map { topic, entries in
            TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic(
                name: topic,
                partitions: entries.map { partition, offset in
                    TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition(
                        partitionIndex: partition.partition, committedOffset: offset.offset.rawValue,
                        committedLeaderEpoch: offset.leaderEpoch.rawValue, committedMetadata: offset.metadata)
                })
        }
    }

    private func end(commit: Bool, _ machine: Machine, _ core: ProducerCore) async throws(KafkaError) {
        guard let identity = machine.identity else { return }
        let request = EndTxnRequest(
            transactionalId: machine.transactionalID, producerId: identity.producerID.rawValue,
            producerEpoch: identity.epoch, committed: commit)
        let response = try await coordinator.send(
            request, maximumVersion: machine.addsImplicitly ? .max : LastExplicitVersion.endTransaction)
        try coordinator.check(response.errorCode, commit ? "committing the transaction" : "aborting the transaction")
        let version = try await clusterVersion()
        var next: Machine.Identity?
        if response.producerId >= 0 {
            next = Machine.Identity(producerID: ProducerID(response.producerId), epoch: response.producerEpoch)
        }
        if let next { core.setIdentity(next.producerID, epoch: next.epoch) }
        core.forgetFailures()
        apply { machine in
            machine.clusterVersion = version
            return machine.ended(next)
        }
    }
}
