/// What a producer remembers of its topics, so that a record costs no search: the number of partitions, the
/// partitioner, and the queue of each partition.
struct TopicRoutes {
    struct Route {
        let topic: String
        var partitionCount: Int
        /// The metadata that the count is from.
        var metadataVersion: Int
        var partitioner: PartitionerRules
        /// By partition; grows with the partitions that are used.
        var queues: [Int?] = []
    }

    private let stickyBytes: Int
    private var routes: [Route] = []
    private var indexes: [String: Int] = [:]
    private var last = 0

    /// - Parameter stickyBytes: as of ``PartitionerRules``.
    init(stickyBytes: Int) {
        self.stickyBytes = stickyBytes
    }

    subscript(index: Int) -> Route {
        _read { yield routes[index] }
        _modify { yield &routes[index] }
    }

    /// The route found last, if it is this topic's and the metadata are the same.
    func last(_ topic: String, version: Int) -> Int? {
        guard last < routes.count, routes[last].metadataVersion == version, routes[last].topic == topic else {
            return nil
        }
        return last
    }

    func partitionCount(of route: Int) -> Int { routes[route].partitionCount }

    /// The topic's route; `nil` while its partitions are not known.
    ///
    /// - Parameters:
    ///   - version: of the metadata; the number of partitions is asked for again when it has changed.
    ///   - count: the number of partitions as of now, `nil` for an unknown topic.
    mutating func find(_ topic: String, version: Int, count: () -> Int?) -> Int? {
        guard let count = known(topic, version) ?? count() else { return nil }
        let index = indexes[topic] ?? add(topic)
        routes[index].partitionCount = count
        routes[index].metadataVersion = version
        last = index
        return index
    }

    private func known(_ topic: String, _ version: Int) -> Int? {
        guard let index = indexes[topic], routes[index].metadataVersion == version else { return nil }
        return routes[index].partitionCount
    }

    private mutating func add(_ topic: String) -> Int {
        indexes[topic] = routes.count
        routes.append(
            Route(
                topic: topic, partitionCount: 0, metadataVersion: -1,
                partitioner: PartitionerRules(stickyBytes: stickyBytes)))
        return routes.count - 1
    }

    /// The queue of a topic's partition; `nil` before it was set.
    func queue(of route: Int, partition: Int32) -> Int? {
        Int(partition) < routes[route].queues.count ? routes[route].queues[Int(partition)] : nil
    }

    mutating func setQueue(of route: Int, partition: Int32, _ queue: Int) {
        while routes[route].queues.count <= Int(partition) { routes[route].queues.append(nil) }
        routes[route].queues[Int(partition)] = queue
    }
}
