import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage

/// Puts one cleaned segment in the place of several, so that a crash at any point leaves the old ones or the new one.
///
/// The new segment is written under names that end in `.cleaned`. Once it is durable a file `<base offset>.swap` says
/// up to which offset it goes: from then on the next start finishes what was begun. The files are renamed, then those
/// of the other old segments removed, then the `.swap` file; each step is durable before the next. Open files of the
/// old segments stay readable.
struct SegmentSwap: Sendable {
    private static let cleanedSuffix = ".cleaned"
    private static let markerExtension = "swap"
    private static var markerSuffix: String { "." + markerExtension }
    private static let indexKinds: [LogFileName.Kind] = [.index, .timeindex]

    let folder: FilePath
    let files: any FileSystem
    /// The base offset of the new segment and of the first old one.
    let base: Offset
    /// The offset after the last old one.
    let end: Offset

    /// Where a file of the new segment is written.
    func cleanedPath(_ kind: LogFileName.Kind) -> FilePath { Self.cleanedPath(kind, base, in: folder) }

    private static func cleanedPath(_ kind: LogFileName.Kind, _ base: Offset, in folder: FilePath) -> FilePath {
        folder.appending(LogFileName.name(kind, base) + cleanedSuffix)
    }

    private static func markerPath(_ base: Offset, in folder: FilePath) -> FilePath {
        var path = folder.file(.log, base)
        path.extension = markerExtension
        return path
    }

    /// Says that the new segment's files are complete and durable.
    func commit() throws(StorageError) {
        try files.replace(
            Self.markerPath(base, in: folder), with: ByteBuffer(string: end.description), writer: "cleaner")
    }

    /// Puts the new log file in its place. Nothing has changed after an error.
    func renameLog() throws(StorageError) {
        try files.rename(cleanedPath(.log), to: folder.file(.log, base))
    }

    /// Puts the new index files in their places.
    func renameIndexes() throws(StorageError) {
        for kind in Self.indexKinds { try files.rename(cleanedPath(kind), to: folder.file(kind, base)) }
    }

    /// Removes the old segments with these base offsets, and makes it all durable.
    func finish(removing bases: [Offset]) throws(StorageError) {
        try files.syncFolder(folder)
        for old in bases { try Self.removeSegment(old, folder, files) }
        try files.syncFolder(folder)
        try files.remove(Self.markerPath(base, in: folder))
    }

    /// Removes the new segment. Where it was committed the next start must not find it either.
    func discard() throws(StorageError) {
        try files.remove(Self.markerPath(base, in: folder))
        try files.syncFolder(folder)
        for kind in [LogFileName.Kind.log] + Self.indexKinds { try files.remove(cleanedPath(kind)) }
    }

    private static func removeSegment(
        _ base: Offset, _ folder: FilePath, _ files: any FileSystem
    ) throws(StorageError) {
        // The log file first: an index without one is removed at the next start.
        for kind in LogFileName.Kind.allCases where kind != .snapshot { try files.remove(folder.file(kind, base)) }
    }
}

// MARK: At a start

extension SegmentSwap {
    /// Finishes or takes back what the end of the process interrupted; returns whether the folder has changed.
    static func recover(
        _ names: [String], in folder: FilePath, _ files: any FileSystem
    ) throws(StorageError) -> Bool {
        let unfinished = names.filter { $0.hasSuffix(cleanedSuffix) || $0.hasSuffix(markerSuffix) }
        if unfinished.isEmpty { return false }
        for name in unfinished where name.hasSuffix(markerSuffix) {
            let path = folder.appending(name)
            guard let base = Int64(name.dropLast(markerSuffix.count)),
                let end = try files.contents(of: path).flatMap({ Int64(String(buffer: $0)) }), base < end
            else { throw .corrupt(path: path.string, position: 0, reason: "not the offset that a segment ends at") }
            let swap = SegmentSwap(folder: folder, files: files, base: Offset(base), end: Offset(end))
            try swap.recover(names)
        }
        for name in unfinished { try files.remove(folder.appending(name)) }
        return true
    }

    private func recover(_ names: [String]) throws(StorageError) {
        if try files.byteCount(of: cleanedPath(.log)) != nil {
            try renameLog()
        } else if try !isSwapped() {
            // The new name never reached the disk; then nothing else was changed either.
            return
        }
        for kind in Self.indexKinds {
            if try files.byteCount(of: cleanedPath(kind)) != nil {
                try files.rename(cleanedPath(kind), to: folder.file(kind, base))
            } else {
                // Perhaps that of the old segment; it is built anew when it is needed.
                try files.remove(folder.file(kind, base))
            }
        }
        // That of the old segment: the cleaner dropped the aborted records that it tells of, and markers may be gone.
        try files.remove(folder.file(.txnindex, base))
        let covered = Set(names.compactMap(LogFileName.parse).map(\.offset)).filter { base < $0 && $0 < end }
        try finish(removing: covered.sorted())
    }

    /// Whether the log file at the base offset is the new one: it ends where the last of the old ones did.
    private func isSwapped() throws(StorageError) -> Bool {
        let path = folder.file(.log, base)
        guard let byteCount = try files.byteCount(of: path) else { return true }
        var batches = BatchCursor(
            try files.open(path), from: 0, to: byteCount, windowBytes: BatchCursor.scanWindowBytes)
        var next = base
        while let found = try batches.next() { next = found.header.nextOffset }
        return next == end
    }
}
