import KafkaWire
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import BrokerServer

@Suite("Parked fetches", .timeLimit(.minutes(5)))
struct ParkedFetchTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()
    private let forever = TimeAmount.hours(1)

    private func progress(at end: Offset) -> PartitionProgress {
        PartitionProgress(.init(logStart: 0, highWatermark: end, logEnd: end))
    }

    private func offsets(_ end: Offset) -> PartitionProgress.Offsets {
        .init(logStart: 0, highWatermark: end, logEnd: end)
    }

    @Test("what arrived before the wait began is not missed")
    func wokenBefore() async {
        let fetch = ParkedFetch(missingBytes: 10)
        #expect(fetch.dataArrived(bytes: 9))
        #expect(!fetch.dataArrived(bytes: 1))
        await fetch.wait(timeout: forever, on: loop)
    }

    @Test("is woken once, however many wake it")
    func wokenOften() async throws {
        let fetch = ParkedFetch(missingBytes: 1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await fetch.wait(timeout: forever, on: loop) }
            for _ in 0..<20 { group.addTask { _ = fetch.dataArrived(bytes: 1) } }
            for _ in 0..<20 { group.addTask { fetch.wake() } }
            try await group.waitForAll()
        }
    }

    @Test("time and cancellation end the wait")
    func otherEnds() async throws {
        await ParkedFetch(missingBytes: 1).wait(timeout: .milliseconds(1), on: loop)
        let fetch = ParkedFetch(missingBytes: 1)
        let waiting = Task { await fetch.wait(timeout: forever, on: loop) }
        waiting.cancel()
        await waiting.value
    }

    @Test("parks only where there is nothing to read and still will be something")
    func parking() {
        let fetch = ParkedFetch(missingBytes: 5)
        let progress = progress(at: 3)
        #expect(!progress.park(fetch, at: 2))
        #expect(progress.park(fetch, at: 3))
        #expect(progress.parkedCount == 1)
        progress.publish(offsets(4), appendedBytes: 4)
        #expect(progress.parkedCount == 1)
        progress.publish(offsets(5), appendedBytes: 1)
        #expect(progress.parkedCount == 0 && progress.offsets.highWatermark == 5)
        progress.end()
        #expect(!progress.park(ParkedFetch(missingBytes: 1), at: 5))
        #expect(progress.offsetsUnlessGone == nil)
    }

    @Test("an append that races with parking always wakes", arguments: 0..<50)
    func race(round: Int) async throws {
        let progress = progress(at: 0)
        let fetch = ParkedFetch(missingBytes: 1)
        async let published: Void = Task { progress.publish(offsets(1), appendedBytes: 1) }.value
        if !progress.park(fetch, at: 0) { fetch.wake() }
        await fetch.wait(timeout: forever, on: loop)
        await published
        progress.unpark(fetch)
        #expect(progress.parkedCount == 0)
    }
}
