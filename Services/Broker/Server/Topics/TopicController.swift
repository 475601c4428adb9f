import Groups
import KafkaWire
import Logging
import Metadata
import NIOCore
import Storage

/// Decides what topics exist: the controller of a cluster of one.
///
/// *Decide* against the image, *commit* to the metadata log, *apply* to the table that everybody reads. Works on a
/// storage thread, for a commit waits for the disk.
actor TopicController {
    /// Ids reserved in the log at a time, so that most producers cost no write.
    private static let producerIDBlock: Int64 = 1000

    let log: MetadataLog
    let opener: PartitionOpener
    let live: LiveConfiguration
    let topics: TopicTable
    let logger: Logger
    private nonisolated let executor: any SerialExecutor
    private var random = SystemRandomNumberGenerator()
    private var producerIDs: Range<Int64> = 0..<0
    /// Topics being made or deleted, and who waits for that to end.
    private var changing: [String: [CheckedContinuation<Void, Never>]] = [:]

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(
        log: sending MetadataLog, opener: PartitionOpener, live: LiveConfiguration,
        topics: TopicTable, eventLoop: any EventLoop, logger: Logger
    ) {
        executor = eventLoop.executor
        self.log = log
        self.opener = opener
        self.live = live
        self.topics = topics
        self.logger = logger
    }

    /// What holds now.
    var configuration: BrokerConfiguration { live.current }

    /// Opens every partition that the metadata names.
    func openAll() async throws {
        let all = log.image.topics.values.sorted { $0.name < $1.name }
        let partitions = try await opener.open(all, isNew: false)
        for topic in all { insert(topic, partitions[topic.id] ?? []) }
    }

    /// What a creation gave or, when only validated, would give.
    struct Created: Sendable {
        let id: KafkaUUID
        let partitions: Int32
    }

    func create(
        _ new: NewTopic, validateOnly: Bool, within allowance: PartitionAllowance? = nil
    ) async throws(TopicRefusal) -> Created {
        while isChanging(new.name) { await changeEnd(of: new.name) }
        if topics.topic(new.name) != nil {
            throw TopicRefusal(code: .topicAlreadyExists, message: "topic '\(new.name)' exists already")
        }
        if let other = collision(with: new.name) {
            throw TopicRefusal(
                code: .invalidTopicException,
                message:
                    "'\(new.name)' differs from '\(other)' in '.' and '_' only, and metrics could not tell them apart")
        }
        let count = try new.checked(against: configuration, node: configuration.nodeID)
        try allowance?.check(count, for: new.name)
        if validateOnly { return Created(id: .zero, partitions: count) }
        beginChange(of: new.name)
        defer { endChange(of: new.name) }
        let id = KafkaUUID.random(using: &random)
        let defaults = configuration.topicDefaults
        do {
            let followsDeletion = log.deletedNames.contains(new.name)
            try log.append(records(for: new, id: id, count: count))
            guard let topic = log.image.topic(id: id) else {
                throw TopicRefusal(code: .unknownServerError, message: "the metadata log lost the topic")
            }
            let opened = try await opener.open([topic], isNew: true, followsDeletion: followsDeletion)
            insert(topic, opened[id] ?? [])
            if configuration.topicDefaults != defaults { await reconfigure(new.name) }
        } catch {
            takeBack(id, of: new.name)
            logger.error("a topic could not be created", metadata: ["topic": "\(new.name)", "error": "\(error)"])
            throw TopicRefusal(code: .kafkaStorageError, message: "\(error)")
        }
        logger.info("topic created", metadata: ["topic": "\(new.name)", "partitions": "\(count)"])
        return Created(id: id, partitions: count)
    }

    /// The topic, made with the broker's defaults where there is none; an internal one as the coordinator needs it.
    func findOrCreate(
        _ name: String, within allowance: PartitionAllowance? = nil
    ) async throws(TopicRefusal) -> TopicTable.Topic {
        var new = NewTopic(name: name)
        if TopicName.isInternal(name) {
            new.partitions = configuration.partitions(ofInternal: name)
            new.configurations = configuration.topicConfigurations(ofInternal: name)
        }
        do {
            _ = try await create(new, validateOnly: false, within: allowance)
        } catch {
            guard error.code == .topicAlreadyExists else { throw error }
        }
        guard let topic = topics.topic(name) else {
            throw TopicRefusal(code: .unknownTopicOrPartition, message: "'\(name)' was deleted again")
        }
        return topic
    }

    /// - Parameter id: which topic of that name is meant; by the time of its turn there may be another.
    func delete(_ name: String, id: KafkaUUID? = nil) async throws(TopicRefusal) {
        while isChanging(name) { await changeEnd(of: name) }
        guard let topic = topics.topic(name) else {
            throw TopicRefusal(code: .unknownTopicOrPartition, message: "there is no topic '\(name)'")
        }
        if let id, id != topic.id {
            throw TopicRefusal(code: .unknownTopicId, message: "there is no topic with id \(id)")
        }
        if TopicName.isInternal(name) {
            throw TopicRefusal(code: .invalidTopicException, message: "'\(name)' is internal and stays")
        }
        // The name stays taken until the folders are gone, or a new topic would find them.
        beginChange(of: name)
        defer { endChange(of: name) }
        do {
            try log.append([.removeTopic(id: topic.id)])
        } catch {
            logger.error("a topic was not deleted", metadata: ["topic": "\(name)", "error": "\(error)"])
            throw TopicRefusal(code: .kafkaStorageError, message: "\(error)")
        }
        _ = topics.remove(name)
        // The topic is gone whatever the disk says: what stays of its folders is removed before the name is used again.
        for partition in topic.partitions {
            do {
                try await partition.delete()
            } catch {
                logger.error(
                    "a deleted partition stays on the disk",
                    metadata: ["partition": "\(partition.topicPartition)", "error": "\(error)"])
            }
        }
        logger.info("topic deleted", metadata: ["topic": "\(name)"])
    }

    /// An id that was never given before, also not before a crash.
    func nextProducerID() throws(TopicRefusal) -> ProducerID {
        if producerIDs.isEmpty {
            let first = log.image.nextProducerID.rawValue
            let end = first + Self.producerIDBlock
            do {
                try log.append([.producerIDs(broker: configuration.nodeID, next: ProducerID(end))])
            } catch {
                throw TopicRefusal(code: .kafkaStorageError, message: "\(error)")
            }
            producerIDs = first..<end
        }
        return ProducerID(producerIDs.removeFirst())
    }

    func close() throws(StorageError) {
        try log.close()
    }

    private func records(for new: NewTopic, id: KafkaUUID, count: Int32) -> [MetadataRecord] {
        var records: [MetadataRecord] = [.topic(name: new.name, id: id)]
        records += (0..<count).map { .partition(partitionRecord($0, of: id)) }
        records += new.configurations.sorted { $0.key < $1.key }.map {
            .config(ConfigurationResource(.topic, new.name), key: $0.key, value: $0.value)
        }
        return records
    }

    private func insert(_ topic: MetadataImage.Topic, _ partitions: [Partition]) {
        topics.insert(
            TopicTable.Topic(
                name: topic.name, id: topic.id, partitions: partitions, configurations: topic.configurations))
    }

    /// Removes a topic again whose partitions could not be opened, so that it can be asked for another time.
    private func takeBack(_ id: KafkaUUID, of name: String) {
        guard log.image.topic(id: id) != nil else { return }
        do {
            try log.append([.removeTopic(id: id)])
        } catch {
            logger.error("a topic that failed stays listed", metadata: ["topic": "\(name)", "error": "\(error)"])
        }
    }

    /// Whether somebody else is making, changing or deleting this topic.
    func isChanging(_ name: String) -> Bool { changing[name] != nil }

    /// Returns at the end of the change that is under way, if one is. Look again: the next may be under way by then.
    func changeEnd(of name: String) async {
        await withCheckedContinuation { continuation in
            // A connection's task lets others run here before it comes back.
            guard isChanging(name) else { return continuation.resume() }
            changing[name]?.append(continuation)
        }
    }

    func beginChange(of name: String) {
        changing[name] = []
    }

    func endChange(of name: String) {
        for waiter in changing.removeValue(forKey: name) ?? [] { waiter.resume() }
    }

    private func collision(with name: String) -> String? {
        guard name.contains(where: { $0 == "." || $0 == "_" }) else { return nil }
        let key = name.replacing(".", with: "_")
        return log.image.topics.keys.first { $0 != name && $0.replacing(".", with: "_") == key }
    }
}
