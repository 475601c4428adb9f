import KafkaMessages
import KafkaWire
import NIOCore
import Storage

/// One fetch with its partitions looked up: it can be read more than once, before and after a wait.
struct FetchPlan: Sendable {
    typealias PartitionData = FetchResponse.PartitionData

    /// The first version that names topics by id.
    private static let topicIDVersion: Int16 = 13

    /// One partition as it is asked for, and where it was found.
    struct Target: Sendable {
        let request: FetchRequest.FetchPartition
        let partition: Result<Partition, ErrorCode>
    }

    /// What one pass over the partitions gave.
    struct Outcome: Sendable {
        var response = FetchResponse()
        var byteCount = 0
        /// Enough bytes, or an error that must be told at once.
        var isComplete = false
    }

    private let names: [(name: String, id: KafkaUUID, targets: [Target])]
    let minimumBytes: Int
    private let maximumBytes: Int
    private let isolation: IsolationLevel

    init(_ request: FetchRequest, version: Int16, topics: TopicTable, maximumBytes: Int) {
        self.maximumBytes = min(maximumBytes, Int(max(0, request.maxBytes)))
        // More than can be sent is never there to wait for.
        minimumBytes = min(Int(request.minBytes), self.maximumBytes)
        isolation = IsolationLevel(request.isolationLevel)
        names = request.topics.map { topic in
            let reference = TopicReference(
                name: topic.topic, id: topic.topicId, usesID: version >= Self.topicIDVersion)
            let found = reference.find(in: topics).mapError(\.code)
            let targets = topic.partitions.map { partition in
                Target(request: partition, partition: found.flatMap { Self.find(partition, in: $0) })
            }
            return (topic.topic, topic.topicId, targets)
        }
    }

    /// The bounds alone, for a fetch whose partitions its session remembers.
    init(boundsOf request: FetchRequest, maximumBytes: Int) {
        var bounds = request
        bounds.topics = []
        self.init(bounds, version: 0, topics: TopicTable(), maximumBytes: maximumBytes)
    }

    private static func find(
        _ request: FetchRequest.FetchPartition, in topic: TopicTable.Topic
    ) -> Result<Partition, ErrorCode> {
        guard let partition = topic.partition(request.partition) else { return .failure(.unknownTopicOrPartition) }
        if let error = partition.problem(withEpoch: request.currentLeaderEpoch) { return .failure(error) }
        return .success(partition)
    }

    /// Reads what is there now, up to the bounds of the request.
    func read() async -> Outcome {
        var outcome = Outcome()
        for (name, id, targets) in names {
            var topic = FetchResponse.FetchableTopicResponse(topic: name, topicId: id)
            topic.partitions.reserveCapacity(targets.count)
            for target in targets {
                let data = await read(target, taken: outcome.byteCount)
                outcome.byteCount += data.records?.byteCount ?? 0
                outcome.isComplete = outcome.isComplete || data.errorCode != .none || data.divergingEpoch.epoch >= 0
                topic.partitions.append(data)
            }
            outcome.response.responses.append(topic)
        }
        outcome.isComplete = outcome.isComplete || outcome.byteCount >= minimumBytes || names.isEmpty
        return outcome
    }

    /// Reads one partition; `taken` are the bytes that the response has already.
    func read(_ target: Target, taken: Int) async -> PartitionData {
        let index = target.request.partition
        let partition: Partition
        switch target.partition {
        case .failure(let code): return Self.failed(index, code, nil)
        case .success(let found): partition = found
        }
        if partition.isOffline { return Self.failed(index, .kafkaStorageError, partition.progress.offsets) }
        guard let offsets = partition.progress.offsetsUnlessGone else {
            return Self.failed(index, .unknownTopicOrPartition, nil)
        }
        let position = Offset(target.request.fetchOffset)
        guard position >= offsets.logStart else { return Self.failed(index, .offsetOutOfRange, offsets) }
        do {
            if let end = try await Self.divergence(of: target.request, from: partition) {
                return Self.diverging(index, end, offsets)
            }
            guard position <= offsets.logEnd else { return Self.failed(index, .offsetOutOfRange, offsets) }
            var data = data(index, offsets)
            let room = maximumBytes - taken
            // The first batch is handed out whole however large it is, or a consumer could never pass it.
            if room <= 0 && taken > 0 { return data }
            let end = offsets.end(for: isolation)
            if position >= end {
                partition.progress.noteTailReader()
                return data
            }
            let bytes = min(room, Int(max(0, target.request.partitionMaxBytes)))
            if let tail = partition.progress.readTail(
                from: position, to: end, maximumBytes: bytes, atLeastOneBatch: taken == 0)
            {
                data.records = tail
            } else {
                let next = try await read(
                    partition, from: position, maximumBytes: bytes, atLeastOneBatch: taken == 0, into: &data)
                if next >= end { partition.progress.noteTailReader() }
            }
            return data
        } catch {
            return Self.failed(index, error.errorCode, offsets)
        }
    }

