import KafkaClient
import Logging
import NIOCore

/// Consumes a number of records from the start of one partition and looks at the length of each value.
struct ConsumeRun {
    let options: BenchOptions
    let logger: Logger

    func run() async throws -> RunCost.Tally {
        let partition = TopicPartition(topic: options.topic, partition: options.partition)
        var configuration = KafkaConsumerConfiguration(
            client: KafkaClientConfiguration(bootstrapServers: [options.bootstrap]),
            mode: .assigned([partition: .earliest]))
        configuration.maxPartitionFetchBytes = options.fetchBytes
        let consumer = try KafkaConsumer(configuration: configuration, logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await consumer.run() }
            let tally = try await consume(from: consumer)
            consumer.beginShutdown()
            try await group.waitForAll()
            return tally
        }
    }

    private func consume(from consumer: KafkaConsumer) async throws -> RunCost.Tally {
        var tally = RunCost.Tally()
        for try await batch in consumer.batches {
            for record in batch.records {
                tally.records += 1
                tally.bytes += record.value?.readableBytes ?? 0
            }
            if tally.records >= options.records { break }
        }
        return tally
    }
}
