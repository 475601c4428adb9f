import KafkaWire

extension SparseIndex {
    /// Whether there are entries that are not in the file yet.
    var hasPending: Bool { !pending.isEmpty }

    /// How many entries the predicate holds for; it must hold for some first part of the entries and no other.
    mutating func count(where holds: (Entry) -> Bool) throws(StorageError) -> Int {
        if let first = pending.first, holds(first) {
            return writtenCount + 1 + (IndexSearch.last(in: 1..<pending.count) { holds(pending[$0]) } ?? 0)
        }
        var low = 0
        var high = writtenCount
        while low < high {
            let middle = low + (high - low) / 2
            guard let entry = try read(middle, count: 1).first else { break }
            if holds(entry) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// Some entries from a number on, in one read; fewer than there are where the file is damaged.
    mutating func block(_ first: Int) throws(StorageError) -> [Entry] {
        if first >= writtenCount { return Array(pending.dropFirst(first - writtenCount)) }
        return try read(first, count: min(Self.searchBlockEntries, writtenCount - first))
    }
}
