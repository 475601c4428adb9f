import KafkaClient
import Logging
import Railway
import ServiceKit
import ServiceLifecycle

/// A projection's source: reads all partitions of a topic from their first record on, without a group, for ever.
///
/// Ready (check `service/view TOPIC`) once everything that was in the log at the start has been read. An outage is
/// waited out, and reading goes on where it was. A partition's records come in order, those of several mixed.
public final class TopicView<Event: Sendable>: Service {
    /// What the owner does with records that were read together; everything before is done by then.
    public typealias Take = @Sendable ([ReceivedRecord<Event>]) async -> Void

    private let log: EventLog
    private let topic: Topic
    private let reader: EventReader<Event>
    private let isCounted: Bool
    private let check: HealthCheck
    private let take: Take
    private let onCaughtUp: @Sendable () async -> Void

    /// A view of `reader`'s topic; `onCaughtUp` is called once. A service whose listener reads the same topic says that
    /// the view's records are not counted again.
    public init(
        _ log: EventLog, reader: EventReader<Event>, isCounted: Bool = true,
        onCaughtUp: @escaping @Sendable () async -> Void = {}, take: @escaping Take
    ) {
        self.log = log
        self.topic = reader.topic
        self.reader = reader
        self.isCounted = isCounted
        self.take = take
        self.onCaughtUp = onCaughtUp
        check = log.environment.healthCheck("view \(reader.topic.name)")
        check.set(.unhealthy("not begun"))
    }

    /// Reads until the service stops; failures of the log never end it.
    public func run() async throws {
        guard await log.link.untilOpen() else { return }
        await cancelWhenGracefulShutdown { await self.readAgainAndAgain() }
    }

    private func readAgainAndAgain() async {
        var progress = Progress()
        while !Task.isCancelled {
            do {
                try await read(&progress)
            } catch {
                if Task.isCancelled { return }
                log.logger.warning(
                    "reading stopped; going on",
                    metadata: [
                        EventStreamNames.LogKey.topic: "\(topic.name)", TelemetryNames.LogKey.error: "\(error)",
                    ])
            }
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// What has been read so far, over all attempts.
    private struct Progress {
        var positions: [TopicPartition: KafkaStartPosition] = [:]
        var catchUp: CatchUp?
        var isCaughtUp = false
    }

    private func read(_ progress: inout Progress) async throws {
        if progress.catchUp == nil {
            let ends = try await log.ends(of: topic)
            progress.catchUp = CatchUp(ends)
            progress.positions = ends.mapValues { .offset($0.start) }
        }
        await tellProgress(&progress)
        try await log.scan(progress.positions, name: "view") { batch in
            let partition = batch.topicPartition
            await take(batch.records.compactMap { reader.read($0, of: partition, isCounted: isCounted) })
            progress.positions[partition] = .offset(batch.nextOffset)
            progress.catchUp?.reached(batch.nextOffset, of: partition)
            if !progress.isCaughtUp { await tellProgress(&progress) }
            return true
        }
    }

    private func tellProgress(_ progress: inout Progress) async {
        guard let catchUp = progress.catchUp, !progress.isCaughtUp else { return }
        guard catchUp.isComplete else {
            check.set(.unhealthy("catching up in \(catchUp.partitions.map(\.description).joined(separator: ", "))"))
            return
        }
        progress.isCaughtUp = true
        check.set(.healthy)
        log.logger.info("the view has caught up", metadata: [EventStreamNames.LogKey.topic: "\(topic.name)"])
        await onCaughtUp()
    }
}
