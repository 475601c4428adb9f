import KafkaWire
import Metadata
import Synchronization

/// The topics of this broker and their partitions, for every thread to look up.
///
/// One writer, the topic controller, publishes; readers take the lock for one dictionary access.
final class TopicTable: Sendable {
    /// One topic with its open partitions, numbered from 0.
    struct Topic: Sendable {
        let name: String
        let id: KafkaUUID
        let partitions: [Partition]
        let configurations: [String: String]

        /// Whether the topic itself asks that records are on the disk when they are acknowledged.
        var isDurable: Bool { configurations["flush.messages"].flatMap { Int64($0) } == 1 }

        func partition(_ index: Int32) -> Partition? {
            partitions.indices.contains(Int(index)) ? partitions[Int(index)] : nil
        }

        /// The same topic after it grew.
        func with(partitions: [Partition]) -> Topic {
            Topic(name: name, id: id, partitions: partitions, configurations: configurations)
        }

        /// The same topic with other configurations.
        func with(configurations: [String: String]) -> Topic {
            Topic(name: name, id: id, partitions: partitions, configurations: configurations)
        }
    }

    private struct State {
        var topics: [String: Topic] = [:]
        var names: [KafkaUUID: String] = [:]
        var observers: [@Sendable (String, Topic?) -> Void] = []
        var durableTopics = 0
    }

    private let state = Mutex(State())

    func topic(_ name: String) -> Topic? { state.withLock { $0.topics[name] } }

    func topic(id: KafkaUUID) -> Topic? {
        state.withLock { state in state.names[id].flatMap { state.topics[$0] } }
    }

    func partition(_ topicPartition: TopicPartition) -> Partition? {
        topic(topicPartition.topic)?.partition(topicPartition.partition)
    }

    /// By name.
    var all: [Topic] { state.withLock { Array($0.topics.values) }.sorted { $0.name < $1.name } }

    /// Whether any topic sets `flush.messages` to 1. What decides about its records, the coordinators' logs and the
    /// markers, must not be less durable than they are. Where `log.flush.interval.messages` is 1, every log is so.
    var asksForDurability: Bool { state.withLock { $0.durableTopics > 0 } }

    func insert(_ topic: Topic) {
        let observers = state.withLock { state in
            let before = state.topics.updateValue(topic, forKey: topic.name)
            if before?.isDurable == true { state.durableTopics -= 1 }
            if topic.isDurable { state.durableTopics += 1 }
            state.names[topic.id] = topic.name
            return state.observers
        }
        for observer in observers { observer(topic.name, topic) }
    }

    func remove(_ name: String) -> Topic? {
        let (topic, observers) = state.withLock { state in
            let topic = state.topics.removeValue(forKey: name)
            if let topic { state.names[topic.id] = nil }
            if topic?.isDurable == true { state.durableTopics -= 1 }
            return (topic, topic == nil ? [] : state.observers)
        }
        for observer in observers { observer(name, nil) }
        return topic
    }

    /// Calls back for every topic there is, and from then on whenever one was put in, put in anew or taken out (`nil`),
    /// on the writer's thread.
    func observe(_ observer: @escaping @Sendable (String, Topic?) -> Void) {
        let present = state.withLock { state in
            state.observers.append(observer)
            return state.topics
        }
        for (name, topic) in present { observer(name, topic) }
    }
}

/// How a request names a topic: by name, and by id in the newer versions.
struct TopicReference {
    let name: String
    let id: KafkaUUID
    let usesID: Bool

    /// The topic, or the error that says which of the two was not found.
    func find(in table: TopicTable) -> Result<TopicTable.Topic, TopicRefusal> {
        if usesID {
            return table.topic(id: id).map(Result.success)
                ?? .failure(TopicRefusal(code: .unknownTopicId, message: "there is no topic with id \(id)"))
        }
        return table.topic(name).map(Result.success)
            ?? .failure(TopicRefusal(code: .unknownTopicOrPartition, message: "there is no topic '\(name)'"))
    }
}
