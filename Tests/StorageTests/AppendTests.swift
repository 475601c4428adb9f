import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

@Suite("Appending to a log")
struct AppendTests {
    @Test("records get consecutive offsets, over batches and frames")
    func offsets() throws {
        let log = try LogHarness().open()
        let first = try log.append(makeBatch(3))
        #expect(first.firstOffset == 0 && first.lastOffset == 2)
        #expect(first.logAppendTime == -1 && first.logStart == 0 && !first.isDuplicate)
        let second = try log.append(makeFrame([makeBatch(2), makeBatch(1), makeBatch(4)]))
        #expect(second.firstOffset == 3 && second.lastOffset == 9)
        #expect(log.logEnd == 10)
        #expect(log.byteCount == Int64(first.appendedBytes + second.appendedBytes))
        #expect(try log.readAll().map(\.offset) == (0..<10).map { Offset($0) })
    }

    @Test("the received bytes are stored as they are but for base offset and leader epoch")
    func storedBytes() throws {
        let harness = LogHarness()
        let log = try harness.open()
        try log.append(makeBatch(5))
        let sent = try makeBatch(3, compression: .zstd)
        let copy = sent
        _ = try log.append(sent, leaderEpoch: 12, now: 0)
        #expect(sent == copy, "the received buffer is not changed")
        let stored = try log.read(from: 5, maxBytes: 1000, below: log.logEnd)
        let header = try #require(try stored.headers().first)
        #expect(header.baseOffset == 5 && header.partitionLeaderEpoch == 12)
        let bytes = try stored.payload.contiguous()
        #expect(bytes.getSlice(at: 16, length: 1000) == nil)
        #expect(
            bytes.getSlice(at: 16, length: sent.readableBytes - 16)
                == sent.getSlice(at: 16, length: sent.readableBytes - 16))
    }

    @Test("an append inside a larger buffer is appended alone")
    func slices() throws {
        let log = try LogHarness().open()
        let sent = try makeBatch(2)
        let buffer = makeFrame([ByteBuffer(string: "before"), sent, ByteBuffer(string: "after")])
        let batch = try #require(buffer.getSlice(at: 6, length: sent.readableBytes))
        try log.append(batch)
        #expect(try log.readAll().count == 2)
    }

    @Test("every way to damage a batch is refused and leaves the log as it was", arguments: 0..<61)
    func damaged(byte: Int) throws {
        let log = try LogHarness().open()
        try log.append(makeBatch())
        var batch = try makeBatch(2)
        let old = try #require(batch.getInteger(at: byte, as: UInt8.self))
        batch.setInteger(old ^ 0x81, at: byte)
        if (12..<16).contains(byte) {
            // The leader epoch is the broker's to write; what a producer sends there does not matter.
            #expect(throws: Never.self) { try log.append(batch) }
            return
        }
        #expect(throws: AppendError.self) { try log.append(batch) }
        #expect(log.logEnd == 1)
        #expect(try log.readAll().count == 1)
    }

    @Test("an append cut at any byte is refused as corrupt", arguments: [1, 11, 12, 60, 61, 62, 90])
    func truncated(length: Int) throws {
        let log = try LogHarness().open()
        let batch = try #require(try makeBatch(2).getSlice(at: 0, length: length))
        let error = #expect(throws: AppendError.self) { try log.append(batch) }
        #expect(error?.errorCode == .corruptMessage)
        let frame = makeFrame([try makeBatch(), batch])
        #expect(throws: AppendError.self) { try log.append(frame) }
        #expect(log.logEnd == 0, "all batches of a frame or none")
    }

    @Test("each refusal has the protocol's error code")
    func errorCodes() throws {
        var harness = LogHarness.small(segmentBytes: 300)
        harness.configuration.maxMessageBytes = 200
        let log = try harness.open()
        func code(_ frame: ByteBuffer) -> ErrorCode? {
            #expect(throws: AppendError.self) { try log.append(frame) }?.errorCode
        }
        #expect(code(ByteBuffer()) == .invalidRecord)
        #expect(try code(makeBatch(valueBytes: 200)) == .messageTooLarge)
        #expect(try code(makeFrame([makeBatch(valueBytes: 100), makeBatch(valueBytes: 100)])) == .recordListTooLarge)
        #expect(try code(makeBatch(isControl: true)) == .invalidRecord)
        var corrupt = try makeBatch()
        corrupt.setInteger(UInt8(0xFF), at: 65)
        #expect(code(corrupt) == .corruptMessage)
        #expect(log.byteCount == 0)
    }

    @Test("coordinators may write control batches")
    func coordinator() throws {
        let log = try LogHarness().open()
        let result = try log.append(makeBatch(isControl: true), leaderEpoch: 0, now: 0, origin: .coordinator)
        #expect(result.firstOffset == 0)
    }

    @Test("LogAppendTime gives every record the broker's time, with a checksum that is right")
    func appendTime() throws {
        var harness = LogHarness()
        harness.configuration.messageTimestampType = .logAppendTime
        let log = try harness.open()
        let result = try log.append(makeFrame([makeBatch(3), makeBatch(2, compression: .gzip)]), now: 777_777)
        #expect(result.logAppendTime == 777_777)
        let records = try log.readAll()
        #expect(records.count == 5)
        #expect(records.allSatisfy { $0.timestamp == 777_777 })
        #expect(try log.offset(forTimestamp: 777_777)?.offset == 0)
    }

    @Test("a compacted topic refuses records without a key", arguments: Compression.allCases)
    func compacted(compression: Compression) throws {
        var harness = LogHarness()
        harness.configuration.cleanupPolicy = .compact
        let log = try harness.open()
        try log.append(makeBatch(3, compression: compression))
        let keyless = try makeBatch(3, key: nil, compression: compression)
        let error = #expect(throws: AppendError.missingKey(indexes: [0, 1, 2])) { try log.append(keyless) }
        #expect(error?.errorCode == .invalidRecord)
        let other = try LogHarness().open()
        #expect(throws: Never.self) { try other.append(keyless) }
    }

    // MARK: Idempotence

    @Test("a repeated batch answers the offsets of the first and writes nothing")
    func duplicate() throws {
        let log = try LogHarness().open()
        try log.append(makeBatch())
        let batch = try makeBatch(2, producer: TestProducer(id: 5, sequence: 0))
        let first = try log.append(batch)
        try log.append(makeBatch(3, producer: TestProducer(id: 5, sequence: 2)))
        let bytes = log.byteCount
        let again = try log.append(batch)
        #expect(again.isDuplicate)
        #expect(again.firstOffset == first.firstOffset && again.lastOffset == first.lastOffset)
        #expect(again.appendedBytes == 0 && log.byteCount == bytes)
    }

    @Test("gaps and old epochs are refused")
    func sequences() throws {
        let log = try LogHarness().open()
        try log.append(makeBatch(2, producer: TestProducer(id: 5, epoch: 1, sequence: 10)))
        let gap = #expect(throws: AppendError.outOfOrderSequence(5, expected: 12, found: 13)) {
            try log.append(makeBatch(producer: TestProducer(id: 5, epoch: 1, sequence: 13)))
        }
        #expect(gap?.errorCode == .outOfOrderSequenceNumber)
        let fenced = #expect(throws: AppendError.fencedProducer(5, currentEpoch: 1, found: 0)) {
            try log.append(makeBatch(producer: TestProducer(id: 5, epoch: 0, sequence: 12)))
        }
        #expect(fenced?.errorCode == .invalidProducerEpoch)
        #expect(log.logEnd == 2)
    }

    @Test("several batches of one producer in one frame are in order among themselves")
    func frameSequences() throws {
        let log = try LogHarness().open()
        let frame = try makeFrame((0..<4).map { try makeBatch(2, producer: TestProducer(id: 5, sequence: $0 * 2)) })
        try log.append(frame)
        let again = try log.append(frame)
        #expect(again.isDuplicate && again.firstOffset == 0 && again.lastOffset == 7)
        let gap = try makeFrame([8, 11].map { try makeBatch(producer: TestProducer(id: 5, sequence: $0)) })
        #expect(throws: AppendError.outOfOrderSequence(5, expected: 9, found: 11)) { try log.append(gap) }
        let mixed = try makeFrame([6, 8].map { try makeBatch(2, producer: TestProducer(id: 5, sequence: $0)) })
        #expect(throws: AppendError.partlyDuplicate(5)) { try log.append(mixed) }
        #expect(log.logEnd == 8)
    }

    @Test("duplicates are recognised after a clean restart and after a crash", arguments: [true, false], [100, 5000])
    func duplicateAfterRestart(clean: Bool, segmentBytes: Int) throws {
        let files = MemoryFileSystem()
        let harness = LogHarness.small(files, segmentBytes: max(segmentBytes, 200))
        var log = try harness.open()
        let batches = try (0..<8).map { try makeBatch(2, producer: TestProducer(id: 5, sequence: $0 * 2)) }
        for batch in batches { try log.append(batch) }
        try log.flush()
        if clean { try log.close() } else { files.crash() }
        log = try harness.open(clean: clean)
        #expect(log.recovery.wasClean == clean)
        for (number, batch) in batches.enumerated().dropFirst(3) {
            let again = try log.append(batch)
            #expect(again.isDuplicate && again.firstOffset == Offset(Int64(number * 2)))
        }
        #expect(throws: AppendError.self) { try log.append(batches[2]) }
        #expect(try log.append(makeBatch(producer: TestProducer(id: 5, sequence: 16))).firstOffset == 16)
    }

    @Test("a producer that expired may start again anywhere")
    func expiry() throws {
        let log = try LogHarness().open()
        try log.append(makeBatch(producer: TestProducer(id: 5, sequence: 0)), now: 1000)
        #expect(log.expireProducers(now: 1000 + 24 * 3_600_000) == 1)
        try log.append(makeBatch(producer: TestProducer(id: 5, sequence: 77)), now: 1000)
        #expect(log.logEnd == 2)
    }
}
