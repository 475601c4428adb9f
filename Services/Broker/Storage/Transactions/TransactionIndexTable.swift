import KafkaWire
import SystemPackage

/// The aborted transactions of a log: one index file for each segment that has the marker of one.
///
/// Most logs have none, and then this is an empty array. Entries are written behind, as those of the other indexes:
/// what a crash takes is found again when the segment is scanned.
struct TransactionIndexTable {
    /// One segment's.
    private struct Segment {
        var baseOffset: Offset
        var index: SparseIndex<AbortedTransaction>
        /// Of the newest entry: a look-up of what lies behind it reads nothing.
        var lastOffset: Offset?
    }

    private let folder: FilePath
    private let files: any FileSystem
    /// Ascending by base offset.
    private var segments: [Segment] = []

    /// - Parameter baseOffsets: of the segments that have a file.
    init(_ folder: FilePath, _ files: any FileSystem, baseOffsets: [Offset] = []) {
        self.folder = folder
        self.files = files
        segments = baseOffsets.sorted().map { base in
            Segment(baseOffset: base, index: SparseIndex(in: folder, base, files: files, writtenCount: 0))
        }
    }

    /// Base offsets of the segments that have aborted transactions.
    var baseOffsets: [Offset] { segments.map(\.baseOffset) }

    /// Looks at the sizes of the files; returns the segments whose file is no whole number of entries.
    mutating func trustFiles() throws(StorageError) -> [Offset] {
        var damaged: [Offset] = []
        for place in segments.indices where try !segments[place].index.trustFile() {
            damaged.append(segments[place].baseOffset)
        }
        return damaged
    }

    // MARK: Changing

    /// Adds a transaction whose marker is in a segment, behind all others.
    mutating func append(_ transaction: AbortedTransaction, segment base: Offset) {
        let place = place(of: base)
        if place == segments.count || segments[place].baseOffset != base {
            let index = SparseIndex<AbortedTransaction>(in: folder, base, files: files, writtenCount: 0)
            segments.insert(Segment(baseOffset: base, index: index), at: place)
        }
        segments[place].index.append(transaction)
        segments[place].lastOffset = transaction.lastOffset
    }

    /// Whether entries should be written before more are added.
    var wantsFlush: Bool { segments.last?.index.wantsFlush ?? false }

    /// Writes the entries in memory to their files; returns whether a file was made, whose name is not durable then.
    mutating func flush() throws(StorageError) -> Bool {
        var hasNewName = false
        for place in segments.indices where segments[place].index.hasPending {
            hasNewName = hasNewName || segments[place].index.writtenCount == 0
            try segments[place].index.flush()
        }
        return hasNewName
    }

    /// A segment's open file, to be made durable; `nil` where it has none.
    mutating func file(ofSegment base: Offset) throws(StorageError) -> (any File)? {
        let place = place(of: base)
        guard place < segments.count, segments[place].baseOffset == base else { return nil }
        return try segments[place].index.openFile()
    }

    /// Forgets a segment's transactions, in the file too.
    mutating func remove(segment base: Offset) throws(StorageError) {
        let place = place(of: base)
        guard place < segments.count, segments[place].baseOffset == base else { return }
        try files.remove(folder.file(.txnindex, base))
        segments.remove(at: place)
    }

    /// Forgets the transactions whose markers are at or after an offset, in the files too.
    mutating func truncate(to end: Offset) throws(StorageError) {
        for base in baseOffsets.reversed() {
            let place = place(of: base)
            let kept = base < end ? try segments[place].index.entries().prefix { $0.lastOffset < end } : []
            if kept.count < segments[place].index.count || kept.isEmpty {
                try replace(segment: base, with: Array(kept))
            }
            if base < end { return }
        }
    }

    /// Puts other transactions in the place of a segment's.
    ///
    /// Made durable before it returns, but for the file's name.
    mutating func replace(segment base: Offset, with transactions: [AbortedTransaction]) throws(StorageError) {
        if transactions.isEmpty { return try remove(segment: base) }
        let place = place(of: base)
        if place < segments.count, segments[place].baseOffset == base { try segments[place].index.reset() }
        for transaction in transactions { append(transaction, segment: base) }
        _ = try flush()
        try file(ofSegment: base)?.sync()
    }

    /// Closes the files until they are needed again.
    mutating func releaseFiles() {
        for place in segments.indices { segments[place].index.releaseFile() }
    }

    // MARK: Looking up

    /// The transactions with records in `start..<end`, ascending by first offset.
    ///
    /// Searches from the segment of `start` on for markers at or after it, and stops where all others begin behind
    /// `end`.
    /// - Throws: `corrupt`, with the segment, for a file that has other bytes than it was written with.
    mutating func transactions(
        from start: Offset, upTo end: Offset, segment first: Offset
    ) throws(StorageError) -> [AbortedTransaction] {
        var found: [AbortedTransaction] = []
        for place in place(of: first)..<segments.count {
            if let last = segments[place].lastOffset, last < start { continue }
            defer { segments[place].index.releaseFile() }
            if try collect(place, from: start, upTo: end, into: &found) { break }
        }
        return found.sorted { $0.firstOffset < $1.firstOffset }
    }

    /// Adds what one segment has, a block at a time; returns whether no later transaction can begin below `end`.
    private mutating func collect(
        _ place: Int, from start: Offset, upTo end: Offset, into found: inout [AbortedTransaction]
    ) throws(StorageError) -> Bool {
        let base = segments[place].baseOffset
        let count = segments[place].index.count
        var next = try segments[place].index.count { $0.lastOffset < start }
        var least = max(start, base)
        while next < count {
            let block = try segments[place].index.block(next)
            guard let newest = block.last else { throw damaged(base, entry: next) }
            for transaction in block {
                guard transaction.lastOffset >= least else { throw damaged(base, entry: next) }
                least = transaction.lastOffset + 1
                next += 1
                if transaction.firstOffset < end { found.append(transaction) }
                if transaction.lastStableOffset >= end { return true }
            }
            if next == count { segments[place].lastOffset = newest.lastOffset }
        }
        return false
    }

    private func damaged(_ base: Offset, entry: Int) -> StorageError {
        .corrupt(
            path: folder.file(.txnindex, base).string, position: Int64(entry * AbortedTransaction.byteCount),
            reason: "no aborted transaction, or one out of order")
    }

    /// The number of the first segment at or after a base offset.
    private func place(of base: Offset) -> Int {
        IndexSearch.last(in: 0..<segments.count) { segments[$0].baseOffset < base }.map { $0 + 1 } ?? 0
    }
}
