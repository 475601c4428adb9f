import KafkaMessages
import Storage

/// Says of each value what it is and where it comes from, as DescribeConfigs tells it. A rule without I/O.
struct ConfigurationDescriber: Sendable {
    typealias Entry = DescribeConfigsResponse.DescribeConfigsResourceResult
    typealias Synonym = DescribeConfigsResponse.DescribeConfigsSynonym

    /// Where a value comes from. The numbers are those of the response; what is further up goes over what is below.
    enum Source: Int8, Sendable {
        case topic = 1
        case broker = 2
        case cluster = 3
        case file = 4
        case fallback = 5
        case brokerLogger = 6
        case group = 8
    }

    let sources: LiveConfiguration.Sources
    let includeSynonyms: Bool
    let includeDocumentation: Bool

    /// A topic's values.
    func topic(_ own: [String: String]) -> [Entry] {
        LogConfiguration.definitions.map { definition in
            resource(definition, own: own[definition.name], .topic, converted: Self.topicValue)
        }
    }

    /// What was set under a broker's name, in the topic's unit; it was checked when it was set.
    private static func topicValue(_ text: String, _ name: String) -> String {
        do { return try BrokerSetting.topicValue(text, of: name) } catch { return text }
    }

    /// A consumer group's values.
    func group(_ own: [String: String]) -> [Entry] {
        GroupSetting.all.map { resource($0.definition, own: own[$0.definition.name], .group) { text, _ in text } }
    }

    /// Everything of this broker.
    func broker() -> [Entry] {
        BrokerSetting.all.map { setting in
            let names = setting.definition.synonyms.isEmpty ? [setting.name] : setting.definition.synonyms
            let synonyms = brokerSynonyms(names)
            // A value under another name is told with that name, and only behind one of its own.
            let own = Array(synonyms.drop { $0.name != setting.name })
            return entry(
                setting.definition, value: own.first?.value, own,
                isReadOnly: setting.update == .readOnly)
        }
    }

    /// What was set for all brokers.
    func cluster() -> [Entry] {
        sources.cluster.sorted { $0.key < $1.key }.compactMap { name, value in
            guard let setting = BrokerSetting.byName[name] else { return nil }
            return entry(
                setting.definition, value: value,
                [Synonym(name: name, value: value, source: Source.cluster.rawValue)],
                isReadOnly: setting.update == .readOnly)
        }
    }

    /// A resource whose defaults are settings of the broker.
    private func resource(
        _ definition: ConfigurationDefinition, own: String?, _ source: Source,
        converted: (String, String) -> String
    ) -> Entry {
        var synonyms = brokerSynonyms(definition.synonyms)
        if let own { synonyms.insert(Synonym(name: definition.name, value: own, source: source.rawValue), at: 0) }
        let value = synonyms.first.flatMap { first in
            first.source == source.rawValue ? own : first.value.map { converted($0, first.name) }
        }
        return entry(definition, value: value ?? definition.defaultValue, synonyms, isReadOnly: false)
    }

    private func brokerSynonyms(_ names: [String]) -> [Synonym] {
        let layers: [(Source, [String: String])] = [
            (.broker, sources.broker), (.cluster, sources.cluster), (.file, sources.file),
        ]
        var synonyms = layers.flatMap { source, values in
            names.compactMap { name in
                values[name].map { Synonym(name: name, value: $0, source: source.rawValue) }
            }
        }
        for name in names {
            guard let fallback = BrokerSetting.byName[name]?.definition.defaultValue, !fallback.isEmpty else {
                continue
            }
            synonyms.append(Synonym(name: name, value: fallback, source: Source.fallback.rawValue))
        }
        return synonyms
    }

    func entry(
        _ definition: ConfigurationDefinition, value: String?, _ synonyms: [Synonym], isReadOnly: Bool
    ) -> Entry {
        let isSensitive = definition.type == .password
        var told = includeSynonyms ? synonyms : []
        if isSensitive {
            for index in told.indices { told[index].value = nil }
        }
        return Entry(
            name: definition.name, value: isSensitive ? nil : value, readOnly: isReadOnly,
            configSource: synonyms.first?.source ?? Source.fallback.rawValue, isSensitive: isSensitive,
            synonyms: told, configType: definition.type.rawValue,
            documentation: includeDocumentation ? definition.documentation : nil)
    }
}
