import KafkaWire
import Logging
import Metadata
import Synchronization

/// The least level that a broker logs, which clients can change while it runs by Kafka's resource BROKER_LOGGER
/// (KIP-412).
///
/// There is one logger, "root". What was set is forgotten with the process, as in Kafka.
final class BrokerLogLevel: Sendable {
    /// The name of the one logger.
    static let root = "root"
    /// Kafka's names, from the most to the least urgent; swift-log's `notice` is told as INFO.
    private static let levels: [(name: String, level: Logger.Level)] = [
        ("FATAL", .critical), ("ERROR", .error), ("WARN", .warning), ("INFO", .info), ("DEBUG", .debug),
        ("TRACE", .trace),
    ]

    private let level: Mutex<Logger.Level>

    init(_ level: Logger.Level) {
        self.level = Mutex(level)
    }

    var current: Logger.Level {
        get { level.withLock { $0 } }
        set { level.withLock { $0 = newValue } }
    }

    /// Kafka's name of what is logged now.
    var name: String {
        let current = current
        return Self.levels.first { $0.level <= current }?.name ?? "TRACE"
    }

    /// Logs as `logger`, from the level on that holds at that time. Whoever sets the level of a copy has set that
    /// copy's for good.
    func follow(_ logger: Logger) -> Logger {
        var logger = logger
        logger.handler = AdjustableLogHandler(logger.handler, level: self)
        return logger
    }

    /// Sets the level, or only checks that it could be.
    func alter(_ change: ConfigurationChange, validateOnly: Bool) throws(TopicRefusal) {
        if change.replacesAll {
            throw TopicRefusal(
                code: .invalidRequest, message: "levels of loggers are changed with IncrementalAlterConfigs alone")
        }
        var asked: Logger.Level?
        for entry in change.entries {
            if asked != nil {
                throw TopicRefusal(code: .invalidRequest, message: "\(entry.name): is in the request twice")
            }
            asked = try Self.level(of: entry)
        }
        if let asked, !validateOnly { current = asked }
    }

    private static func level(of entry: ConfigurationChange.Entry) throws(TopicRefusal) -> Logger.Level {
        guard entry.name == root else {
            throw TopicRefusal(
                code: .invalidConfig, message: "there is no logger '\(entry.name)', only '\(root)'")
        }
        switch ConfigurationChange.Operation(rawValue: entry.operation) {
        case .set:
            break
        case .delete:
            throw TopicRefusal(code: .invalidRequest, message: "\(root): the root logger always has a level")
        case .append, .subtract:
            throw TopicRefusal(code: .invalidRequest, message: "\(root): a level is no list")
        case nil:
            throw TopicRefusal(
                code: .invalidRequest, message: "\(root): operation \(entry.operation) is not one of 0 to 3")
        }
        guard let found = levels.first(where: { $0.name == entry.value }) else {
            let names = levels.map(\.name).joined(separator: ", ")
            throw TopicRefusal(
                code: .invalidConfig, message: "\(root): '\(entry.value ?? "null")' is not one of \(names)")
        }
        return found.level
    }
}

/// Hands on to another handler what a level asks for that can change at any time.
private struct AdjustableLogHandler: LogHandler {
    private var inner: any LogHandler
    private let level: BrokerLogLevel
    /// The level of this copy alone, once somebody has set it.
    private var own: Logger.Level?

    init(_ inner: any LogHandler, level: BrokerLogLevel) {
        self.inner = inner
        self.level = level
        // What is logged is decided here.
        self.inner.logLevel = .trace
    }

    var logLevel: Logger.Level {
        get { own ?? level.current }
        set { own = newValue }
    }

    var metadata: Logger.Metadata {
        get { inner.metadata }
        set { inner.metadata = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { inner.metadataProvider }
        set { inner.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { inner[metadataKey: key] }
        set { inner[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) { inner.log(event: event) }
}
