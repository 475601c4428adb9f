import KafkaMessages
import KafkaWire

// TxnOffsetCommit, DeleteGroups and OffsetDelete between the protocol's messages and the rules' own types.

extension OffsetCommitInput {
    /// - Parameter refusal: why the driver refuses a partition; `nil` if it does not.
    public init(
        _ request: TxnOffsetCommitRequest, origin: RequestOrigin,
        refusal: (TopicPartition) -> ErrorCode? = { _ in nil }
    ) {
        var partitions: [Partition] = []
        for topic in request.topics {
            for partition in topic.partitions {
                let position = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                partitions.append(
                    Partition(
                        position, offset: Offset(partition.committedOffset),
                        leaderEpoch: LeaderEpoch(partition.committedLeaderEpoch),
                        metadata: partition.committedMetadata ?? "", refusal: refusal(position)))
            }
        }
        self.init(
            ticket: origin.ticket, groupId: request.groupId,
            member: MemberIdentity(memberId: request.memberId, groupInstanceId: request.groupInstanceId),
            generation: Generation(request.generationId), partitions: partitions,
            producer: TransactionalProducer(id: ProducerID(request.producerId), epoch: request.producerEpoch))
    }
}

extension TxnOffsetCommitResponse {
    public init(_ reply: OffsetCommitReply) {
        let topics = reply.partitions.runsOfTopics.map { name, partitions in
            TxnOffsetCommitResponseTopic(
                name: name,
                partitions: partitions.map { partition in
                    TxnOffsetCommitResponsePartition(
                        partitionIndex: partition.topicPartition.partition, errorCode: partition.errorCode)
                })
        }
        self.init(topics: topics)
    }

    /// One error for every partition.
    public init(_ request: TxnOffsetCommitRequest, errorCode: ErrorCode) {
        let topics = request.topics.map { topic in
            TxnOffsetCommitResponseTopic(
                name: topic.name,
                partitions: topic.partitions.map { partition in
                    TxnOffsetCommitResponsePartition(partitionIndex: partition.partitionIndex, errorCode: errorCode)
                })
        }
        self.init(topics: topics)
    }
}

extension OffsetDeletionInput {
    public init(_ request: OffsetDeleteRequest, ticket: RequestTicket, refusal: (TopicPartition) -> ErrorCode?) {
        var partitions: [Partition] = []
        for topic in request.topics {
            for partition in topic.partitions {
                let position = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                partitions.append(Partition(position, refusal: refusal(position)))
            }
        }
        self.init(ticket: ticket, groupId: request.groupId, partitions: partitions)
    }
}

extension OffsetDeleteResponse {
    public init(_ reply: OffsetDeletionReply) {
        let topics = reply.partitions.runsOfTopics.map { name, partitions in
            OffsetDeleteResponseTopic(
                name: name,
                partitions: partitions.map { partition in
                    OffsetDeleteResponsePartition(
                        partitionIndex: partition.topicPartition.partition, errorCode: partition.errorCode)
                })
        }
        self.init(errorCode: reply.errorCode, topics: topics)
    }
}

extension [OffsetCommitReply.Partition] {
    /// Runs of one topic, in order.
    fileprivate var runsOfTopics: [(name: String, partitions: [Element])] {
        var runs: [(name: String, partitions: [Element])] = []
        for partition in self {
            if runs.last?.name == partition.topicPartition.topic {
                runs[runs.count - 1].partitions.append(partition)
            } else {
                runs.append((partition.topicPartition.topic, [partition]))
            }
        }
        return runs
    }
}
