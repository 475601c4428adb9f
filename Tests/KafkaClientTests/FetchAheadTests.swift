import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import KafkaClient

@Suite("FetchAhead")
struct FetchAheadTests {
    private let first = TopicPartition(topic: "t", partition: 0)
    private let second = TopicPartition(topic: "t", partition: 1)

    private func bytes(_ batches: [Range<Int64>], cut: Int = 0) throws -> ByteBuffer {
        var all = ByteBuffer()
        for offsets in batches {
            var builder = RecordBatchBuilder()
            for offset in offsets { builder.append(timestamp: offset, key: nil, value: ByteBuffer(integer: offset)) }
            all.writeImmutableBuffer(try builder.finish(baseOffset: Offset(offsets.lowerBound)))
        }
        all.moveWriterIndex(to: all.writerIndex - cut)
        return all
    }

    private func response(_ contents: [(ErrorCode, ByteBuffer?)]) -> FetchResponse {
        let partitions = contents.enumerated().map { index, content in
            FetchResponse.PartitionData(
                partitionIndex: Int32(index), errorCode: content.0, highWatermark: 50,
                records: content.1.map { RecordsPayload($0) })
        }
        return FetchResponse(responses: [.init(topic: "t", partitions: partitions)])
    }

    private var asked: [SubscriptionState.FetchTarget] {
        [
            SubscriptionState.FetchTarget(topicPartition: first, offset: 3, version: 1),
            SubscriptionState.FetchTarget(topicPartition: second, offset: 9, version: 2),
        ]
    }

    @Test("each partition goes on after its last whole batch, and one that brought nothing where it was")
    func ends() throws {
        let whole = try bytes([0..<5, 5..<8])
        let ahead = FetchAhead(asked, response([(.none, whole), (.none, nil)]))
        #expect(ahead.isComplete)
        #expect(ahead.targets.map(\.offset) == [8, 9])
        #expect(ahead.targets.map(\.version) == [1, 2])
        #expect(ahead.byteCount == whole.readableBytes)
        let cut = FetchAhead(asked, response([(.none, try bytes([0..<5, 5..<8], cut: 1)), (.none, try bytes([2..<4]))]))
        #expect(cut.targets.map(\.offset) == [5, 9], "never back")
    }

    @Test("after an error of any partition it is decided anew what to fetch")
    func errors() throws {
        let whole = try bytes([0..<5])
        #expect(!FetchAhead(asked, response([(.none, whole), (.notLeaderOrFollower, nil)])).isComplete)
        let garbage = ByteBuffer(repeating: 0xFF, count: 200)
        #expect(!FetchAhead(asked, response([(.none, whole), (.none, garbage)])).isComplete)
    }

    @Test("nothing is fetched ahead over the bound, of nothing, or of what is not wanted any more")
    func admission() throws {
        var state = SubscriptionState(prefetchBytes: 100)
        state.assign([first: .offset(3)])
        state.makeReady([first])
        let targets = state.fetchTargets(now: .now()) { _ in true }.targets
        #expect(state.mayFetchAhead(of: targets, bytes: 99))
        #expect(!state.mayFetchAhead(of: targets, bytes: 100))
        #expect(!state.mayFetchAhead(of: targets, bytes: 0), "a long poll that timed out")
        state.pause([first])
        #expect(!state.mayFetchAhead(of: targets, bytes: 10))
    }

    @Test("what was fetched ahead of a response that is not taken in is dropped")
    func gap() throws {
        var state = SubscriptionState(prefetchBytes: 1000)
        state.assign([first: .offset(3)])
        state.makeReady([first])
        let target = try #require(state.fetchTargets(now: .now()) { _ in true }.targets.first)
        let ahead = FetchAhead([target], response([(.none, try bytes([3..<5]))])).targets[0]
        let later = ConsumerBatch(
            topicPartition: first, records: [ConsumerRecord(offset: 5, timestamp: 0, value: nil)], nextOffset: 6,
            highWatermark: 50)
        #expect(state.receive(later, memoryBytes: 10, for: ahead) == false)
        #expect(state.next() == nil)
    }
}
