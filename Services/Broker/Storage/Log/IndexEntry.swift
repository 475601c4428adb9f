import NIOCore

/// One entry of an index file: a fixed number of bytes, ascending within the file.
protocol IndexEntry: Hashable, Sendable {
    static var byteCount: Int { get }
    static var kind: LogFileName.Kind { get }
    func write(to buffer: inout ByteBuffer)
    /// Reads what ``write(to:)`` wrote; `nil` where the bytes end.
    init?(from buffer: inout ByteBuffer)
    /// Whether the entry makes sense behind another, or as the first.
    func canFollow(_ last: Self?) -> Bool
}

/// "The batch at `position` ends with this offset."
///
/// A batch that holds an offset starts at the position of the last entry at or below it, or later.
struct OffsetIndexEntry: IndexEntry {
    static let byteCount = 8
    static let kind = LogFileName.Kind.index

    /// The batch's last offset, less the segment's base offset.
    var relativeOffset: Int32
    /// Where the batch starts in the segment's file.
    var position: Int32

    func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(relativeOffset, position)
    }
}

extension OffsetIndexEntry {
    init?(from buffer: inout ByteBuffer) {
        guard let (offset, position) = buffer.readMultipleIntegers(as: (Int32, Int32).self) else { return nil }
        self.init(relativeOffset: offset, position: position)
    }

    func canFollow(_ last: Self?) -> Bool {
        relativeOffset > last?.relativeOffset ?? -1 && position > last?.position ?? -1
    }
}

/// "No record before this entry was made is later than `timestamp`; the batch that reached it ends with this offset."
struct TimeIndexEntry: IndexEntry {
    static let byteCount = 12
    static let kind = LogFileName.Kind.timeindex

    /// The largest timestamp of the segment so far, in milliseconds since 1970.
    var timestamp: Int64
    /// The last offset of the first batch that has it, less the segment's base offset.
    var relativeOffset: Int32

    func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(timestamp, relativeOffset)
    }
}

extension TimeIndexEntry {
    init?(from buffer: inout ByteBuffer) {
        guard let (timestamp, offset) = buffer.readMultipleIntegers(as: (Int64, Int32).self) else { return nil }
        self.init(timestamp: timestamp, relativeOffset: offset)
    }

    func canFollow(_ last: Self?) -> Bool {
        timestamp >= last?.timestamp ?? -1 && relativeOffset >= last?.relativeOffset ?? 0
    }
}

/// Binary search over ascending entries, wherever they are.
enum IndexSearch {
    /// The last of `range` for which `holds` is true, where it is true for some first part of the range and false for
    /// the rest; `nil` where it is true for none.
    static func last<Failure: Error>(
        in range: Range<Int>, where holds: (Int) throws(Failure) -> Bool
    ) throws(Failure) -> Int? {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high {
            let middle = low + (high - low) / 2
            if try holds(middle) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low == range.lowerBound ? nil : low - 1
    }
}
