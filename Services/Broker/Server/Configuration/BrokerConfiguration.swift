import Groups
import KafkaWire
import Storage

/// Everything a broker can be told, under Kafka's own names.
///
/// Made from the `[kafka]` table of a configuration file; each property says which setting it is and in what unit.
public struct BrokerConfiguration: Sendable {
    /// `node.id` (also `broker.id`).
    public var nodeID: BrokerID = 1
    /// `cluster.id`: empty makes one at the first start and keeps it in the data folder.
    public var clusterID = ""
    /// `listeners` and `advertised.listeners`.
    public var listeners: [Listener] = []
    /// `log.dirs`: the folder of all partitions. One folder for now.
    public var dataFolder = ""
    /// `num.network.threads`: event loops. 0: one per core, at most 3.
    public var networkThreads = 0
    /// `num.io.threads`: storage executors. 0: one per core, at most 8.
    public var storageThreads = 0

    /// `signalbox.flush.threads`: partitions whose records are brought to the disk at the same time.
    public var flushThreads = 4
    /// `signalbox.max.open.files`: files of logs kept open, at most half of what the system allows the process.
    public var maximumOpenFiles = 8192

    /// `socket.request.max.bytes`: the largest frame.
    public var maximumRequestBytes = 100 * 1024 * 1024
    /// `queued.max.request.bytes`: what requests may hold in memory together.
    public var queuedRequestBytes = 256 * 1024 * 1024
    /// `queued.max.requests` per connection: requests begun whose responses are not sent yet.
    public var queuedRequestsPerConnection = 16
    /// `max.connections`: further ones are closed at once.
    public var maximumConnections = 10_000
    /// `connections.max.idle.ms`: silent connections are closed after this; -1 never.
    public var idleConnectionMilliseconds: Int64 = 600_000

    /// `auto.create.topics.enable`.
    public var autoCreateTopics = true
    /// `num.partitions`: of a topic that does not say.
    public var defaultPartitions: Int32 = 1
    /// `max.partitions.per.request`: a bound of ours on what one CreateTopics may make.
    public var maximumPartitionsPerRequest: Int32 = 10_000
    /// `max.request.partition.size.limit`: the most partitions one DescribeTopicPartitions answers.
    public var maximumPartitionsPerDescription = 2000
    /// `delete.topic.enable`.
    public var deleteTopics = true
    /// `fetch.max.bytes`: the most one fetch answers with.
    public var fetchMaximumBytes: Int32 = 57_671_680
    /// `log.retention.check.interval.ms`.
    public var retentionCheckMilliseconds: Int64 = 300_000
    /// `offsets.topic.num.partitions`.
    public var offsetsPartitions: Int32 = 50
    /// Defaults of the topics' own settings, by the topic's name for each (`segment.bytes`).
    public var topicDefaults: [String: String] = [:]
    /// The group coordinator's settings.
    var groups = GroupConfiguration()

    /// - Parameter kafka: the `[kafka]` table. Throws for an unknown name, a wrong type or a value out of range.
    public init(kafka: [String: String]) throws(SettingError) {
        var settings = KafkaSettings(kafka)
        try self.init(&settings)
        try settings.finish()
        try checkTopicDefaults()
    }

    /// Every setting's name.
    public static var settingNames: Set<String> {
        get throws(SettingError) {
            var settings = KafkaSettings([:])
            _ = try BrokerConfiguration(&settings)
            return settings.known
        }
    }

    private init(_ settings: inout KafkaSettings) throws(SettingError) {
        try readAddresses(&settings)
        try readBounds(&settings)
        try readTopics(&settings)
        readTopicDefaults(&settings)
        try readTopicDurations(&settings)
        groups = try GroupConfiguration(&settings, offsetsPartitions: offsetsPartitions)
    }

    private mutating func readAddresses(_ settings: inout KafkaSettings) throws(SettingError) {
        let legacy = try settings.number("broker.id", default: Int32(1), in: 0...Int32.max)
        nodeID = BrokerID(try settings.number("node.id", default: legacy, in: 0...Int32.max))
        clusterID = settings.text("cluster.id", default: "")
        listeners = try Listener.parse(
            listeners: settings.text("listeners", default: "PLAINTEXT://127.0.0.1:9092"),
            advertised: settings.text("advertised.listeners"))
        dataFolder = settings.text("log.dirs") ?? settings.text("log.dir") ?? "data"
        _ = settings.text("log.dir")
        if dataFolder.contains(",") { throw SettingError(key: "log.dirs", message: "takes one folder for now") }
        if dataFolder.isEmpty { throw SettingError(key: "log.dirs", message: "is empty") }
    }

