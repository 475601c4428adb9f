import KafkaMessages
import KafkaWire
import Metadata
import Storage
import Testing

@testable import BrokerServer

@Suite("Changes of configurations, and what is said of values")
struct ConfigurationChangeTests {
    private static let list = ConfigurationDefinition(
        name: "l", type: .list, defaultValue: "a,b", documentation: "A list.")

    private func result(
        _ entries: [(String, Int8, String?)], over current: [String: String] = [:], replacesAll: Bool = false
    ) throws -> [String: String] {
        let change = ConfigurationChange(
            resource: .init(.topic, "t"),
            entries: entries.map { .init(name: $0.0, operation: $0.1, value: $0.2) }, replacesAll: replacesAll)
        return try change.result(over: current) { $0 == "l" ? Self.list : nil }
    }

    @Test("set, delete, append and subtract; a list begins with its default")
    func operations() throws {
        #expect(try result([("x", 0, "1")], over: ["y": "2"]) == ["x": "1", "y": "2"])
        #expect(try result([("y", 1, nil)], over: ["x": "1", "y": "2"]) == ["x": "1"])
        #expect(try result([("l", 2, "b, c")]) == ["l": "a,b,c"])
        #expect(try result([("l", 2, "d")], over: ["l": ""]) == ["l": "d"])
        #expect(try result([("l", 3, "a")]) == ["l": "b"])
        #expect(try result([("l", 3, "a,z")], over: ["l": "z,y,a"]) == ["l": "y"])
        #expect(try result([("x", 0, "1")], over: ["y": "2"], replacesAll: true) == ["x": "1"])
    }

    static let refused: [([(String, Int8, String?)], ErrorCode, String)] = [
        ([("x", 0, "1"), ("x", 1, nil)], .invalidRequest, "x: is in the request twice"),
        ([("x", 0, nil)], .invalidRequest, "x: has no value"),
        ([("x", 9, "1")], .invalidRequest, "x: operation 9 is not one of 0 to 3"),
        ([("x", 2, "1")], .invalidConfig, "x: is not a list, so '1' cannot be added or taken"),
    ]

    @Test("what makes no sense is told", arguments: 0..<refused.count)
    func refusals(index: Int) throws {
        let (entries, code, message) = Self.refused[index]
        do {
            _ = try result(entries)
            Issue.record("accepted")
        } catch let refusal as TopicRefusal {
            #expect(refusal.code == code && refusal.message == message)
        }
    }

    @Test("records are written for what differs, in the order of keys")
    func records() {
        let change = ConfigurationChange(resource: .allBrokers, entries: [])
        let records = change.records(from: ["a": "1", "b": "2"], to: ["b": "2", "c": "3"])
        #expect(
            records == [
                .config(.allBrokers, key: "a", value: nil), .config(.allBrokers, key: "c", value: "3"),
            ])
    }

    @Test("what goes over what: topic, broker, all brokers, file, default")
    func precedence() throws {
        let describer = ConfigurationDescriber(
            sources: .init(
                file: ["log.retention.hours": "2", "log.segment.bytes": "100"],
                cluster: ["log.segment.bytes": "200", "log.retention.ms": "7"], broker: ["log.segment.bytes": "300"]),
            includeSynonyms: true, includeDocumentation: true)
        let topic = describer.topic(["segment.bytes": "400"])
        let segment = try #require(topic.first { $0.name == "segment.bytes" })
        #expect(segment.value == "400" && segment.configSource == 1 && !segment.readOnly)
        #expect(segment.synonyms.map(\.name) == ["segment.bytes"] + Array(repeating: "log.segment.bytes", count: 4))
        #expect(segment.synonyms.map(\.value) == ["400", "300", "200", "100", "1073741824"])
        #expect(segment.synonyms.map(\.source) == [1, 2, 3, 4, 5])
        #expect(segment.configType == ConfigurationDefinition.ValueType.int.rawValue)
        #expect(segment.documentation?.isEmpty == false)
        let retention = try #require(topic.first { $0.name == "retention.ms" })
        #expect(retention.value == "7" && retention.configSource == 3)
        #expect(retention.synonyms.map(\.name) == ["log.retention.ms", "log.retention.hours", "log.retention.hours"])
        let hours = try #require(describer.broker().first { $0.name == "log.retention.hours" })
        #expect(hours.value == "2" && hours.configSource == 4 && hours.readOnly)
        #expect(describer.cluster().map(\.name) == ["log.retention.ms", "log.segment.bytes"])
    }

    @Test("a file's hours are a topic's milliseconds")
    func units() throws {
        let describer = ConfigurationDescriber(
            sources: .init(file: ["log.retention.hours": "2"]), includeSynonyms: false, includeDocumentation: false)
        let retention = try #require(describer.topic([:]).first { $0.name == "retention.ms" })
        #expect(retention.value == "7200000" && retention.configSource == 4)
        #expect(retention.synonyms.isEmpty && retention.documentation == nil)
        let unset = try #require(describer.broker().first { $0.name == "log.retention.ms" })
        #expect(unset.value == nil && unset.configSource == 5)
    }

    @Test("a password is never told")
    func sensitive() {
        let describer = ConfigurationDescriber(
            sources: .init(file: [:]), includeSynonyms: true, includeDocumentation: false)
        let definition = ConfigurationDefinition(name: "p", type: .password, defaultValue: "", documentation: "Secret.")
        let entry = describer.entry(
            definition, value: "secret", [.init(name: "p", value: "secret", source: 4)], isReadOnly: true)
        #expect(entry.isSensitive && entry.value == nil && entry.synonyms.map(\.value) == [nil])
    }
}
