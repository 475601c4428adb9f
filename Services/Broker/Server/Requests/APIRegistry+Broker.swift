import KafkaMessages
import KafkaWire
import Transactions

extension APIRegistry {
    /// Everything that a broker serves.
    static func broker(_ parts: OpenedParts, _ coordinators: Coordinators) -> APIRegistry {
        let configuration = parts.configuration
        let identity = parts.folder.identity
        let topics = parts.topics
        let controller = parts.controller
        let coordinator = coordinators.groups
        let transactions = coordinators.transactions
        let records = RecordsProbe()
        let admission = ProduceAdmission(
            coordinator: transactions, isEnabled: configuration.transactions.verifiesPartitions)
        let apis = [
            RegisteredAPI(ProduceHandler(topics: topics, admission: admission, probe: records)),
            RegisteredAPI(
                FetchHandler(
                    topics: topics, sessions: parts.fetchSessions, maximumBytes: configuration.fetchMaximumBytes,
                    probe: records)),
            RegisteredAPI(ListOffsetsHandler(topics: topics)),
            RegisteredAPI(OffsetForLeaderEpochHandler(topics: topics)),
            RegisteredAPI(DescribeProducersHandler(topics: topics)),
            RegisteredAPI(
                MetadataHandler(
                    topics: topics, controller: controller, identity: identity,
                    autoCreateTopics: configuration.autoCreateTopics,
                    maximumPartitions: configuration.maximumPartitionsPerRequest)),
            RegisteredAPI(
                CreateTopicsHandler(
                    controller: controller, live: parts.live,
                    maximumPartitions: configuration.maximumPartitionsPerRequest)),
            RegisteredAPI(DescribeConfigsHandler(topics: topics, live: parts.live)),
            RegisteredAPI(AlterConfigsHandler(controller: controller)),
            RegisteredAPI(IncrementalAlterConfigsHandler(controller: controller)),
            RegisteredAPI(
                DeleteTopicsHandler(topics: topics, controller: controller, isEnabled: configuration.deleteTopics)),
            RegisteredAPI(
                CreatePartitionsHandler(
                    controller: controller, maximumPartitions: configuration.maximumPartitionsPerRequest)),
            RegisteredAPI(DeleteRecordsHandler(topics: topics)),
            RegisteredAPI(DescribeClusterHandler(identity: identity)),
            RegisteredAPI(
                DescribeTopicPartitionsHandler(
                    topics: topics, identity: identity,
                    maximumPartitions: configuration.maximumPartitionsPerDescription)),
            RegisteredAPI(
                DescribeLogDirsHandler(topics: topics, folder: parts.folder.absolutePath, files: parts.files)),
            RegisteredAPI(InitProducerIdHandler(controller: controller, coordinator: transactions)),
            RegisteredAPI(AddPartitionsToTxnHandler(coordinator: transactions, topics: topics)),
            RegisteredAPI(AddOffsetsToTxnHandler(coordinator: transactions, groups: coordinator)),
            RegisteredAPI(EndTxnHandler(coordinator: transactions)),
            RegisteredAPI(WriteTxnMarkersHandler(markers: coordinators.markers)),
            RegisteredAPI(DescribeTransactionsHandler(coordinator: transactions)),
            RegisteredAPI(ListTransactionsHandler(coordinator: transactions)),
            RegisteredAPI(FindCoordinatorHandler(coordinators: coordinators, identity: identity)),
            RegisteredAPI(JoinGroupHandler(coordinator: coordinator)),
            RegisteredAPI(SyncGroupHandler(coordinator: coordinator)),
            RegisteredAPI(HeartbeatHandler(coordinator: coordinator)),
            RegisteredAPI(LeaveGroupHandler(coordinator: coordinator)),
            RegisteredAPI(OffsetCommitHandler(coordinator: coordinator, topics: topics)),
            RegisteredAPI(OffsetFetchHandler(coordinator: coordinator, topics: topics)),
            RegisteredAPI(
                TxnOffsetCommitHandler(coordinator: coordinator, topics: topics, transactions: transactions)),
            RegisteredAPI(DeleteGroupsHandler(coordinator: coordinator)),
            RegisteredAPI(OffsetDeleteHandler(coordinator: coordinator, topics: topics)),
            RegisteredAPI(ConsumerGroupHeartbeatHandler(coordinator: coordinator, live: parts.live)),
            RegisteredAPI(ConsumerGroupDescribeHandler(coordinator: coordinator)),
            RegisteredAPI(DescribeGroupsHandler(coordinator: coordinator)),
            RegisteredAPI(ListGroupsHandler(coordinator: coordinator)),
        ]
        return APIRegistry(apis + [ApiVersionsHandler.registered(with: apis)])
    }
}

extension ApiVersionsHandler {
    /// Lists the given APIs and itself.
    fileprivate static func registered(with others: [RegisteredAPI]) -> RegisteredAPI {
        let own = ApiVersion(apiKey: Request.apiKey, versions: advertised)
        let listing = others.map { ApiVersion(apiKey: $0.key, versions: $0.advertised) } + [own]
        return RegisteredAPI(ApiVersionsHandler(listing: listing.sorted { $0.apiKey.rawValue < $1.apiKey.rawValue }))
    }
}
