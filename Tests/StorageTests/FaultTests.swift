import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

#if canImport(Glibc)
import Glibc
#endif

@Suite("Disk faults")
struct FaultTests {
    private func makeFaulty(_ operation: FileOperation, on suffix: String, _ fault: FaultPlan.Fault) throws
        -> (log: PartitionLog, files: FaultyFileSystem, harness: LogHarness)
    {
        let files = FaultyFileSystem(MemoryFileSystem())
        let harness = LogHarness.small(files)
        let log = try harness.open()
        for number in 0..<4 { try log.append(makeBatch(values: ["\(number)"])) }
        var plan = FaultPlan()
        plan.add(operation, on: suffix, fault)
        files.use(plan)
        return (log, files, harness)
    }

    @Test(
        "an append that the disk refuses leaves the log as it was, and the next one is taken",
        arguments: [
            FaultPlan.Fault.fail(errno: EIO), .fail(errno: ENOSPC), .tear(keeping: 0, errno: ENOSPC),
            .tear(keeping: 30, errno: EIO), .tear(keeping: 70, errno: ENOSPC), .tear(keeping: 100_000, errno: EIO),
        ])
    func failedWrite(fault: FaultPlan.Fault) throws {
        let (log, _, harness) = try makeFaulty(.write, on: ".log", fault)
        let bytes = log.byteCount
        let batch = try makeBatch(2, producer: TestProducer(id: 5, sequence: 0))
        let error = #expect(throws: AppendError.self) { try log.append(batch) }
        #expect(error?.errorCode == .kafkaStorageError)
        #expect(log.logEnd == 4 && log.byteCount == bytes)
        #expect(try log.readAll().map(\.text) == ["0", "1", "2", "3"])
        #expect(try harness.files.byteCount(of: harness.folder.file(.log, 0)) == bytes, "nothing half written stays")
        let again = try log.append(batch)
        #expect(again.firstOffset == 4 && !again.isDuplicate, "the failed append is no duplicate of its repeat")
        #expect(try harness.open().readAll().count == 6)
    }

    @Test("where the file cannot be cut back the log goes offline, and opening it again brings it back")
    func offline() throws {
        let (log, files, harness) = try makeFaulty(.write, on: ".log", .tear(keeping: 30, errno: ENOSPC))
        var plan = FaultPlan()
        plan.add(.write, .tear(keeping: 30, errno: ENOSPC))
        plan.add(.truncate, .fail(errno: EIO))
        files.use(plan)
        #expect(throws: AppendError.self) { try log.append(makeBatch()) }
        #expect(throws: AppendError.self) { try log.append(makeBatch()) }
        #expect(throws: ReadError.self) { _ = try log.read(from: 0, maxBytes: 10, below: 4) }
        #expect(throws: StorageError.self) { try log.flush() }
        #expect(throws: StorageError.self) { try log.close() }
        let again = try harness.open()
        #expect(again.recovery.cutBytes == 30)
        #expect(try again.readAll().count == 4)
    }

    @Test("a failed sync takes the log offline: what the disk has is not known any more")
    func failedSync() throws {
        let (log, _, harness) = try makeFaulty(.sync, on: ".log", .fail(errno: EIO))
        #expect(throws: StorageError.self) { try log.flush() }
        #expect(throws: AppendError.self) { try log.append(makeBatch()) }
        #expect(try harness.open().logEnd == 4)
    }

    @Test(
        "a segment that cannot be closed or begun refuses the append and changes nothing",
        arguments: [FileOperation.create, .write], [".log", ".index", ".timeindex"])
    func failedRoll(operation: FileOperation, suffix: String) throws {
        if operation == .write, suffix == ".log" { return }
        let files = FaultyFileSystem(MemoryFileSystem())
        let harness = LogHarness.small(files)
        let log = try harness.open()
        var appended = 0
        while log.byteCount < 900 {
            try log.append(makeBatch())
            appended += 1
        }
        var plan = FaultPlan()
        plan.add(operation, on: suffix, .fail(errno: ENOSPC))
        files.use(plan)
        #expect(throws: AppendError.self) { try log.append(makeBatch(valueBytes: 500)) }
        #expect(try log.segments().count == 1 && log.logEnd == Offset(Int64(appended)))
        try log.append(makeBatch(valueBytes: 500))
        #expect(try log.segments().count == 2)
        #expect(try log.readAll().count == appended + 1)
        #expect(try harness.open().readAll().count == appended + 1)
    }

    @Test("a read that the disk refuses is an error and can be repeated")
    func failedRead() throws {
        let (log, _, _) = try makeFaulty(.read, on: ".log", .fail(errno: EIO))
        let error = #expect(throws: ReadError.self) { _ = try log.read(from: 0, maxBytes: 1000, below: 4) }
        #expect(error?.errorCode == .kafkaStorageError)
        #expect(try log.readAll().count == 4)
    }

    @Test(
        "an open that the disk refuses is an error, not an empty log",
        arguments: [FileOperation.open, .list, .size, .read])
    func failedOpen(operation: FileOperation) throws {
        let (log, files, harness) = try makeFaulty(operation, on: "", .fail(errno: EIO))
        _ = log
        #expect(throws: StorageError.self) { _ = try harness.open() }
        files.use(FaultPlan())
        #expect(try harness.open().logEnd == 4)
    }
}