    private mutating func readBounds(_ settings: inout KafkaSettings) throws(SettingError) {
        networkThreads = try settings.number("num.network.threads", default: networkThreads, in: 0...256)
        storageThreads = try settings.number("num.io.threads", default: storageThreads, in: 0...256)
        flushThreads = try settings.number("signalbox.flush.threads", default: flushThreads, in: 1...256)
        maximumOpenFiles = try settings.number(
            "signalbox.max.open.files", default: maximumOpenFiles, in: 16...1_000_000)
        maximumRequestBytes = try settings.number(
            "socket.request.max.bytes", default: maximumRequestBytes, in: 1024...Int(Int32.max))
        queuedRequestBytes = try settings.number(
            "queued.max.request.bytes", default: queuedRequestBytes, in: 1024 * 1024...Int.max)
        queuedRequestsPerConnection = try settings.number(
            "queued.max.requests", default: queuedRequestsPerConnection, in: 1...10_000)
        maximumConnections = try settings.number("max.connections", default: maximumConnections, in: 1...1_000_000)
        idleConnectionMilliseconds = try settings.number(
            "connections.max.idle.ms", default: idleConnectionMilliseconds, in: -1...Int64(Int32.max))
        fetchMaximumBytes = try settings.number("fetch.max.bytes", default: fetchMaximumBytes, in: 1024...Int32.max)
    }

    private mutating func readTopics(_ settings: inout KafkaSettings) throws(SettingError) {
        autoCreateTopics = try settings.flag("auto.create.topics.enable", default: autoCreateTopics)
        deleteTopics = try settings.flag("delete.topic.enable", default: deleteTopics)
        defaultPartitions = try settings.number("num.partitions", default: defaultPartitions, in: 1...100_000)
        maximumPartitionsPerRequest = try settings.number(
            "max.partitions.per.request", default: maximumPartitionsPerRequest, in: 1...1_000_000)
        maximumPartitionsPerDescription = try settings.number(
            "max.request.partition.size.limit", default: maximumPartitionsPerDescription, in: 1...1_000_000)
        offsetsPartitions = try settings.number(
            "offsets.topic.num.partitions", default: offsetsPartitions, in: 1...10_000)
        retentionCheckMilliseconds = try settings.number(
            "log.retention.check.interval.ms", default: retentionCheckMilliseconds, in: 1...Int64(Int32.max))
        // One node has one copy of everything; a higher number could not be honoured.
        for key in ["default.replication.factor", "offsets.topic.replication.factor"] {
            _ = try settings.number(key, default: 1, in: 1...1)
        }
    }

    /// Topic configurations whose broker settings come in several units.
    private static let topicDurations = ["retention.ms", "segment.ms", "segment.jitter.ms"]

    private mutating func readTopicDefaults(_ settings: inout KafkaSettings) {
        for definition in LogConfiguration.definitions where !Self.topicDurations.contains(definition.name) {
            // All are read, so that each is known; the first that is set counts.
            for value in definition.synonyms.compactMap({ settings.text($0) }).reversed() {
                topicDefaults[definition.name] = value
            }
        }
    }

    private mutating func readTopicDurations(_ settings: inout KafkaSettings) throws(SettingError) {
        let hour: Int64 = 3_600_000
        let retention = try settings.milliseconds(
            [("log.retention.ms", 1), ("log.retention.minutes", 60_000), ("log.retention.hours", hour)],
            default: 168 * hour)
        topicDefaults["retention.ms"] = String(retention)
        let roll = try settings.milliseconds([("log.roll.ms", 1), ("log.roll.hours", hour)], default: 168 * hour)
        topicDefaults["segment.ms"] = String(roll)
        let jitter = try settings.milliseconds(
            [("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", hour)], default: 0)
        topicDefaults["segment.jitter.ms"] = String(jitter)
    }
}
