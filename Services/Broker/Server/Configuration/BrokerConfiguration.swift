import Groups
import KafkaWire
import Transactions

/// Everything a broker can be told, under Kafka's own names.
///
/// Made from the `[kafka]` table of a configuration file; each property says which setting it is and in what unit. The
/// tables of ``BrokerSetting`` say what values there are.
public struct BrokerConfiguration: Sendable {
    /// `node.id` (also `broker.id`).
    public var nodeID: BrokerID = 1
    /// `cluster.id`: empty makes one at the first start and keeps it in the data folder.
    public var clusterID = ""
    /// `listeners` and `advertised.listeners`.
    public var listeners: [Listener] = []
    /// `log.dirs`: the folder of all partitions. One folder for now.
    public var dataFolder = "data"
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
    /// `signalbox.partial.request.bytes`: of that, by requests that have not come whole.
    public var partialRequestBytes = 8 * 1024 * 1024
    /// `signalbox.request.stall.ms`: what a request that goes on beyond those bounds has to bring 64 KiB within.
    public var requestStallMilliseconds: Int64 = 1000
    /// `signalbox.queued.response.bytes` per connection: responses in memory that the client has not taken.
    public var queuedResponseBytes = 4 * 1024 * 1024
    /// `queued.max.requests` per connection: requests begun whose responses are not sent yet.
    public var queuedRequestsPerConnection = 16
    /// `signalbox.request.max.elements`: elements of all arrays of one request.
    public var maximumRequestElements = 250_000
    /// `max.connections`: further ones are closed at once.
    public var maximumConnections = 10_000
    /// `connections.max.idle.ms`: silent connections are closed after this; -1 never.
    public var idleConnectionMilliseconds: Int64 = 600_000

    /// `auto.create.topics.enable`.
    public var autoCreateTopics = true
    /// `num.partitions`: of a topic that does not say.
    public var defaultPartitions: Int32 = 1
    /// `max.partitions.per.request`: what one CreateTopics, CreatePartitions or Metadata may make.
    public var maximumPartitionsPerRequest: Int32 = 10_000
    /// `max.request.partition.size.limit`: the most partitions one DescribeTopicPartitions answers.
    public var maximumPartitionsPerDescription = 2000
    /// `delete.topic.enable`.
    public var deleteTopics = true
    /// `fetch.max.bytes`: the most one fetch answers with.
    public var fetchMaximumBytes: Int32 = 57_671_680
    /// `log.retention.check.interval.ms`.
    public var retentionCheckMilliseconds: Int64 = 300_000
    /// `signalbox.tail.cache.bytes`: batches kept in memory for who reads along, over all partitions.
    public var tailCacheBytes = 8 * 1024 * 1024
    /// `max.incremental.fetch.session.cache.slots`.
    public var fetchSessionSlots = 1000
    /// `signalbox.max.fetch.session.partitions`: what all fetch sessions remember together.
    public var fetchSessionPartitions = 200_000
    /// Defaults of the topics' own settings where they are set, by the topic's name for each (`segment.bytes`).
    public var topicDefaults: [String: String] = [:]
    /// The log cleaner's settings.
    public var cleaner = CleanerConfiguration()
    /// The group coordinator's settings.
    var groups = GroupConfiguration()
    /// The transaction coordinator's settings.
    var transactions = TransactionConfiguration()

    /// What the file says, by Kafka's names.
    var settings: [String: String] = [:]
    /// `listeners` and `advertised.listeners` as they were written.
    var listenersText = "PLAINTEXT://127.0.0.1:9092"
    var advertisedListenersText = ""

    /// Every setting at its default; without listeners, which come with the reading.
    static let initial = BrokerConfiguration()

    private init() {}
}
