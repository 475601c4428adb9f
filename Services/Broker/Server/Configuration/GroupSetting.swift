import Groups
import Storage

/// A configuration of one consumer group (KIP-848): what goes over the broker's own for that group.
struct GroupSetting: Sendable {
    let definition: ConfigurationDefinition
    let limits: ClosedRange<Int64>

    static let all: [GroupSetting] = [
        GroupSetting(
            definition: ConfigurationDefinition(
                name: "consumer.heartbeat.interval.ms", type: .int, defaultValue: "5000",
                documentation: "How often the group's members are told to send a heartbeat.",
                synonyms: ["group.consumer.heartbeat.interval.ms"]),
            limits: 1...Int64(Int32.max)),
        GroupSetting(
            definition: ConfigurationDefinition(
                name: "consumer.session.timeout.ms", type: .int, defaultValue: "45000",
                documentation: "How long a member of the group may be silent before it is removed.",
                synonyms: ["group.consumer.session.timeout.ms"]),
            limits: 1...Int64(Int32.max)),
    ]

    static func named(_ name: String) -> GroupSetting? { all.first { $0.definition.name == name } }

    /// What these values, which were checked, mean to the coordinator.
    static func values(_ texts: [String: String]) -> ConsumerGroupSettings {
        func duration(_ name: String) -> Duration? { texts[name].flatMap { Int64($0) }.map { .milliseconds($0) } }
        return ConsumerGroupSettings(
            sessionTimeout: duration("consumer.session.timeout.ms"),
            heartbeatInterval: duration("consumer.heartbeat.interval.ms"))
    }

    /// Throws for the first value by name that cannot be.
    static func check(_ values: [String: String]) throws(SettingError) {
        for (name, text) in values.sorted(by: { $0.key < $1.key }) {
            guard let setting = named(name) else {
                throw SettingError(key: name, message: "is not a group's configuration")
            }
            guard let value = Int64(text), setting.limits.contains(value) else {
                throw SettingError(
                    key: name,
                    message: "'\(text)' is not an integer from \(setting.limits.lowerBound) to "
                        + "\(setting.limits.upperBound)")
            }
        }
    }
}
