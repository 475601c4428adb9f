import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import KafkaClient

@Suite("SubscriptionState")
struct SubscriptionStateTests {
    private let partition = TopicPartition(topic: "t", partition: 0)
    private let now = NIODeadline.uptimeNanoseconds(1_000)

    private func make(prefetch: Int = 1000, at offset: Int64 = 0) -> SubscriptionState {
        var state = SubscriptionState(prefetchBytes: prefetch)
        state.assign([partition: .offset(Offset(offset))])
        state.makeReady([partition])
        return state
    }

    private func target(_ state: SubscriptionState) throws -> SubscriptionState.FetchTarget {
        try #require(state.fetchTargets(now: now) { _ in true }.targets.first)
    }

    private func batch(_ offsets: Range<Int64>, end: Int64 = 100) -> ConsumerBatch {
        ConsumerBatch(
            topicPartition: partition,
            records: offsets.map { ConsumerRecord(offset: Offset($0), timestamp: 0, value: nil) },
            nextOffset: Offset(offsets.upperBound), highWatermark: Offset(end))
    }

    @Test("batches come in order, and the position follows what was delivered")
    func order() throws {
        var state = make()
        #expect(state.receive(batch(0..<3), memoryBytes: 10, for: try target(state)) == true)
        #expect(state.receive(batch(3..<5), memoryBytes: 10, for: try target(state)) == true)
        #expect(state.next()?.nextOffset == 3)
        #expect(state[partition]?.position == 3)
        #expect(state.lag == [partition: 97])
        #expect(state.next()?.nextOffset == 5)
        #expect(state.next() == nil)
    }

    @Test("an abandoned batch holds nobody up, and counts as processed once another is asked for")
    func abandoned() throws {
        var state = make()
        _ = state.receive(batch(0..<3), memoryBytes: 10, for: try target(state))
        _ = state.next()
        state.abandonOutstanding()
        #expect(!state.isBusy(with: [partition]))
        #expect(state.uncommitted().isEmpty)
        state.finishOutstanding()
        #expect(state.uncommitted()[partition]?.offset == 3)
    }

    @Test("a batch counts as processed when the next one is asked for")
    func processed() throws {
        var state = make()
        _ = state.receive(batch(0..<3), memoryBytes: 10, for: try target(state))
        _ = state.next()
        #expect(state.uncommitted().isEmpty)
        #expect(state.isBusy(with: [partition]))
        state.finishOutstanding()
        #expect(state.uncommitted() == [partition: CommittedOffset(offset: 3)])
        state.noteCommitted(state.uncommitted())
        #expect(state.uncommitted().isEmpty)
    }

    @Test("a batch in hand counts over pauses, not over a seek or a new assignment, paused or leaving as may be")
    func batchInHand() throws {
        func taken() throws -> SubscriptionState {
            var state = make()
            _ = state.receive(batch(0..<3), memoryBytes: 10, for: try target(state))
            _ = state.next()
            return state
        }
        var paused = try taken()
        paused.pause([partition])
        paused.resume([partition])
        paused.finishOutstanding()
        #expect(paused.uncommitted()[partition]?.offset == 3)
        let changes: [(inout SubscriptionState) -> Void] = [
            { $0.pause([partition]) }, { $0.beginLeaving([partition]) }, { _ in },
        ]
        for change in changes {
            var sought = try taken()
            #expect(sought.seek(partition, to: .offset(0)) == true)
            change(&sought)
            sought.finishOutstanding()
            #expect(sought.uncommitted().isEmpty)
            var moved = try taken()
            moved.remove([partition])
            moved.assign([partition: .offset(0)])
            change(&moved)
            moved.finishOutstanding()
            #expect(moved.uncommitted().isEmpty)
        }
    }

    @Test("a batch that never reached the application is delivered again, also after a pause")
    func takenBackAfterPause() throws {
        var state = make()
        _ = state.receive(batch(0..<3), memoryBytes: 10, for: try target(state))
        _ = state.next()
        state.pause([partition])
        state.takeBackOutstanding()
        state.resume([partition])
        #expect(try target(state).offset == 0)
    }

    @Test("a batch belongs to the assignment that it was delivered in")
    func assignments() throws {
        var state = make()
        _ = state.receive(batch(0..<3), memoryBytes: 10, for: try target(state))
        let next = state.next()
        let delivered = try #require(next)
        #expect(state.isAssigned(delivered))
        state.pause([partition])
        #expect(state.isAssigned(delivered))
        state.remove([partition])
        #expect(!state.isAssigned(delivered))
        state.assign([partition: .offset(0)])
        #expect(!state.isAssigned(delivered), "it has come back, and somebody else had it meanwhile")
    }

