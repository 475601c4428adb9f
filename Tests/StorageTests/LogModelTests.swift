import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import Storage

/// Random work on a log and on its model; every difference names the seed.
struct LogRun {
    var generator: SplitMix64
    let memory = MemoryFileSystem()
    let files: FaultyFileSystem
    var harness: LogHarness
    var log: PartitionLog
    var model = LogModel()

    init(seed: UInt64) throws {
        generator = SplitMix64(seed: seed)
        files = FaultyFileSystem(memory)
        harness = LogHarness.small(files, segmentBytes: 800 + generator.next(upTo: 2000))
        harness.configuration.indexIntervalBytes = generator.next(upTo: 400)
        harness.configuration.retentionMilliseconds = -1
        harness.configuration.retentionBytes = generator.next(upTo: 2) == 0 ? -1 : 4000
        log = try harness.open()
    }

    mutating func step() throws {
        switch generator.next(upTo: 20) {
        case 0..<9: try append()
        case 9..<11: try repeatBatch()
        case 11..<14: try read()
        case 14: try flush()
        case 15: try flushInBackground()
        case 16: try retain()
        case 17: try restart()
        default: if generator.next(upTo: 4) == 0 { try crash() }
        }
        try #require(log.logEnd == model.end && log.logStart == model.start)
    }

    mutating func append() throws {
        let batch = try model.makeNextBatch(&generator)
        let result = try log.append(batch.bytes)
        try #require(result.firstOffset == batch.base && !result.isDuplicate)
        model.batches.append(batch)
    }

    mutating func repeatBatch() throws {
        guard let batch = model.makeRepeat(&generator) else { return }
        let result = try log.append(batch.bytes)
        try #require(result.isDuplicate && result.firstOffset == batch.base)
    }

    mutating func read() throws {
        let start = model.start + Int64(generator.next(upTo: Int(model.end - model.start) + 1))
        let bound = start + Int64(generator.next(upTo: Int(model.end - start) + 1))
        let read = try log.read(from: start, maxBytes: generator.next(upTo: 3000), below: bound)
        let found = try read.records()
        let expected = model.batches.filter { $0.next > start && $0.next <= bound }
            .flatMap { batch in batch.values.enumerated().map { (batch.base + Int64($0.offset), $0.element) } }
        try #require(expected.starts(with: found.map { ($0.offset, $0.text) }, by: ==))
        if let first = expected.first {
            try #require(found.first?.offset == first.0 || first.0 > start)
        }
        try #require(read.nextOffset == (found.last?.offset).map { $0 + 1 } ?? start)
    }

    mutating func flush() throws {
        try log.flush()
        model.durable = model.end
    }

    mutating func flushInBackground() throws {
        guard let work = try log.flushWork(includingActiveSegment: generator.next(upTo: 2) == 0) else { return }
        try append()
        try work.run()
        try log.finishFlush(work, failure: nil)
        model.durable = max(model.durable, work.upTo)
    }

    mutating func retain() throws {
        try log.applyRetention(now: 0)
        model.start = log.logStart
    }

    mutating func restart() throws {
        let clean = generator.next(upTo: 2) == 0
        if clean {
            try log.close()
            model.durable = model.end
        }
        log = try harness.open(clean: clean)
        try #require(log.recovery.wasClean || !clean)
        try #require(log.recovery.cutBytes == 0)
        model.durable = model.end
        try compare()
    }

    mutating func crash() throws {
        memory.crash(seed: generator.next())
        log = try harness.open()
        try model.loseFirstSegments(upTo: log.logStart)
        try model.loseTail(upTo: log.logEnd)
        model.durable = model.end
        try compare()
    }

    /// Every record, one after the other.
    mutating func compare() throws {
        let records = try log.readAll(maxBytes: 1 + generator.next(upTo: 2000))
        try #require(records.map(\.text) == model.values)
        try #require(records.map(\.offset) == (model.start.rawValue..<model.end.rawValue).map { Offset($0) })
    }
}

@Suite("A log against its model")
struct LogModelTests {
    @Test(
        "appends, reads, rolls, retention, restarts and crashes lose nothing durable",
        arguments: 0..<60 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var run = try LogRun(seed: seed)
        for _ in 0..<200 { try run.step() }
        try run.compare()
        try run.crash()
    }

    @Test(
        "faults of the disk refuse appends but lose nothing that was acknowledged",
        arguments: 1000..<1030 as Range<UInt64>)
    func faulty(seed: UInt64) throws {
        var run = try LogRun(seed: seed)
        let operations: Set<FileOperation> = [.write, .sync, .create, .truncate, .read, .rename, .syncFolder, .open]
        for round in 0..<12 {
            run.files.use(FaultPlan(seed: seed &* 31 &+ UInt64(round), oneIn: 12, operations: operations))
            for _ in 0..<20 { try run.faultyStep() }
            run.files.use(FaultPlan())
            try run.reopenAfterFaults()
        }
    }
}

extension LogRun {
    /// An append or a flush that may fail.
    mutating func faultyStep() throws {
        if generator.next(upTo: 5) == 0 {
            do {
                try log.flush()
                model.durable = model.end
            } catch {
                try #require(error.errorCode == .kafkaStorageError)
            }
            return
        }
        let batch = try model.makeNextBatch(&generator)
        let result: AppendResult
        do {
            result = try log.append(batch.bytes)
        } catch {
            try #require(error.errorCode == .kafkaStorageError)
            return
        }
        try #require(result.firstOffset == batch.base)
        model.batches.append(batch)
    }

    /// The process or the machine starts again. An append that was refused may have reached the disk whole: only its
    /// answer was lost then.
    mutating func reopenAfterFaults() throws {
        let crashed = generator.next(upTo: 2) == 0
        if crashed { memory.crash(seed: generator.next()) }
        log = try harness.open()
        if !crashed { try #require(log.logEnd >= model.end) }
        try #require(log.logEnd >= model.durable)
        try model.loseFirstSegments(upTo: log.logStart)
        let records = try log.readAll()
        let known = model.values
        try #require(records.prefix(known.count).map(\.text) == Array(known.prefix(records.count)))
        try takeOver(records.dropFirst(known.count))
        if log.logEnd < model.end { try model.loseTail(upTo: log.logEnd) }
        model.durable = model.end
    }

    private mutating func takeOver(_ unanswered: ArraySlice<Record>) throws {
        guard let first = unanswered.first else { return }
        let headers = try log.read(from: first.offset, maxBytes: 1 << 20, below: log.logEnd).headers()
        try #require(headers.count == 1, "no more than the one append that failed")
        let header = try #require(headers.first)
        let producer = header.hasProducerID
            ? TestProducer(id: header.producerID, sequence: header.baseSequence) : nil
        model.batches.append(
            LogModel.Batch(
                base: first.offset, values: unanswered.map(\.text), producer: producer, bytes: ByteBuffer()))
    }
}
