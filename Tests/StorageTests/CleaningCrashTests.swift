import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

@Suite("A crash while a log is cleaned")
struct CleaningCrashTests {
    /// The newest value of every key, and where the log ends.
    private struct Facts: Equatable {
        var newest: [String: String] = [:]
        var end: Offset

        init(_ log: PartitionLog) throws {
            end = log.logEnd
            for record in try log.readAll() {
                newest[record.key.map { String(buffer: $0) } ?? ""] = record.text
            }
        }
    }

    /// A log of several segments, all of it durable, of which some were cleaned before.
    private func fill(_ cleaner: CleanerHarness) throws -> (PartitionLog, checkpoint: Offset, Facts) {
        let log = try cleaner.log.open()
        for round in 0..<20 { try cleaner.append([("k\(round % 4)", "\(round)")], to: log) }
        let checkpoint = try #require(try cleaner.clean(log)).end
        for round in 20..<40 { try cleaner.append([("k\(round % 4)", "\(round)")], to: log) }
        try log.flush()
        return (log, checkpoint, try Facts(log))
    }

    private func check(_ cleaner: CleanerHarness, _ expected: Facts, clean: Bool = false) throws {
        let log = try cleaner.log.open(clean: clean)
        #expect(log.recovery.cutBytes == 0 && log.recovery.removedSegments.isEmpty)
        #expect(try Facts(log) == expected)
        let names = try cleaner.log.files.list(cleaner.log.folder)
        #expect(names.allSatisfy { !$0.hasSuffix(".cleaned") && !$0.hasSuffix(".swap") && !$0.hasSuffix(".tmp") })
        // Every segment begins where the one before ends: the next start would cut the log otherwise.
        try cleaner.clean(log)
        #expect(try Facts(log) == expected)
        for name in names where name.hasSuffix(".snapshot") {
            try cleaner.log.files.remove(cleaner.log.folder.appending(name))
        }
        let scanned = try cleaner.log.open()
        #expect(scanned.recovery.reason == nil && scanned.recovery.removedSegments.isEmpty)
        #expect(try Facts(scanned) == expected)
    }

    @Test(
        "at any step, of any kind, leaves the newest value of every key",
        arguments: [
            FileOperation.create, .write, .truncate, .sync, .rename, .remove, .syncFolder, .open, .list,
        ])
    func everyStep(operation: FileOperation) throws {
        for step in 0..<60 {
            for seed in [nil, UInt64(step)] {
                let memory = MemoryFileSystem()
                let files = FaultyFileSystem(memory)
                let cleaner = CleanerHarness(log: .compacted(files))
                let (log, checkpoint, expected) = try fill(cleaner)
                var plan = FaultPlan()
                plan.add(operation, after: step, times: .max, .fail(errno: 5))
                files.use(plan)
                var hasFailed = false
                do { try cleaner.clean(log, since: checkpoint) } catch { hasFailed = true }
                memory.crash(seed: seed)
                try check(CleanerHarness(log: .compacted(memory)), expected)
                if !hasFailed, seed == nil { return }
            }
        }
        Issue.record("the cleaning never came to an end")
    }

    @Test("a disk that fails once leaves the log readable, and the next start finds everything", arguments: 0..<40)
    func errors(seed: Int) throws {
        let memory = MemoryFileSystem()
        let files = FaultyFileSystem(memory)
        let cleaner = CleanerHarness(log: .compacted(files))
        let (log, checkpoint, expected) = try fill(cleaner)
        files.use(
            FaultPlan(
                seed: UInt64(seed), oneIn: 12,
                operations: [.create, .write, .sync, .rename, .remove, .syncFolder, .truncate]))
        do { try cleaner.clean(log, since: checkpoint) } catch {
            // Either the log is offline or it reads as before.
            files.use(FaultPlan())
            if log.offlineReason == nil { #expect(try Facts(log) == expected) }
        }
        files.use(FaultPlan())
        try check(CleanerHarness(log: .compacted(memory)), expected)
    }

    @Test("a clean stop after a swap that was not finished does not hide it")
    func unfinishedSwap() throws {
        let files = MemoryFileSystem()
        let cleaner = CleanerHarness(log: .compacted(files))
        let (log, checkpoint, expected) = try fill(cleaner)
        let plan = try #require(try log.planCleaning(since: checkpoint, below: Offset(.max), now: 0))
        let cleaning = LogCleaning(plan, limits: cleaner.limits, seed: (1, 2)) { _ in }
        for segment in plan.dirtySegments {
            _ = try cleaning.readKeys(of: try #require(try log.cleaningSource(segment)))
        }
        for group in cleaning.finishKeys().groups {
            try cleaning.begin(group)
            for segment in group { try cleaning.add(try #require(try log.cleaningSource(segment))) }
            if let cleaned = try cleaning.finish() { _ = try log.replaceSegments(with: cleaned) }
        }
        try log.close()
        try check(cleaner, expected, clean: true)
    }
}
