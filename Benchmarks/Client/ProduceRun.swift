import KafkaClient
import Logging
import NIOCore

/// Produces the lines of standard input to one partition, with kcat's settings for throughput.
struct ProduceRun {
    let options: BenchOptions
    let logger: Logger

    func run() async throws -> RunCost.Tally {
        var configuration = KafkaProducerConfiguration(bootstrapServers: [options.bootstrap])
        configuration.acks = options.acks
        configuration.enableIdempotence = options.acks == .all
        configuration.linger = .milliseconds(options.lingerMilliseconds)
        configuration.batchSizeBytes = options.batchBytes
        configuration.compression = options.compression
        configuration.bufferMemoryBytes = 64 * 1024 * 1024
        let producer = try KafkaProducer(configuration: configuration, logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await producer.run() }
            let tally = try await produce(to: producer)
            try await producer.flush()
            producer.beginShutdown()
            try await group.waitForAll()
            return tally
        }
    }

    private func produce(to producer: KafkaProducer) async throws -> RunCost.Tally {
        var source = LineSource()
        var tally = RunCost.Tally()
        switch options.interface {
        case .record:
            while let line = next(&source, &tally) { try await producer.enqueue(record(line)) }
        case .batch:
            var records: [ProducerRecord] = []
            while let line = next(&source, &tally) {
                records.append(record(line))
                guard records.count == 1000 else { continue }
                try await producer.enqueue(records)
                records.removeAll(keepingCapacity: true)
            }
            try await producer.enqueue(records)
        }
        return tally
    }

    private func next(_ source: inout LineSource, _ tally: inout RunCost.Tally) -> ByteBuffer? {
        guard let line = source.next() else { return nil }
        tally.records += 1
        tally.bytes += line.readableBytes
        return line
    }

    private func record(_ line: ByteBuffer) -> ProducerRecord {
        ProducerRecord(topic: options.topic, partition: options.partition, value: line)
    }
}
