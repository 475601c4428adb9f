/// A setting that cannot be used, told with its Kafka name.
public struct SettingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Kafka's name of the setting, such as `num.partitions`.
    public let key: String
    public let message: String

    public init(key: String, message: String) {
        self.key = key
        self.message = message
    }

    public var description: String { "\(key): \(message)" }
}
