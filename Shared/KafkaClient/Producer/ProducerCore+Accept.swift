import DequeModule
import KafkaRecords
import KafkaWire
import NIOCore
import Synchronization

/// What became of a record that was handed over.
enum Acceptance: Sendable {
    case accepted
    /// Its topic's partitions have to be found out first.
    case unknownTopic(String)
    case waitForMemory(OneShot<Bool>)
    case refused(KafkaError)
    case closed
}

/// Records that are handed over together, and how far that is.
struct RecordIntake {
    let records: [ProducerRecord]
    /// Who waits for the results, if anybody.
    let collector: DeliveryCollector?
    /// The first record that is not accepted yet.
    var next = 0

    var isComplete: Bool { next == records.count }
}

extension ProducerCore {
    /// Records that are accepted under one lock: callers and sending tasks wait for each other no longer than that.
    static let recordsPerLock = 512

    /// Puts a record into a batch, or says what to wait for. Records wait for memory in the order they came.
    ///
    /// - Parameters:
    ///   - delivery: who learns of the result; `nil` for nobody but the next flush.
    ///   - isWaiting: the caller has waited its turn already.
    func accept(_ record: ProducerRecord, delivery: RecordDelivery?, isWaiting: Bool) -> Acceptance {
        let version = cluster.metadataVersion
        let bytes = RecordBatchBuilder.maximumRecordBytes(
            key: record.key, value: record.value, headers: record.headers)
        let (acceptance, woken) = state.withLock { state -> (Acceptance, TopicPartition?) in
            if state.isClosed { return (.closed, nil) }
            let queue: Int
            switch self.place(record.topic, record.partition, record.key, bytes, version, &state, isWaiting) {
            case .success(let found): queue = found
            case .failure(let blocked): return (blocked.acceptance, nil)
            }
            let outcome = state.accumulator.append(
                toQueue: queue, timestamp: record.timestamp ?? WallClock.milliseconds(), key: record.key,
                value: record.value, headers: record.headers, recordBytes: bytes, token: delivery,
                continues: false, now: .now())
            let wakes = outcome == .appended(wakes: true)
            return (.accepted, wakes ? state.accumulator.queues[queue].topicPartition : nil)
        }
        if let woken { wakeSender(of: woken) }
        if case .waitForMemory = acceptance { wakeAll() }
        return acceptance
    }

    /// Puts as many of the records into batches as there is room for, up to ``recordsPerLock``.
    ///
    /// - Returns: why the next one was not accepted; `accepted` where all of them were.
    func accept(_ intake: inout RecordIntake, isWaiting: Bool) -> Acceptance {
        let version = cluster.metadataVersion
        var woken: [TopicPartition] = []
        let acceptance = state.withLock { state -> Acceptance in
            if state.isClosed { return .closed }
            // One look at the clock for all: they were handed over at the same moment.
            let time = WallClock.milliseconds()
            return intake.records.withUnsafeBufferPointer { records in
                accept(records, &intake.next, intake.collector, time, isWaiting, version, &state, &woken)
            }
        }
        for partition in woken { wakeSender(of: partition) }
        if case .waitForMemory = acceptance { wakeAll() }
        return acceptance
    }

    private func accept(
        _ records: UnsafeBufferPointer<ProducerRecord>, _ next: inout Int, _ collector: DeliveryCollector?,
        _ time: Int64, _ isWaiting: Bool, _ version: Int, _ state: inout State, _ woken: inout [TopicPartition]
    ) -> Acceptance {
        var isWaiting = isWaiting
        var lastQueue = -1
        for index in next..<min(records.count, next + Self.recordsPerLock) {
            let queue: Int
            // Field by field: a copy of the record would be four references counted up and down.
            let key = records[index].key
            let value = records[index].value
            let headers = records[index].headers
            let bytes = RecordBatchBuilder.maximumRecordBytes(key: key, value: value, headers: headers)
            switch self.place(
                records[index].topic, records[index].partition, key, bytes, version, &state, isWaiting)
            {
            case .success(let found): queue = found
            case .failure(let blocked): return blocked.acceptance
            }
            let outcome = state.accumulator.append(
                toQueue: queue, timestamp: records[index].timestamp ?? time, key: key, value: value,
                headers: headers, recordBytes: bytes,
                token: collector.map {
                    RecordDelivery(target: .collected($0, index: index, acceptedTime: time))
                }, continues: lastQueue == queue, now: .now())
            if outcome == .appended(wakes: true) {
                woken.append(state.accumulator.queues[queue].topicPartition)
            }
            lastQueue = queue
            isWaiting = false
            next = index + 1
        }
        return .accepted
    }

    // MARK: Where a record goes

    private struct Blocked: Error {
        let acceptance: Acceptance
    }

