import KafkaClient
import Logging
import Metrics
import Railway
import ServiceKit
import ServiceLifecycle
import Synchronization

/// Rules that turn station events into facts; a fact follows from the events of its trip alone.
public protocol StationEventRules: Sendable {
    associatedtype Fact: RailwayEvent

    /// Takes one event; the facts are to be told once each.
    mutating func take(_ event: StationEvent) -> (taken: TakenEvent, facts: [Fact])
}

extension ArrivalRules: StationEventRules {}
extension TripDelayRules: StationEventRules {}

/// Applies rules to the station events of a group's partitions and tells the facts.
///
/// Each partition has rules of its own, for a trip's events are all in one. Their state is a fold of the partition:
/// when a partition is assigned it is read from its start to the committed offset without telling anything. A crash
/// between telling and committing tells the same facts again, with the same ids.
public final class StationEventProcessor<Rules: StationEventRules>: EventHandler {
    public typealias Event = StationEvent

    private let log: EventLog
    private let reader: EventReader<StationEvent>
    private let teller: EventTeller
    private let makeRules: @Sendable () -> Rules
    private let rules = Mutex<[TopicPartition: Rules]>([:])
    private let telling: Mutex<TellingBatch>

    private init(_ log: EventLog, teller: EventTeller, makeRules: @escaping @Sendable () -> Rules) {
        self.log = log
        self.teller = teller
        self.makeRules = makeRules
        reader = EventReader(log)
        telling = Mutex(teller.batch())
    }

    /// The listener of `group` that applies rules made by `makeRules` and tells their facts with `teller`.
    public static func listener(
        _ log: EventLog, group: String, teller: EventTeller, makeRules: @escaping @Sendable () -> Rules
    ) -> EventListener<StationEventProcessor<Rules>> {
        let processor = StationEventProcessor(log, teller: teller, makeRules: makeRules)
        return EventListener(log, group: group, reader: processor.reader, handler: processor)
    }

    public func assigned(_ partitions: [TopicPartition: Offset?]) async throws {
        let bounds = try await log.ends(of: partitions.keys.sorted())
        var restored = partitions.mapValues { _ in makeRules() }
        // What was read and not committed is not part of the state: it comes again, and is told then.
        let ranges = bounds.compactMap { partition, bounds -> (TopicPartition, (start: Offset, end: Offset))? in
            guard let committed = partitions[partition] ?? nil, bounds.start < committed else { return nil }
            return (partition, (bounds.start, min(committed, bounds.end)))
        }
        let wanted = Dictionary(uniqueKeysWithValues: ranges)
        let count = try await restore(&restored, wanted)
        rules.withLock { $0.merge(restored) { _, new in new } }
        log.logger.info(
            "partitions assigned, their state restored",
            metadata: [
                EventStreamNames.LogKey.partition: .string(
                    partitions.keys.sorted().map(\.description).joined(separator: ", ")),
                EventStreamNames.LogKey.events: "\(count)",
            ])
    }

    private func restore(
        _ rules: inout [TopicPartition: Rules], _ ranges: [TopicPartition: (start: Offset, end: Offset)]
    ) async throws -> Int {
        var missing = CatchUp(ranges)
        guard !missing.isComplete else { return 0 }
        var count = 0
        try await log.scan(ranges.mapValues { .offset($0.start) }, name: "restore") { batch in
            let partition = batch.topicPartition
            guard let end = ranges[partition]?.end else { return true }
            for record in batch.records where record.offset < end {
                let read = reader.read(record, of: partition, isCounted: false)
                guard case .event(let received) = read else { continue }
                _ = rules[partition]?.take(received.event)
                count += 1
            }
            missing.reached(batch.nextOffset, of: partition)
            return !missing.isComplete
        }
        // A stop in the middle: half a state must not be worked with.
        if !missing.isComplete { throw CancellationError() }
        return count
    }

    public func lost(_ partitions: [TopicPartition]) async {
        rules.withLock { rules in for partition in partitions { rules[partition] = nil } }
    }

    public func take(_ record: ReceivedRecord<StationEvent>) async throws {
        guard case .event(let received) = record else { return }
        let result = rules.withLock { $0[received.topicPartition]?.take(received.event) }
        // Revoked in the meantime: its new owner handles it.
        guard let result else { throw CancellationError() }
        count(result.taken)
        if case .refused(let error) = result.taken { reader.reject(received, because: error) }
        let batch = telling.withLock { $0 }
        for fact in result.facts { try await batch.add(fact) }
    }

    public func settle() async throws {
        let batch = telling.withLock { telling in
            defer { telling = teller.batch() }
            return telling
        }
        try await batch.finish()
    }

    private func count(_ taken: TakenEvent) {
        Counter(
            label: EventStreamNames.Metric.eventsTaken.name,
            dimensions: [
                (EventStreamNames.Label.service, log.environment.name),
                (EventStreamNames.Label.outcome, taken.label),
            ]
        ).increment()
    }
}
