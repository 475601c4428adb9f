import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import KafkaClient

/// A partition as a broker keeps it: appends batches in sequence, knows duplicates, refuses what is too large or bad.
private struct PartitionLog {
    var records: [Int] = []
    private var nextSequences: [Int16: Int32] = [:]
    private var epoch: Int16 = -1
    private var recent: [(epoch: Int16, sequence: Int32, offset: Int)] = []

    mutating func append(_ batch: ByteBuffer) throws -> Result<BatchAcknowledgement, KafkaError> {
        var reader = try RecordBatchReader(batch, maximumDecompressedBytes: 1 << 20)
        let header = reader.header
        try header.verifyChecksum(of: batch)
        if header.recordsCount > 1, batch.readableBytes > 160 { return .failure(.broker(.messageTooLarge, "")) }
        var numbers: [Int] = []
        while let record = try reader.next() { numbers.append(record.value?.getInteger(at: 0, as: Int.self) ?? -1) }
        if numbers.contains(where: { $0 % 97 == 5 }) { return .failure(.broker(.invalidRecord, "")) }
        if let known = recent.first(where: { $0.epoch == header.producerEpoch && $0.sequence == header.baseSequence }) {
            return .success(BatchAcknowledgement(baseOffset: Offset(Int64(known.offset))))
        }
        if header.producerEpoch < epoch { return .failure(.broker(.invalidProducerEpoch, "")) }
        let expected = header.producerEpoch > epoch ? 0 : nextSequences[epoch] ?? 0
        if header.baseSequence != expected { return .failure(.broker(.outOfOrderSequenceNumber, "")) }
        epoch = header.producerEpoch
        nextSequences[epoch] = header.nextSequence
        recent.append((epoch, header.baseSequence, records.count))
        if recent.count > 5 { recent.removeFirst() }
        let offset = records.count
        records += numbers
        return .success(BatchAcknowledgement(baseOffset: Offset(Int64(offset))))
    }
}

@Suite("Producer rules against a faulty broker")
struct ProducerSimulationTests {
    /// The last ones once wrote a batch twice, which was in the log with more behind it than a broker remembers.
    private static let seeds: [UInt64] =
        Array(0..<60) + [2559, 3858, 8381, 9374, 13_914, 14_923, 16_219, 18_529, 18_789]

    private struct Flight {
        var id: Int
        var partition: TopicPartition
        var bytes: ByteBuffer
    }

    /// Sends records through an unreliable network to three partitions and looks at the logs afterwards.
    @Test("nothing is lost, doubled or reordered, memory stays bounded, each record has one result", arguments: seeds)
    func simulate(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var accumulator = RecordAccumulatorTests.make(memory: 16 * 1024, batchSize: 256)
        var logs: [TopicPartition: PartitionLog] = [:]
        var written: [TopicPartition: [Int]] = [:]
        var results: [Int: Result<Offset?, KafkaError>] = [:]
        var network: [Flight] = []
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var next = 0

        func note(_ completion: RecordAccumulator<Int>.Completion?) {
            guard let completion else { return }
            for report in completion.reports {
                #expect(results[report.token] == nil, "record \(report.token) has two results")
                results[report.token] = completion.result.map { $0.baseOffset.map { $0 + Int64(report.first) } }
            }
        }

        func answer(_ flight: Flight) throws {
            let fate = Int.random(in: 0..<12, using: &random)
            var result: Result<BatchAcknowledgement, KafkaError>
            switch fate {
            case 0: result = .failure(KafkaError(.connection, "lost before the broker"))
            case 1:
                _ = try logs[flight.partition, default: PartitionLog()].append(flight.bytes)
                result = .failure(KafkaError(.connection, "lost after the broker"))
            case 2: result = .failure(.broker(.notLeaderOrFollower, ""))
            default: result = try logs[flight.partition, default: PartitionLog()].append(flight.bytes)
            }
            switch result {
            case .success(let acknowledgement):
                note(accumulator.acknowledge(flight.id, of: flight.partition, acknowledgement))
            case .failure(let error):
                note(
                    accumulator.fail(flight.id, of: flight.partition, error: error, encoded: flight.bytes, now: now))
            }
        }

        while next < 400 || !accumulator.isEmpty {
            now = now + .milliseconds(Int64.random(in: 0...20, using: &random))
            for _ in 0..<Int.random(in: 0...6, using: &random) where next < 400 {
                let partition = TopicPartition(topic: "t", partition: Int32.random(in: 0..<3, using: &random))
                let outcome = accumulator.append(
                    to: partition, timestamp: 0, key: nil, value: ByteBuffer(integer: next), headers: [],
                    recordBytes: 64, token: next, now: now)
                guard case .appended = outcome else { break }
                written[partition, default: []].append(next)
                next += 1
            }
            #expect(accumulator.usedBytes <= 16 * 1024)
            for var batch in accumulator.drain(maximumBytes: 512, now: now, leads: { _ in true }).batches {
                let bytes = try batch.encode(.none)
                network.append(Flight(id: batch.id, partition: batch.topicPartition, bytes: bytes))
            }
            while !network.isEmpty, Bool.random(using: &random) { try answer(network.removeFirst()) }
            for completion in accumulator.expire(now: now) { note(completion) }
        }

        #expect(results.count == 400)
        #expect(accumulator.usedBytes == 0)
        for (partition, sent) in written {
            let log = logs[partition]?.records ?? []
            let failed = sent.filter { if case .failure? = results[$0] { true } else { false } }
            #expect(failed.allSatisfy { !log.contains($0) }, "a refused record is in the log")
            #expect(log == sent.filter { !failed.contains($0) })
            for (offset, record) in log.enumerated() {
                if case .success(let given?)? = results[record] { #expect(given.rawValue == Int64(offset)) }
            }
        }
    }
}