    /// The queue that the record belongs to, once it may go there.
    @inline(__always)
    private func place(
        _ topic: String, _ partition: Int32?, _ key: ByteBuffer?, _ bytes: Int, _ version: Int, _ state: inout State,
        _ isWaiting: Bool
    ) -> Result<Int, Blocked> {
        if bytes > largestRecordBytes || topic.isEmpty { return refuse(unacceptable(topic, bytes)) }
        guard let route = state.routes.last(topic, version: version) ?? findRoute(topic, version, &state) else {
            return .failure(Blocked(acceptance: .unknownTopic(topic)))
        }
        guard isWaiting || state.memoryWaiters.isEmpty, state.accumulator.hasRoom(for: bytes) else {
            return .failure(Blocked(acceptance: .waitForMemory(wait(for: bytes, &state, isWaiting))))
        }
        let count = state.routes.partitionCount(of: route)
        if let partition, partition < 0 || Int(partition) >= count {
            return refuse(
                KafkaError(.invalidArgument, "topic '\(topic)' has \(count) partitions, not one \(partition)"))
        }
        let chosen = partition ?? choosePartition(topic, key, route, bytes, &state.routes)
        if let transactions {
            let refusal = transactions.admit(TopicPartition(topic: topic, partition: chosen))
            if let refusal { return refuse(refusal) }
        }
        let queue = state.routes.queue(of: route, partition: chosen) ?? makeQueue(chosen, route, &state)
        return .success(queue)
    }

    private func refuse(_ error: KafkaError) -> Result<Int, Blocked> {
        .failure(Blocked(acceptance: .refused(error)))
    }

    private func findRoute(_ topic: String, _ version: Int, _ state: inout State) -> Int? {
        state.routes.find(topic, version: version) { cluster.withMetadata { $0.partitionCount(of: topic) } }
    }

    private func makeQueue(_ partition: Int32, _ route: Int, _ state: inout State) -> Int {
        let topicPartition = TopicPartition(topic: state.routes[route].topic, partition: partition)
        let queue = state.accumulator.queueIndex(topicPartition)
        state.routes.setQueue(of: route, partition: partition, queue)
        return queue
    }

    private func choosePartition(
        _ topic: String, _ key: ByteBuffer?, _ route: Int, _ bytes: Int, _ routes: inout TopicRoutes
    ) -> Int32 {
        let count = routes[route].partitionCount
        if let key { return PartitionerRules.partition(forKey: key, count: count) }
        var generator = SystemRandomNumberGenerator()
        return routes[route].partitioner.partitionWithoutKey(
            count: count, bytes: bytes,
            isAvailable: { partition in
                cluster.withMetadata { $0.leader(of: TopicPartition(topic: topic, partition: partition)) != nil }
            }, using: &generator)
    }

    /// The most that a record may take.
    private var largestRecordBytes: Int {
        min(configuration.maxRequestSizeBytes, configuration.bufferMemoryBytes) - RecordBatchHeader.byteCount
    }

    private func unacceptable(_ topic: String, _ bytes: Int) -> KafkaError {
        if topic.isEmpty { return KafkaError(.invalidArgument, "the record names no topic") }
        let limit = largestRecordBytes + RecordBatchHeader.byteCount
        return KafkaError(.recordTooLarge, "a record of about \(bytes) bytes is over the limit of \(limit)")
    }

    // MARK: Waiting for memory

    private func wait(for bytes: Int, _ state: inout State, _ isWaiting: Bool) -> OneShot<Bool> {
        let wake = OneShot<Bool>()
        if isWaiting { state.memoryWaiters.prepend((bytes, wake)) } else { state.memoryWaiters.append((bytes, wake)) }
        state.accumulator.isShortOfMemory = true
        return wake
    }

    /// Takes a waiter that gave up out of the queue.
    func abandonWait(_ wake: OneShot<Bool>) {
        state.withLock { state in
            state.memoryWaiters.removeAll { $0.wake === wake }
            state.accumulator.isShortOfMemory = !state.memoryWaiters.isEmpty
        }
        wakeMemoryWaiters()
    }

    /// Lets those at the front of the queue try again who fit by now.
    func wakeMemoryWaiters() {
        let woken = state.withLock { state -> [OneShot<Bool>] in
            var woken: [OneShot<Bool>] = []
            var bytes = 0
            while let first = state.memoryWaiters.first, state.accumulator.hasRoom(for: bytes + first.bytes) {
                bytes += first.bytes + ProducerBatch<RecordDelivery>.reportOverheadBytes
                woken.append(first.wake)
                state.memoryWaiters.removeFirst()
            }
            state.accumulator.isShortOfMemory = !state.memoryWaiters.isEmpty
            return woken
        }
        for waiter in woken { waiter.fulfil(true) }
    }
}