    /// Reads from the log; returns where the reader goes on.
    private func read(
        _ partition: Partition, from position: Offset, maximumBytes: Int, atLeastOneBatch: Bool,
        into data: inout PartitionData
    ) async throws(ReadError) -> Offset {
        switch isolation {
        case .readUncommitted:
            let read = try await partition.read(
                from: position, maximumBytes: maximumBytes, atLeastOneBatch: atLeastOneBatch)
            data.records = read.payload
            return read.nextOffset
        case .readCommitted:
            let (read, aborted) = try await partition.readCommitted(
                from: position, maximumBytes: maximumBytes, atLeastOneBatch: atLeastOneBatch)
            data.records = read.payload
            data.abortedTransactions = aborted.map {
                FetchResponse.AbortedTransaction(
                    producerId: $0.producerID.rawValue, firstOffset: $0.firstOffset.rawValue)
            }
            return read.nextOffset
        }
    }

    private func data(_ index: Int32, _ offsets: PartitionProgress.Offsets) -> PartitionData {
        PartitionData(
            partitionIndex: index, highWatermark: offsets.highWatermark.rawValue,
            lastStableOffset: offsets.lastStable.rawValue, logStartOffset: offsets.logStart.rawValue,
            abortedTransactions: isolation == .readCommitted ? [] : nil, records: .empty)
    }

    /// Where the follower's log leaves the leader's, if it says what it fetched last (KIP-595).
    private static func divergence(
        of request: FetchRequest.FetchPartition, from partition: Partition
    ) async throws(ReadError) -> EpochEnd? {
        if request.lastFetchedEpoch < 0 { return nil }
        let epoch = LeaderEpoch(request.lastFetchedEpoch)
        let position = Offset(request.fetchOffset)
        let end: EpochEnd
        do { end = try await partition.endOffset(forLeaderEpoch: epoch) } catch { throw .storage(error) }
        let offsets = partition.progress.offsets
        guard end != .unknown else {
            throw .offsetOutOfRange(position, start: offsets.logStart, end: offsets.logEnd)
        }
        return end.diverges(from: epoch, at: position) ? end : nil
    }

    /// The follower has records that the leader has not; it cuts its log back and asks again.
    private static func diverging(
        _ index: Int32, _ end: EpochEnd, _ offsets: PartitionProgress.Offsets
    ) -> PartitionData {
        var data = failed(index, .none, offsets)
        data.divergingEpoch = FetchResponse.EpochEndOffset(
            epoch: end.epoch.rawValue, endOffset: end.endOffset.rawValue)
        return data
    }

    private static func failed(
        _ index: Int32, _ code: ErrorCode, _ offsets: PartitionProgress.Offsets?
    ) -> PartitionData {
        PartitionData(
            partitionIndex: index, errorCode: code, highWatermark: offsets?.highWatermark.rawValue ?? -1,
            lastStableOffset: offsets?.lastStable.rawValue ?? -1,
            logStartOffset: offsets?.logStart.rawValue ?? -1, records: .empty)
    }

    /// Returns when more than `outcome` may be read, or the time is up.
    func waitForMore(than outcome: Outcome, atMost timeout: TimeAmount, on loop: any EventLoop) async {
        let parked = ParkedFetch(missingBytes: minimumBytes - outcome.byteCount)
        var places: [PartitionProgress] = []
        for (topic, response) in zip(names, outcome.response.responses) {
            for (target, data) in zip(topic.targets, response.partitions) {
                guard case .success(let partition) = target.partition else { continue }
                let seen = isolation == .readCommitted ? data.lastStableOffset : data.highWatermark
                if partition.progress.park(parked, at: Offset(seen), isolation: isolation) {
                    places.append(partition.progress)
                } else {
                    parked.wake()
                }
            }
        }
        await parked.wait(timeout: timeout, on: loop)
        for place in places { place.unpark(parked) }
    }
}

extension Partition {
    /// Whether a client knows an older leader than this one, or a newer one than there is (KIP-320).
    nonisolated func problem(withEpoch epoch: Int32) -> ErrorCode? {
        if epoch < 0 { return nil }
        if epoch < leaderEpoch.rawValue { return .fencedLeaderEpoch }
        return epoch > leaderEpoch.rawValue ? .unknownLeaderEpoch : nil
    }
}
