import EventStreams
import KafkaClient
import Logging
import ServiceKit
import ServiceLifecycle

/// Asks the log for the ends of its topics, again and again.
struct TopicMonitor: Service {
    let log: EventLog
    let room: ControlRoom
    let interval: Duration

    func run() async throws {
        guard await log.link.untilOpen() else { return }
        await cancelWhenGracefulShutdown { await watch() }
    }

    private func watch() async {
        let clock = ContinuousClock()
        let start = clock.now
        var rates = TopicRates()
        while !Task.isCancelled {
            do {
                let now = (clock.now - start).components
                let milliseconds = now.seconds * 1000 + now.attoseconds / 1_000_000_000_000_000
                try room.take(try await look(&rates, at: milliseconds))
            } catch {
                // The log's link tells the outage; the page must not show old rates as if they were new.
                report()
            }
            do { try await Task.sleep(for: interval) } catch { return }
        }
    }

    private func report() {
        var topics = room.topics
        topics.isReachable = false
        do { try room.take(topics) } catch { log.environment.logger.error("\(error)") }
    }

    private func look(_ rates: inout TopicRates, at milliseconds: Int64) async throws(KafkaError) -> TopicsDocument {
        let topics = try await log.admin.listTopics().filter { !$0.isInternal }
        let partitions = topics.flatMap { topic in
            topic.partitions.map { TopicPartition(topic: topic.name, partition: $0.partition) }
        }
        let ends = try await log.admin.listOffsets(partitions, at: .latest)
        var records: [String: Int64] = [:]
        for topic in topics { records[topic.name] = 0 }
        for (partition, end) in ends { records[partition.topic, default: 0] += end.rawValue }
        rates.take(records, at: milliseconds)
        return TopicsDocument(
            isReachable: true,
            topics: topics.map { topic in
                TopicsDocument.Row(
                    name: topic.name, partitions: topic.partitions.count, records: records[topic.name] ?? 0,
                    recordsPerSecond: rates.rate(of: topic.name))
            })
    }
}
