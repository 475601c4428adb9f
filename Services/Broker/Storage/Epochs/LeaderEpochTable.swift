import KafkaWire
import NIOCore

/// Where the records of a leader epoch end, as a leader tells it. Source: KIP-101, KIP-279.
public struct EpochEnd: Hashable, Sendable {
    /// The largest epoch that is not newer than the one asked for; ``LeaderEpoch/none`` where there is no answer.
    public var epoch: LeaderEpoch
    /// The offset after the epoch's last record; -1 where there is no answer.
    public var endOffset: Offset

    /// The epoch is newer than all that the log knows, or the log knows none.
    public static let unknown = EpochEnd(epoch: .none, endOffset: -1)

    public init(epoch: LeaderEpoch, endOffset: Offset) {
        self.epoch = epoch
        self.endOffset = endOffset
    }

    /// Whether a follower that has fetched up to an offset, its last record under an epoch, has records that the leader
    /// has not: it must cut its log back to here.
    public func diverges(from epoch: LeaderEpoch, at offset: Offset) -> Bool {
        self.epoch < epoch || endOffset < offset
    }
}

/// Which leader epoch began at which offset of a log: a value, in which epochs and offsets ascend.
struct LeaderEpochTable: Hashable, Sendable {
    struct Entry: Hashable, Sendable {
        var epoch: LeaderEpoch
        /// The first offset that was appended under it, or the log start where that is gone.
        var startOffset: Offset
    }

    private(set) var entries: [Entry] = []

    var latest: LeaderEpoch { entries.last?.epoch ?? .none }

    /// Takes note that records from `offset` on are of an epoch; returns whether that is news.
    ///
    /// Entries that would not be older are wrong and go: what they spoke of was cut off.
    @discardableResult
    mutating func assign(_ epoch: LeaderEpoch, at offset: Offset) -> Bool {
        if epoch < 0 || epoch == latest { return false }
        entries.removeAll { $0.epoch >= epoch || $0.startOffset >= offset }
        entries.append(Entry(epoch: epoch, startOffset: offset))
        return true
    }

    /// The log ends at `end` now.
    mutating func truncate(to end: Offset) {
        entries.removeAll { $0.startOffset >= end }
    }

    /// The log starts at `start` now: of the epochs before it only the one that it lies in stays.
    mutating func advance(to start: Offset) {
        guard let place = entries.lastIndex(where: { $0.startOffset <= start }) else { return }
        entries.removeFirst(place)
        entries[0].startOffset = start
    }

    /// The epoch of the record at an offset; ``LeaderEpoch/none`` where it is not known.
    func epoch(at offset: Offset) -> LeaderEpoch {
        entries.last { $0.startOffset <= offset }?.epoch ?? .none
    }

    /// Where the records of an epoch end.
    ///
    /// Of the latest epoch that is the log's end; of an older one, where the next began. An epoch that the log never
    /// saw is answered with the one before it; one that is older than all with itself and the first entry's start.
    func end(of epoch: LeaderEpoch, logEnd: Offset) -> EpochEnd {
        if epoch < 0 || entries.isEmpty { return .unknown }
        if epoch == latest { return EpochEnd(epoch: epoch, endOffset: logEnd) }
        guard let next = entries.firstIndex(where: { $0.epoch > epoch }) else { return .unknown }
        let answer = next == 0 ? epoch : entries[next - 1].epoch
        return EpochEnd(epoch: answer, endOffset: entries[next].startOffset)
    }
}

/// Kafka's text form: a line with the version, one with the number of entries, one for each entry.
extension LeaderEpochTable {
    private static let version = 0

    func encoded() -> ByteBuffer {
        var text = "\(Self.version)\n\(entries.count)\n"
        for entry in entries { text += "\(entry.epoch) \(entry.startOffset)\n" }
        return ByteBuffer(string: text)
    }

    /// Reads what ``encoded()`` or Kafka wrote; `nil` for anything else.
    init?(decoding bytes: ByteBuffer) {
        let lines = String(buffer: bytes).split(separator: "\n", omittingEmptySubsequences: true)
        guard lines.count >= 2, lines[0] == "\(Self.version)", let count = Int(lines[1]), count == lines.count - 2
        else { return nil }
        for line in lines.dropFirst(2) {
            let parts = line.split(separator: " ")
            guard parts.count == 2, let epoch = Int32(parts[0]), let offset = Int64(parts[1]), epoch >= 0, offset >= 0
            else { return nil }
            if let last = entries.last, last.epoch.rawValue >= epoch || last.startOffset.rawValue > offset {
                return nil
            }
            entries.append(Entry(epoch: LeaderEpoch(epoch), startOffset: Offset(offset)))
        }
    }
}
