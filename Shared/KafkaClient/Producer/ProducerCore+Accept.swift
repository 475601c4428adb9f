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
        let (acceptance, woken) = state.withLock { state -> (Acceptance, TopicPartition?) in
            if state.isClosed { return (.closed, nil) }
            let place: Place
            switch self.place(record, version, &state, isWaiting) {
            case .success(let found): place = found
            case .failure(let blocked): return (blocked.acceptance, nil)
            }
            let outcome = state.accumulator.append(
                toQueue: place.queue, timestamp: record.timestamp ?? WallClock.milliseconds(), key: record.key,
                value: record.value, headers: record.headers, recordBytes: place.recordBytes, token: delivery,
                continues: false, now: .now())
            let wakes = outcome == .appended(wakes: true)
            return (.accepted, wakes ? state.accumulator.queues[place.queue].topicPartition : nil)
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

    /// - Parameter records: read in place, for a copy of a record is four references counted up and down.
    private func accept(
        _ records: UnsafeBufferPointer<ProducerRecord>, _ next: inout Int, _ collector: DeliveryCollector?,
        _ time: Int64, _ isWaiting: Bool, _ version: Int, _ state: inout State, _ woken: inout [TopicPartition]
    ) -> Acceptance {
        var isWaiting = isWaiting
        var lastQueue = -1
        for index in next..<min(records.count, next + Self.recordsPerLock) {
            let place: Place
            switch self.place(records[index], version, &state, isWaiting) {
            case .success(let found): place = found
            case .failure(let blocked): return blocked.acceptance
            }
            let outcome = state.accumulator.append(
                toQueue: place.queue, timestamp: records[index].timestamp ?? time, key: records[index].key,
                value: records[index].value, headers: records[index].headers, recordBytes: place.recordBytes,
                token: collector.map {
                    RecordDelivery(target: .collected($0, index: index, acceptedTime: time))
                }, continues: lastQueue == place.queue, now: .now())
            if outcome == .appended(wakes: true) {
                woken.append(state.accumulator.queues[place.queue].topicPartition)
            }
            lastQueue = place.queue
            isWaiting = false
            next = index + 1
        }
        return .accepted
    }

    // MARK: Where a record goes

    private struct Place {
        let queue: Int
        let recordBytes: Int
    }

    private struct Blocked: Error {
        let acceptance: Acceptance
    }

    /// The queue that the record belongs to, once it may go there.
    @inline(__always)
    private func place(
        _ record: ProducerRecord, _ version: Int, _ state: inout State, _ isWaiting: Bool
    ) -> Result<Place, Blocked> {
        let bytes = RecordBatchBuilder.maximumRecordBytes(
            key: record.key, value: record.value, headers: record.headers)
        if bytes > largestRecordBytes || record.topic.isEmpty {
            return .failure(Blocked(acceptance: .refused(unacceptable(record, bytes))))
        }
        let known = state.routes.find(record.topic, version: version) {
            cluster.withMetadata { $0.partitionCount(of: record.topic) }
        }
        guard let route = known else { return .failure(Blocked(acceptance: .unknownTopic(record.topic))) }
        guard isWaiting || state.memoryWaiters.isEmpty, state.accumulator.hasRoom(for: bytes) else {
            return .failure(Blocked(acceptance: .waitForMemory(wait(for: bytes, &state, isWaiting))))
        }
        let count = state.routes[route].partitionCount
        if let partition = record.partition, partition < 0 || Int(partition) >= count {
            let error = KafkaError(
                .invalidArgument, "topic '\(record.topic)' has \(count) partitions, not one \(partition)")
            return .failure(Blocked(acceptance: .refused(error)))
        }
        let partition = record.partition ?? choosePartition(record, route, bytes, &state.routes)
        if let transactions {
            let place = TopicPartition(topic: record.topic, partition: partition)
            if let refusal = transactions.admit(place) { return .failure(Blocked(acceptance: .refused(refusal))) }
        }
        let queue = state.routes.queue(of: route, partition: partition) { topic in
            state.accumulator.queueIndex(TopicPartition(topic: topic, partition: partition))
        }
        return .success(Place(queue: queue, recordBytes: bytes))
    }

    private func choosePartition(
        _ record: ProducerRecord, _ route: Int, _ bytes: Int, _ routes: inout TopicRoutes
    ) -> Int32 {
        let count = routes[route].partitionCount
        if let key = record.key { return PartitionerRules.partition(forKey: key, count: count) }
        var generator = SystemRandomNumberGenerator()
        return routes[route].partitioner.partitionWithoutKey(
            count: count, bytes: bytes,
            isAvailable: { partition in
                cluster.withMetadata {
                    $0.leader(of: TopicPartition(topic: record.topic, partition: partition)) != nil
                }
            }, using: &generator)
    }

    /// The most that a record may take.
    private var largestRecordBytes: Int {
        min(configuration.maxRequestSizeBytes, configuration.bufferMemoryBytes) - RecordBatchHeader.byteCount
    }

    private func unacceptable(_ record: ProducerRecord, _ bytes: Int) -> KafkaError {
        if record.topic.isEmpty { return KafkaError(.invalidArgument, "the record names no topic") }
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
