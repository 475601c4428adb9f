import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import Storage

/// Random transactions of a few producers on a log and on its model; every difference names the seed.
struct TransactionRun {
    var generator: SplitMix64
    let memory = MemoryFileSystem()
    var harness: LogHarness
    var log: PartitionLog
    var model = TransactionModel()
    var coordinatorEpoch: Int32 = 0

    init(seed: UInt64) throws {
        generator = SplitMix64(seed: seed)
        harness = LogHarness.small(memory, segmentBytes: 300 + generator.next(upTo: 2000))
        harness.configuration.retentionMilliseconds = -1
        harness.configuration.retentionBytes = generator.next(upTo: 3) == 0 ? 3000 : -1
        log = try harness.open()
    }

    mutating func step() throws {
        switch generator.next(upTo: 30) {
        case 0..<12: try append()
        case 12..<20: try end()
        case 20..<23: try check()
        case 23: try flush()
        case 24: try refuse()
        case 25: try retain()
        case 26: try restart()
        case 27: try deleteRecords()
        default: if generator.next(upTo: 3) == 0 { try crash() }
        }
        try #require(log.logEnd == model.end && log.logStart == model.start)
        try #require(log.firstUnstableOffset == model.firstUnstable)
    }

    mutating func append() throws {
        let values = model.makeValues(&generator)
        let id = ProducerID(Int64(generator.next(upTo: 5)) - 1)
        let known = model.producers[id]
        var producer = known ?? TransactionModel.Producer()
        // A new epoch, as the initialisation of a producer gives it, comes with no transaction open.
        if known?.transactionStart == nil, generator.next(upTo: 8) == 0 {
            producer.epoch += 1
            producer.nextSequence = 0
        }
        let isTransactional = id >= 0 && (known?.transactionStart != nil || generator.next(upTo: 4) != 0)
        var entry = TransactionModel.Entry(
            base: model.end, values: values, producer: id, epoch: -1, sequence: -1,
            kind: .records(isTransactional: isTransactional))
        if id >= 0 {
            entry.epoch = producer.epoch
            entry.sequence = producer.nextSequence
        }
        let result = try log.append(batch(entry, isTransactional: isTransactional))
        try #require(result.firstOffset == entry.base && !result.isDuplicate)
        model.entries.append(entry)
    }

    private func batch(_ entry: TransactionModel.Entry, isTransactional: Bool) throws -> ByteBuffer {
        var builder = RecordBatchBuilder()
        for value in entry.values { builder.append(timestamp: 1000, key: nil, value: ByteBuffer(string: value)) }
        return try builder.finish(
            producerID: entry.producer, producerEpoch: entry.epoch, baseSequence: entry.sequence,
            isTransactional: isTransactional)
    }

    /// Most ends are of a transaction; a repeated marker finds none.
    mutating func end() throws {
        let id = ProducerID(Int64(generator.next(upTo: 4)))
        guard let producer = model.producers[id] else { return }
        if producer.transactionStart == nil, generator.next(upTo: 5) != 0 { return }
        if generator.next(upTo: 10) == 0 { coordinatorEpoch += 1 }
        let isBumped = generator.next(upTo: 2) == 0
        let marker = TransactionMarker(
            producerID: id, producerEpoch: producer.epoch + (isBumped ? 1 : 0),
            isCommit: generator.next(upTo: 2) == 0, coordinatorEpoch: coordinatorEpoch,
            transactionVersion: isBumped ? 2 : 0)
        let result = try log.appendMarker(marker, leaderEpoch: 7, now: 0)
        model.entries.append(
            TransactionModel.Entry(
                base: result.firstOffset, values: [], producer: id, epoch: marker.producerEpoch, sequence: -1,
                kind: .marker(isCommit: marker.isCommit)))
    }

