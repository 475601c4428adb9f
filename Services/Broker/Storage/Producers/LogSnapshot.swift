import KafkaWire
import NIOCore

/// What is written beside the segments when one is closed and when the log is: the producers as of an offset, which is
/// in the file's name.
///
/// A durable snapshot also says that every record below its offset is durable, so that recovery starts there. The
/// format is our own: Kafka's keeps only the last batch of a producer, and here all five must survive a restart.
struct LogSnapshot: Hashable, Sendable {
    static let version: Int16 = 2

    var producers = ProducerStateTable()
    /// Bytes of the segment that the offset belongs to, at the time; 0 for a segment that was just begun.
    var segmentBytes: Int64 = 0
    /// The epoch of the last batch below the offset.
    var lastLeaderEpoch = LeaderEpoch.none

    /// Version, CRC-32C of what follows, then the content; integers are big-endian.
    func encoded() -> ByteBuffer {
        var content = ByteBuffer()
        content.writeMultipleIntegers(segmentBytes, lastLeaderEpoch.rawValue, Int32(producers.count))
        for (producer, state) in producers.states.sorted(by: { $0.key < $1.key }) {
            content.writeMultipleIntegers(
                producer.rawValue, state.epoch, state.lastAppend, state.lastTimestamp, state.coordinatorEpoch,
                state.transactionStart?.rawValue ?? -1, Int8(state.batches.count))
            for batch in state.batches {
                content.writeMultipleIntegers(batch.baseSequence, batch.offsetDelta, batch.firstOffset.rawValue)
            }
        }
        var bytes = ByteBuffer()
        bytes.writeMultipleIntegers(Self.version, CRC32C.checksum(content))
        bytes.writeImmutableBuffer(content)
        return bytes
    }

    /// Reads what ``encoded()`` wrote; `nil` for anything else, which is then recomputed from the log.
    init?(decoding bytes: ByteBuffer) {
        var bytes = bytes
        guard let (version, checksum) = bytes.readMultipleIntegers(as: (Int16, UInt32).self),
            version == Self.version, checksum == CRC32C.checksum(bytes),
            let (segmentBytes, epoch, count) = bytes.readMultipleIntegers(as: (Int64, Int32, Int32).self)
        else { return nil }
        self.segmentBytes = segmentBytes
        lastLeaderEpoch = LeaderEpoch(epoch)
        for _ in 0..<max(0, count) {
            guard let (producer, state) = Self.readProducer(&bytes) else { return nil }
            producers.restore(state, of: producer)
        }
        guard bytes.readableBytes == 0 else { return nil }
    }

    init(
        producers: ProducerStateTable = ProducerStateTable(), segmentBytes: Int64 = 0,
        lastLeaderEpoch: LeaderEpoch = .none
    ) {
        self.producers = producers
        self.segmentBytes = segmentBytes
        self.lastLeaderEpoch = lastLeaderEpoch
    }

    private static func readProducer(_ bytes: inout ByteBuffer) -> (ProducerID, ProducerState)? {
        guard
            let (producer, epoch, lastAppend, lastTimestamp, coordinatorEpoch, start, count) =
                bytes.readMultipleIntegers(as: (Int64, Int16, Int64, Int64, Int32, Int64, Int8).self),
            (0...ProducerState.rememberedBatches).contains(Int(count)), start >= -1
        else { return nil }
        var batches: [ProducerState.Batch] = []
        for _ in 0..<count {
            guard let (sequence, delta, offset) = bytes.readMultipleIntegers(as: (Int32, Int32, Int64).self)
            else { return nil }
            batches.append(
                ProducerState.Batch(baseSequence: sequence, offsetDelta: delta, firstOffset: Offset(offset)))
        }
        let state = ProducerState(
            epoch: epoch, batches: batches, lastAppend: lastAppend, lastTimestamp: lastTimestamp,
            coordinatorEpoch: coordinatorEpoch, transactionStart: start < 0 ? nil : Offset(start))
        return (ProducerID(producer), state)
    }
}
