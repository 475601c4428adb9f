import KafkaMessages
import KafkaWire

extension ClusterClient {
    /// The names of topics by their ids, as far as they are known.
    nonisolated func names(of ids: [KafkaUUID]) -> [KafkaUUID: String] {
        let wanted = Set(ids)
        return withMetadata { metadata in
            var names: [KafkaUUID: String] = [:]
            for (name, topic) in metadata.topics where topic.errorCode == .none && wanted.contains(topic.id) {
                names[topic.id] = name
            }
            return names
        }
    }

    /// Asks for topics by their ids (Metadata version 12 and later), and keeps track of them from now on.
    func resolve(_ ids: [KafkaUUID]) async throws(KafkaError) {
        if ids.isEmpty { return }
        let response = try await sendToAny(
            MetadataRequest(
                topics: ids.map { MetadataRequest.MetadataRequestTopic(topicId: $0, name: nil) },
                allowAutoTopicCreation: false))
        track(response.topics.filter { $0.errorCode == .none }.compactMap(\.name))
        merge(response)
    }
}
