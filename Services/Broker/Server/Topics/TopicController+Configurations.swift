import KafkaWire
import Logging
import Metadata
import Storage

extension TopicController {
    /// Changes the values of a topic, of this broker, of all brokers or of a group; they hold at once.
    func alter(_ change: ConfigurationChange, validateOnly: Bool) async throws(TopicRefusal) {
        switch change.resource.kind {
        case .topic: try await alterTopic(change, validateOnly: validateOnly)
        case .broker: try await alterBroker(change, validateOnly: validateOnly)
        case .group: try alterGroup(change, validateOnly: validateOnly)
        case .brokerLogger: try alterLogger(change, validateOnly: validateOnly)
        default:
            throw TopicRefusal(
                code: .invalidRequest,
                message:
                    "resource type \(change.resource.kind.rawValue) is not one of 2 (topic), 4 (broker), "
                    + "8 (broker logger), 32 (group)")
        }
    }

    private func alterTopic(_ change: ConfigurationChange, validateOnly: Bool) async throws(TopicRefusal) {
        let name = change.resource.name
        while isChanging(name) { await changeEnd(of: name) }
        guard let topic = topics.topic(name) else {
            throw TopicRefusal(code: .unknownTopicOrPartition, message: "there is no topic '\(name)'")
        }
        let values = try change.result(over: topic.configurations) { key in
            LogConfiguration.definitions.first { $0.name == key }
        }
        do {
            _ = try configuration.logConfiguration(topic: values)
        } catch {
            throw TopicRefusal(code: .invalidConfig, message: error.description)
        }
        if validateOnly { return }
        beginChange(of: name)
        defer { endChange(of: name) }
        try commit(change.records(from: topic.configurations, to: values), of: change.resource)
        topics.insert(topic.with(configurations: values))
        await reconfigure(name)
    }

    private func alterLogger(_ change: ConfigurationChange, validateOnly: Bool) throws(TopicRefusal) {
        try checkIsThisBroker(change.resource.name)
        try live.logLevel.alter(change, validateOnly: validateOnly)
        if !validateOnly { logger.info("the level of the log changed", metadata: ["level": "\(live.logLevel.name)"]) }
    }

    private func checkIsThisBroker(_ name: String) throws(TopicRefusal) {
        let node = configuration.nodeID
        guard name == "\(node)" else {
            throw TopicRefusal(code: .invalidRequest, message: "broker '\(name)' is not \(node), which this is")
        }
    }

    private func alterBroker(_ change: ConfigurationChange, validateOnly: Bool) async throws(TopicRefusal) {
        if !change.resource.name.isEmpty { try checkIsThisBroker(change.resource.name) }
        // No topic can have this name.
        let name = "broker:"
        while isChanging(name) { await changeEnd(of: name) }
        let current = log.image.configurations(of: change.resource)
        let values = try change.result(over: current) { BrokerSetting.byName[$0]?.definition }
        for key in Set(values.keys).union(change.entries.map(\.name)).sorted() {
            try Self.checkDynamic(key)
        }
        do {
            let sources = live.sources
            _ = try live.preview(
                cluster: change.resource.name.isEmpty ? values : sources.cluster,
                broker: change.resource.name.isEmpty ? sources.broker : values)
        } catch {
            // Kafka has INVALID_CONFIG for topics and groups only.
            throw TopicRefusal(code: .invalidRequest, message: error.description)
        }
        if validateOnly { return }
        beginChange(of: name)
        defer { endChange(of: name) }
        let before = configuration.topicDefaults
        try commit(change.records(from: current, to: values), of: change.resource)
        if configuration.topicDefaults != before {
            for topic in topics.all { await reconfigure(topic.name) }
        }
    }

    private static func checkDynamic(_ key: String) throws(TopicRefusal) {
        guard let setting = BrokerSetting.byName[key] else {
            throw TopicRefusal(code: .invalidConfig, message: "\(key): is not a setting of this broker")
        }
        guard setting.update == .dynamic else {
            throw TopicRefusal(code: .invalidRequest, message: "\(key): changes at the start of the broker only")
        }
    }

    private func alterGroup(_ change: ConfigurationChange, validateOnly: Bool) throws(TopicRefusal) {
        if change.resource.name.isEmpty {
            throw TopicRefusal(code: .invalidRequest, message: "a group's name may not be empty")
        }
        let current = log.image.configurations(of: change.resource)
        let values = try change.result(over: current) { GroupSetting.named($0)?.definition }
        do {
            try GroupSetting.check(values)
        } catch {
            throw TopicRefusal(code: .invalidConfig, message: error.description)
        }
        if validateOnly { return }
        try commit(change.records(from: current, to: values), of: change.resource)
    }

    private func commit(_ records: [MetadataRecord], of resource: ConfigurationResource) throws(TopicRefusal) {
        if records.isEmpty { return }
        do {
            try log.append(records)
            try live.apply(log.image)
        } catch {
            logger.error("configurations were not changed", metadata: ["of": "\(resource)", "error": "\(error)"])
            throw TopicRefusal(code: .kafkaStorageError, message: "\(error)")
        }
        logger.info("configurations changed", metadata: ["of": "\(resource)", "values": "\(records.count)"])
    }

    /// Tells a topic's partitions what holds now.
    func reconfigure(_ name: String) async {
        guard let topic = topics.topic(name) else { return }
        for partition in topic.partitions {
            do {
                await partition.reconfigure(try configuration.logConfiguration(topic: topic.configurations))
            } catch {
                // Every change was checked before; only a file edited meanwhile could bring this about.
                logger.error("a topic keeps its configuration", metadata: ["topic": "\(name)", "error": "\(error)"])
            }
        }
    }
}
