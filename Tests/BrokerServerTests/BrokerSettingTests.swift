import Storage
import Testing

@testable import BrokerServer

@Suite("Settings of a broker")
struct BrokerSettingTests {
    @Test("docs/broker-settings.md is what the tables say; `make documents` writes it")
    func document() throws {
        try GeneratedDocument("broker-settings.md").compare(BrokerSettingsDocument.text())
    }

    @Test("every default can be set, and sets what is there anyway", arguments: BrokerSetting.all.map(\.name))
    func defaults(name: String) throws {
        let setting = try #require(BrokerSetting.byName[name])
        let value = setting.definition.defaultValue
        guard !value.isEmpty else { return }
        let configuration = try BrokerConfiguration(kafka: [name: value])
        #expect(try configuration.logConfiguration(topic: [:]) == LogConfiguration())
        #expect(configuration.listeners == (try BrokerConfiguration(kafka: [:])).listeners)
        #expect(configuration.groups == (try BrokerConfiguration(kafka: [:])).groups)
    }

    @Test("every setting says what it is, and names no other twice")
    func documented() {
        #expect(Set(BrokerSetting.all.map(\.name)).count == BrokerSetting.all.count)
        for setting in BrokerSetting.all {
            #expect(setting.definition.documentation.hasSuffix("."), "\(setting.name)")
        }
    }

    @Test("what Kafka changes while running and this broker can, is marked so")
    func dynamic() {
        for name in [
            "log.retention.ms", "log.retention.bytes", "log.segment.bytes", "message.max.bytes",
            "log.flush.interval.messages", "log.flush.interval.ms", "log.cleaner.min.cleanable.ratio",
            "compression.type", "min.insync.replicas", "max.connections", "log.cleanup.policy",
        ] {
            #expect(BrokerSetting.byName[name]?.update == .dynamic, "\(name)")
        }
        for name in ["log.retention.hours", "num.partitions", "node.id", "listeners", "fetch.max.bytes"] {
            #expect(BrokerSetting.byName[name]?.update == .readOnly, "\(name)")
        }
    }
}