    @Test("nothing is fetched while enough is buffered")
    func backPressure() throws {
        var state = make(prefetch: 10)
        _ = state.receive(batch(0..<3), memoryBytes: 10, for: try target(state))
        #expect(state.fetchTargets(now: now) { _ in true }.targets.isEmpty)
        _ = state.next()
        #expect(try target(state).offset == 3)
    }

    @Test("what was fetched before a seek, a pause or a revocation is never delivered")
    func voided() throws {
        var state = make()
        let old = try target(state)
        #expect(state.seek(partition, to: .offset(50)) == true)
        #expect(state.receive(batch(0..<3), memoryBytes: 10, for: old) == false)
        _ = state.receive(batch(50..<52), memoryBytes: 10, for: try target(state))
        state.pause([partition])
        #expect(state.next() == nil)
        #expect(state.bufferedBytes == 0)
        state.resume([partition])
        #expect(try target(state).offset == 50, "a paused partition goes on where it was")
        _ = state.receive(batch(50..<52), memoryBytes: 10, for: try target(state))
        state.beginLeaving([partition])
        #expect(state.next() == nil)
        #expect(state.seek(partition, to: .offset(0)) == false)
        state.remove([partition])
        #expect(state.assignment.isEmpty)
    }

    @Test("a partition is not fetched before the application has taken it over")
    func readiness() {
        var state = SubscriptionState(prefetchBytes: 1000)
        state.assign([partition: .offset(1)])
        #expect(state.fetchTargets(now: now) { _ in true }.targets.isEmpty)
        state.makeReady([partition])
        #expect(state.fetchTargets(now: now) { _ in true }.targets.count == 1)
    }

    @Test("a position that was looked up too late does not undo a seek")
    func resolution() throws {
        var state = SubscriptionState(prefetchBytes: 1000)
        state.assign([partition: .committed])
        state.makeReady([partition])
        let asked = try #require(state.unresolved(now: now).starts[partition])
        #expect(asked.start == .committed)
        #expect(state.seek(partition, to: .offset(9)) == true)
        state.resolve(partition, version: asked.version, to: 4)
        #expect(state[partition]?.position == 9)
        // Nor does one that was not found, or a fetch outside the log.
        state.restart(partition, version: asked.version, from: .earliest)
        #expect(state[partition]?.fetchPosition == 9)
        let current = try #require(state[partition]?.version)
        state.restart(partition, version: current, from: .earliest)
        #expect(state.unresolved(now: now).starts[partition] == .init(start: .earliest, version: current))
    }

    @Test("a partition that failed is left alone for its backoff")
    func postponement() {
        var state = make()
        let later = now + .seconds(1)
        state.postpone(partition) { failures in
            #expect(failures == 1)
            return later
        }
        let targets = state.fetchTargets(now: now) { _ in true }
        #expect(targets.targets.isEmpty)
        #expect(targets.nextCheck == later)
        #expect(state.fetchTargets(now: later) { _ in true }.targets.count == 1)
    }

    @Test("offsets without records are stepped over, also behind a batch that waits")
    func skipped() throws {
        var state = make()
        _ = state.receive(batch(0..<3), memoryBytes: 10, for: try target(state))
        var markers = batch(3..<5)
        markers.records = []
        _ = state.receive(markers, memoryBytes: 0, for: try target(state))
        #expect(state.next()?.nextOffset == 5)
        #expect(try target(state).offset == 5)
    }

    @Test("offsets without records that come alone are told too, and count as processed once the next is asked for")
    func skippedAlone() throws {
        var state = make()
        _ = state.receive(batch(0..<3), memoryBytes: 10, for: try target(state))
        #expect(state.next()?.records.count == 3)
        var markers = batch(3..<5)
        markers.records = []
        _ = state.receive(markers, memoryBytes: 0, for: try target(state))
        state.finishOutstanding()
        let told = state.next()
        #expect(told?.records.isEmpty == true && told?.nextOffset == 5)
        state.finishOutstanding()
        #expect(state.uncommitted().values.map(\.offset) == [5])
    }

    @Test("a batch that a cancelled task never got is delivered again")
    func takenBack() throws {
        var state = make()
        _ = state.receive(batch(0..<3), memoryBytes: 10, for: try target(state))
        _ = state.next()
        state.takeBackOutstanding()
        #expect(try target(state).offset == 0)
        state.finishOutstanding()
        #expect(state.uncommitted().isEmpty)
    }
}
