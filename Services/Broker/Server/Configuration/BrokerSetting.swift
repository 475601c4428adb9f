import KafkaWire
import Storage

/// One of a broker's settings: its definition, and how a text becomes a value of ``BrokerConfiguration``.
///
/// The tables of settings serve the reading of a configuration file, DescribeConfigs, dynamic changes and
/// `docs/broker-settings.md`.
struct BrokerSetting: Sendable {
    typealias Key<Value> = any WritableKeyPath<BrokerConfiguration, Value> & Sendable

    /// Whether it can change while the broker runs.
    enum Update: String, Sendable {
        case readOnly = "at the start"
        /// For one broker, or for all of them at once.
        case dynamic = "while running"
    }

    let definition: ConfigurationDefinition
    /// Which values there are, in words; empty where all are.
    let allowed: String
    let update: Update
    /// Checks a text and sets it.
    let set: @Sendable (inout BrokerConfiguration, String) throws(SettingError) -> Void

    var name: String { definition.name }

    init(
        _ name: String, _ type: ConfigurationDefinition.ValueType, default defaultValue: String,
        synonyms: [String] = [], allowed: String = "", _ update: Update, _ documentation: String,
        set: @escaping @Sendable (inout BrokerConfiguration, String) throws(SettingError) -> Void
    ) {
        definition = ConfigurationDefinition(
            name: name, type: type, defaultValue: defaultValue, documentation: documentation, synonyms: synonyms)
        self.allowed = allowed
        self.update = update
        self.set = set
    }

    // MARK: Kinds of values

    static func integer<Value: FixedWidthInteger & Sendable>(
        _ name: String, _ key: Key<Value>, _ limits: ClosedRange<Value>, update: Update = .readOnly,
        _ documentation: String
    ) -> BrokerSetting {
        let value = BrokerConfiguration.initial[keyPath: key]
        return number(name, default: value, limits, update: update, documentation) { $0[keyPath: key] = $1 }
    }

    /// A whole number of milliseconds, or of another unit, kept as a duration.
    static func duration(
        _ name: String, _ key: Key<Duration>, _ limits: ClosedRange<Int64>, unit: Duration = .milliseconds(1),
        update: Update = .readOnly, _ documentation: String
    ) -> BrokerSetting {
        let value = Int64(BrokerConfiguration.initial[keyPath: key] / unit)
        return number(name, default: value, limits, update: update, documentation) { $0[keyPath: key] = unit * $1 }
    }

    static func number<Value: FixedWidthInteger & Sendable>(
        _ name: String, default value: Value, _ limits: ClosedRange<Value>, update: Update = .readOnly,
        _ documentation: String, set: @escaping @Sendable (inout BrokerConfiguration, Value) -> Void
    ) -> BrokerSetting {
        BrokerSetting(
            name, limits.upperBound > Int32.max ? .long : .int, default: String(value),
            allowed: "\(limits.lowerBound) to \(limits.upperBound)", update, documentation
        ) { (target, text) throws(SettingError) in
            guard let value = Value(text) else {
                throw SettingError(key: name, message: "'\(text)' is not a whole number")
            }
            guard limits.contains(value) else {
                throw SettingError(
                    key: name, message: "\(value) is not within \(limits.lowerBound) and \(limits.upperBound)")
            }
            set(&target, value)
        }
    }

    static func flag(
        _ name: String, _ key: Key<Bool>, update: Update = .readOnly, _ documentation: String
    ) -> BrokerSetting {
        BrokerSetting(
            name, .boolean, default: String(BrokerConfiguration.initial[keyPath: key]), allowed: "true, false",
            update, documentation
        ) { (target, text) throws(SettingError) in
            guard let value = Bool(text.lowercased()) else {
                throw SettingError(key: name, message: "'\(text)' is neither true nor false")
            }
            target[keyPath: key] = value
        }
    }

    static func text(
        _ name: String, type: ConfigurationDefinition.ValueType = .string, _ key: Key<String>,
        _ documentation: String
    ) -> BrokerSetting {
        BrokerSetting(
            name, type, default: BrokerConfiguration.initial[keyPath: key], .readOnly, documentation
        ) { (target, text) throws(SettingError) in
            target[keyPath: key] = text
        }
    }
}
