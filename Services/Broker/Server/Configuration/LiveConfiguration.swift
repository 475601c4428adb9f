import KafkaWire
import Metadata
import Synchronization

/// A broker's configuration as it is now: what its file says, with the changes of the cluster's metadata over it.
///
/// One writer, the topic controller, publishes; everybody else asks for ``current`` when a value is needed.
final class LiveConfiguration: Sendable {
    /// All that a value can come from.
    struct Sources: Sendable {
        /// The configuration file's.
        let file: [String: String]
        /// Set while running for all brokers.
        var cluster: [String: String] = [:]
        /// Set while running for this broker; goes over the others.
        var broker: [String: String] = [:]
    }

    private struct State {
        var current: BrokerConfiguration
        var sources: Sources
        var groups: [String: [String: String]] = [:]
    }

    /// What is logged now, which is no setting.
    let logLevel: BrokerLogLevel
    private let file: BrokerConfiguration
    private let state: Mutex<State>

    init(_ file: BrokerConfiguration, logLevel: BrokerLogLevel) {
        self.logLevel = logLevel
        self.file = file
        state = Mutex(State(current: file, sources: Sources(file: file.settings)))
    }

    var current: BrokerConfiguration { state.withLock { $0.current } }
    var sources: Sources { state.withLock { $0.sources } }

    /// What was set for one consumer group.
    func group(_ id: String) -> [String: String] { state.withLock { $0.groups[id] ?? [:] } }

    /// The configuration that these changes would give; throws for the first value that cannot be.
    func preview(cluster: [String: String], broker: [String: String]) throws(SettingError) -> BrokerConfiguration {
        try file.with(cluster, broker)
    }

    /// Takes over what the metadata says now.
    ///
    /// - Throws: when it does not go together with the file; nothing has changed then.
    func apply(_ image: MetadataImage) throws(SettingError) {
        let cluster = image.configurations(of: .allBrokers)
        let broker = image.configurations(of: ConfigurationResource(.broker, "\(file.nodeID)"))
        let groups = image.configurations(ofKind: .group)
        let current = try preview(cluster: cluster, broker: broker)
        state.withLock { state in
            state.current = current
            state.sources.cluster = cluster
            state.sources.broker = broker
            state.groups = groups
        }
    }
}
