import KafkaWire
import NIOCore

/// A transaction that was aborted, as a segment's `.txnindex` keeps it; Kafka's layout, ascending by last offset.
public struct AbortedTransaction: Hashable, Sendable {
    static let version: Int16 = 0

    public var producerID: ProducerID
    /// The transaction's first record in this partition.
    public var firstOffset: Offset
    /// The marker that aborted it.
    public var lastOffset: Offset
    /// The last stable offset once the marker was there: transactions that were aborted later begin nowhere below it.
    public var lastStableOffset: Offset

    public init(producerID: ProducerID, firstOffset: Offset, lastOffset: Offset, lastStableOffset: Offset) {
        self.producerID = producerID
        self.firstOffset = firstOffset
        self.lastOffset = lastOffset
        self.lastStableOffset = lastStableOffset
    }
}

extension AbortedTransaction: IndexEntry {
    static let byteCount = 34
    static let kind = LogFileName.Kind.txnindex

    func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            Self.version, producerID.rawValue, firstOffset.rawValue, lastOffset.rawValue, lastStableOffset.rawValue)
    }

    init?(from buffer: inout ByteBuffer) {
        guard
            let (version, producer, first, last, stable) = buffer.readMultipleIntegers(
                as: (Int16, Int64, Int64, Int64, Int64).self),
            version == Self.version, first >= 0, last >= first
        else { return nil }
        self.init(
            producerID: ProducerID(producer), firstOffset: Offset(first), lastOffset: Offset(last),
            lastStableOffset: Offset(stable))
    }

    func canFollow(_ last: Self?) -> Bool { last.map { $0.lastOffset < lastOffset } ?? true }
}
