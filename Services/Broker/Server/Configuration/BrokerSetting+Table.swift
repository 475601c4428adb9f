import Groups
import KafkaWire
import Storage

extension BrokerSetting {
    /// Every setting of a broker, ascending by name.
    static let all: [BrokerSetting] =
        (addresses + bounds + topics + groups + transactions + logs + cleaner).sorted { $0.name < $1.name }

    static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    private static let addresses: [BrokerSetting] = [
        .number("node.id", default: 1, 0...Int32.max, "The broker's number; goes over broker.id.") {
            $0.nodeID = .init($1)
        },
        .number("broker.id", default: 1, 0...Int32.max, "The older name of node.id.") { $0.nodeID = .init($1) },
        .text(
            "cluster.id", \.clusterID,
            "The cluster's id, which the data folder keeps; without one it is made at the first start."),
        .text(
            "listeners", type: .list, \.listenersText,
            "Addresses as NAME://host:port; no host is every address of the machine, port 0 any that is free."),
        .text(
            "advertised.listeners", type: .list, \.advertisedListenersText,
            "What Metadata tells, by the listener's name; without it what the client connected to."),
        .text("log.dirs", \.dataFolder, "The folder of all partitions: one for now. Goes over log.dir."),
        .text("log.dir", \.dataFolder, "The older name of log.dirs."),
        .integer(
            "num.network.threads", \.networkThreads, 0...256, "Event loops; 0 is one per core, at most 3."),
        .integer("num.io.threads", \.storageThreads, 0...256, "Storage threads; 0 is one per core, at most 8."),
    ]

    private static let bounds: [BrokerSetting] = [
        .integer(
            "socket.request.max.bytes", \.maximumRequestBytes, 1024...Int(Int32.max),
            "The largest request; a longer one closes its connection before a byte of it is held."),
        .integer(
            "queued.max.request.bytes", \.queuedRequestBytes, 1024 * 1024...Int.max,
            "What all requests may hold in memory together; over it sockets are not read."),
        .integer(
            "signalbox.partial.request.bytes", \.partialRequestBytes, 64 * 1024...Int.max,
            "Of that, by requests that have not come whole; over it the rest of one is read when all of it is there. "
                + "Ours."),
        .integer(
            "signalbox.request.stall.ms", \.requestStallMilliseconds, 100...3_600_000,
            "A begun request that goes on although memory is used up has to bring 64 KiB within this, or its "
                + "connection is closed. Ours."),
        .integer(
            "signalbox.queued.response.bytes", \.queuedResponseBytes, 1024...Int.max,
            "Bytes of one connection's responses in memory, over which its next request waits; one response may pass "
                + "it. Ours."),
        .integer(
            "queued.max.requests", \.queuedRequestsPerConnection, 1...10_000,
            "Requests of one connection that are begun and not answered."),
        .integer(
            "signalbox.request.max.elements", \.maximumRequestElements, 1...Int(Int32.max),
            "Elements of all arrays of one request together; one with more closes its connection. Ours."),
        .integer(
            "signalbox.max.open.files", \.maximumOpenFiles, 16...1_000_000,
            "Files of logs kept open, at most half of what the system allows the process. Ours."),
        .integer(
            "signalbox.flush.threads", \.flushThreads, 1...256,
            "Partitions whose records are brought to the disk at the same time. Ours."),
        .integer(
            "max.connections", \.maximumConnections, 1...1_000_000, update: .dynamic,
            "Connections at a time; further ones are closed at once."),
        .integer(
            "connections.max.idle.ms", \.idleConnectionMilliseconds, -1...Int64(Int32.max),
            "Connections that are silent for this long are closed; -1 never."),
        .integer(
            "fetch.max.bytes", \.fetchMaximumBytes, 1024...Int32.max,
            "The most bytes of one fetch response; a first batch that is larger is sent whole."),
        .integer(
            "signalbox.tail.cache.bytes", \.tailCacheBytes, 0...Int.max,
            "Newest batches kept in memory for consumers that read along, over all partitions; 0 keeps none. Ours."),
        .integer(
            "max.incremental.fetch.session.cache.slots", \.fetchSessionSlots, 0...1_000_000,
            "Fetch sessions kept at a time; a client without one names all its partitions in every fetch."),
        .integer(
            "signalbox.max.fetch.session.partitions", \.fetchSessionPartitions, 0...100_000_000,
            "Partitions that all fetch sessions remember together, about 300 bytes each. Ours."),
    ]

    private static let topics: [BrokerSetting] = [
        .flag("auto.create.topics.enable", \.autoCreateTopics, "Whether Metadata makes the topics it misses."),
        .flag("delete.topic.enable", \.deleteTopics, "Whether topics can be deleted."),
        .integer("num.partitions", \.defaultPartitions, 1...100_000, "Partitions of a topic that does not say."),
        .integer(
            "max.partitions.per.request", \.maximumPartitionsPerRequest, 1...1_000_000,
            "Partitions that one request can make, over all its topics."),
        .integer(
            "max.request.partition.size.limit", \.maximumPartitionsPerDescription, 1...1_000_000,
            "Partitions in one DescribeTopicPartitions response; a cursor says where to go on."),
        .integer(
            "log.retention.check.interval.ms", \.retentionCheckMilliseconds, 1...Int64(Int32.max),
            "How often retention is applied."),
        // One node has one copy of everything; a higher number could not be honoured.
        .number("default.replication.factor", default: 1, 1...1, "Copies of a partition: one, on one node.") {
            (_, _: Int) in
        },
        .number(
            "offsets.topic.replication.factor", default: 1, 1...1,
            "Copies of the partitions of __consumer_offsets: one, on one node."
        ) { (_, _: Int) in },
    ]
}