    /// What must not get in: an older epoch, a gap, a batch outside the open transaction, an older marker.
    mutating func refuse() throws {
        let id = ProducerID(Int64(generator.next(upTo: 4)))
        guard let producer = model.producers[id] else { return }
        let values = ["refused"]
        func attempt(_ epoch: Int16, _ sequence: Int32, _ isTransactional: Bool) throws {
            let entry = TransactionModel.Entry(
                base: 0, values: values, producer: id, epoch: epoch, sequence: sequence,
                kind: .records(isTransactional: isTransactional))
            let bytes = try batch(entry, isTransactional: isTransactional)
            #expect(throws: AppendError.self) { try log.append(bytes) }
        }
        if producer.epoch > 0 { try attempt(producer.epoch - 1, 0, true) }
        try attempt(producer.epoch, producer.nextSequence + 3, true)
        if producer.transactionStart != nil { try attempt(producer.epoch, producer.nextSequence, false) }
        let old = TransactionMarker(
            producerID: id, producerEpoch: producer.epoch - 1, isCommit: true, coordinatorEpoch: coordinatorEpoch)
        if producer.epoch > 0 {
            #expect(throws: AppendError.self) { try log.appendMarker(old, leaderEpoch: 7, now: 0) }
        }
    }

    mutating func flush() throws {
        try log.flush()
        model.durable = model.end
    }

    mutating func retain() throws {
        try log.applyRetention(now: 0)
        model.start = log.logStart
    }

    mutating func deleteRecords() throws {
        if generator.next(upTo: 3) != 0 { return }
        let offset = model.start + Int64(generator.next(upTo: Int(model.end - model.start) + 1))
        try log.advanceLogStart(to: offset)
        try log.flush()
        model.durable = model.end
        model.start = log.logStart
    }

    mutating func restart() throws {
        let clean = generator.next(upTo: 2) == 0
        if clean { try log.close() }
        log = try harness.open(clean: clean)
        model.durable = model.end
        try check()
    }

    mutating func crash() throws {
        memory.crash(seed: generator.next())
        log = try harness.open()
        try model.lose(start: log.logStart, end: log.logEnd)
        try check()
    }

    // MARK: Comparing

    mutating func check() throws {
        try #require(log.firstUnstableOffset == model.firstUnstable)
        let known = Dictionary(uniqueKeysWithValues: log.describeProducers().map { ($0.producerID, $0) })
        for (id, producer) in model.producers {
            let found = try #require(known[id])
            try #require(found.epoch == producer.epoch && found.transactionStart == producer.transactionStart)
        }
        let first = model.start + Int64(generator.next(upTo: Int(model.end - model.start) + 1))
        let last = first + Int64(generator.next(upTo: Int(model.end - first) + 1))
        let expected = model.aborted.filter { $0.lastOffset >= first && $0.firstOffset < last }
            .sorted { $0.firstOffset < $1.firstOffset }
        try #require(try log.abortedTransactions(from: first, upTo: last) == (first < last ? expected : []))
        try #require(try readCommitted(from: first) == model.committed(from: first))
    }

    /// Reads as a consumer of committed records does.
    mutating func readCommitted(from start: Offset) throws -> [String] {
        let bound = log.firstUnstableOffset ?? log.logEnd
        var values: [String] = []
        var next = start
        while next < bound {
            let read = try log.read(from: next, maxBytes: generator.next(upTo: 600), below: bound)
            var aborted = try log.abortedTransactions(from: next, upTo: read.nextOffset)[...]
            var leftOut: Set<ProducerID> = []
            var batches = RecordBatchSequence(try read.payload.contiguous(), trailing: .error)
            while let batch = try batches.next() {
                while let transaction = aborted.first, transaction.firstOffset <= batch.header.lastOffset {
                    leftOut.insert(transaction.producerID)
                    aborted.removeFirst()
                }
                if let marker = try TransactionMarker(batch) {
                    if !marker.isCommit { leftOut.remove(marker.producerID) }
                    continue
                }
                if batch.header.isTransactional, leftOut.contains(batch.header.producerID) { continue }
                var reader = try RecordBatchReader(batch, maximumDecompressedBytes: 1 << 20)
                values += try reader.readAll().filter { $0.offset >= next }.map(\.text)
            }
            try #require(read.nextOffset > next)
            next = read.nextOffset
        }
        return values
    }
}

@Suite("Transactions against their model")
struct TransactionModelTests {
    @Test(
        "open transactions, what is stable and what was aborted survive rolls, retention, restarts and crashes",
        arguments: 0..<600 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var run = try TransactionRun(seed: seed)
        for _ in 0..<250 { try run.step() }
        try run.check()
        try run.crash()
    }
}
