import KafkaWire
import NIOCore
import SystemPackage

/// An index file of a segment: entries in the file, and the newest ones still in memory.
///
/// An idle index takes no descriptor and next to no memory; lookups of older entries read the file, a few bytes for
/// each step of the search.
struct SparseIndex<Entry: IndexEntry> {
    /// Entries kept in memory before they are written to the file.
    static var maximumPendingEntries: Int { 512 }
    /// Entries that are read at once to end a search.
    static var searchBlockEntries: Int { 128 }

    let path: FilePath
    private let files: any FileSystem
    private let file: PooledFile
    /// Entries in the file.
    private(set) var writtenCount: Int
    /// Entries after those in the file.
    private(set) var pending: [Entry] = []
    private var lastWritten: Entry?

    /// - Parameter writtenCount: how many entries of the file are valid.
    init(path: FilePath, files: any FileSystem, writtenCount: Int) {
        self.path = path
        self.files = files
        self.writtenCount = writtenCount
        file = PooledFile(files.openFiles)
    }

    /// The index of a segment.
    init(in folder: FilePath, _ baseOffset: Offset, files: any FileSystem, writtenCount: Int) {
        self.init(path: folder.file(Entry.kind, baseOffset), files: files, writtenCount: writtenCount)
    }

    /// Takes every entry of the file for valid; false where there is no file or it is no whole number of entries.
    mutating func trustFile() throws(StorageError) -> Bool {
        guard let size = try files.byteCount(of: path), size % Int64(Entry.byteCount) == 0 else { return false }
        writtenCount = Int(size) / Entry.byteCount
        return true
    }

    var count: Int { writtenCount + pending.count }

    mutating func append(_ entry: Entry) { pending.append(entry) }

    /// Whether entries should be written before more are added.
    var wantsFlush: Bool { pending.count >= Self.maximumPendingEntries }

    /// The newest entry.
    mutating func last() throws(StorageError) -> Entry? {
        if let entry = pending.last { return entry }
        if writtenCount == 0 { return nil }
        if lastWritten == nil { lastWritten = try read(writtenCount - 1, count: 1).first }
        return lastWritten
    }

    /// The last entry for which the predicate holds; it must hold for some first part of the entries and no other.
    mutating func last(where holds: (Entry) -> Bool) throws(StorageError) -> Entry? {
        if let first = pending.first, holds(first) {
            return IndexSearch.last(in: 0..<pending.count) { holds(pending[$0]) }.map { pending[$0] }
        }
        var low = 0
        var high = writtenCount
        while high - low > Self.searchBlockEntries {
            let middle = low + (high - low) / 2
            guard let entry = try read(middle, count: 1).first else { break }
            if holds(entry) {
                low = middle
            } else {
                high = middle
            }
        }
        let block = try read(low, count: high - low)
        return IndexSearch.last(in: 0..<block.count) { holds(block[$0]) }.map { block[$0] }
    }

    /// Every entry, for tests and inspection.
    mutating func entries() throws(StorageError) -> [Entry] {
        try read(0, count: writtenCount) + pending
    }

    mutating func read(_ first: Int, count: Int) throws(StorageError) -> [Entry] {
        if count == 0 { return [] }
        var bytes = try openFile().readExactly(
            count * Entry.byteCount, at: Int64(first) * Int64(Entry.byteCount))
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        while let entry = Entry(from: &bytes) { entries.append(entry) }
        return entries
    }

    /// Writes the entries in memory to the file. After an error they are still in memory, and a repeat is safe.
    mutating func flush() throws(StorageError) {
        if pending.isEmpty, file.isOpen || writtenCount > 0 { return }
        var bytes = ByteBufferAllocator().buffer(capacity: pending.count * Entry.byteCount)
        for entry in pending { entry.write(to: &bytes) }
        try openFile().write([bytes], at: Int64(writtenCount) * Int64(Entry.byteCount))
        writtenCount += pending.count
        lastWritten = pending.last ?? lastWritten
        pending.removeAll(keepingCapacity: true)
    }

    /// Forgets every entry, in the file too.
    mutating func reset() throws(StorageError) {
        if let size = try files.byteCount(of: path), size > 0 { try openFile().truncate(to: 0) }
        writtenCount = 0
        lastWritten = nil
        pending = []
    }

    /// Forgets every entry and removes the file.
    mutating func discard() throws(StorageError) {
        file.close()
        writtenCount = 0
        lastWritten = nil
        pending = []
        try files.remove(path)
    }

    /// The open file, made where there is none.
    func openFile() throws(StorageError) -> any File {
        try file.get { () throws(StorageError) in try files.create(path) }
    }

    /// Closes the file until it is needed again.
    func releaseFile() { file.close() }
}
