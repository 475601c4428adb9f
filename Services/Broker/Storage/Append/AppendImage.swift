import KafkaRecords
import KafkaWire
import NIOCore

/// The bytes of an append as they go to the file.
///
/// The batches' own bytes are not copied or changed: of each, the header is written anew into one small buffer, and the
/// rest is a slice of what was received.
struct AppendImage {
    /// Header, rest, header, rest…
    let pieces: [ByteBuffer]
    /// The headers as written.
    let headers: [RecordBatchHeader]

    /// - Parameter appendTime: replaces the records' timestamps where the topic wants the broker's.
    init(_ plan: AppendPlan, from firstOffset: Offset, leaderEpoch: LeaderEpoch, appendTime: Int64?) {
        var next = firstOffset
        var headers: [RecordBatchHeader] = []
        headers.reserveCapacity(plan.batches.count)
        var heads = ByteBufferAllocator().buffer(capacity: plan.batches.count * RecordBatchHeader.byteCount)
        for batch in plan.batches {
            var header = batch.header
            header.baseOffset = next
            header.partitionLeaderEpoch = leaderEpoch
            if let appendTime { Self.stamp(&header, appendTime, batch.bytes) }
            header.write(to: &heads)
            headers.append(header)
            next = header.nextOffset
        }
        var pieces: [ByteBuffer] = []
        pieces.reserveCapacity(plan.batches.count * 2)
        for batch in plan.batches {
            guard let head = heads.readSlice(length: RecordBatchHeader.byteCount) else { break }
            pieces.append(head)
            pieces.append(Self.rest(of: batch.bytes))
        }
        self.pieces = pieces
        self.headers = headers
    }

    /// Whether this is a single batch that needs nothing beside it to be read, as those of transactions do.
    var isOnePlainBatch: Bool { headers.count == 1 && !headers[0].attributes.isTransactional && !headers[0].isControl }

    private static func rest(of batch: ByteBuffer) -> ByteBuffer {
        var rest = batch
        rest.moveReaderIndex(forwardBy: RecordBatchHeader.byteCount)
        return rest
    }

    /// The checksum covers the two fields that change.
    private static func stamp(_ header: inout RecordBatchHeader, _ time: Int64, _ batch: ByteBuffer) {
        header.attributes.timestampType = .logAppendTime
        header.maxTimestamp = time
        var bytes = ByteBufferAllocator().buffer(capacity: RecordBatchHeader.byteCount)
        header.write(to: &bytes)
        bytes.moveReaderIndex(forwardBy: RecordBatchHeader.checksummedFrom)
        header.checksum = CRC32C.extend(CRC32C.checksum(bytes), with: rest(of: batch))
    }
}
