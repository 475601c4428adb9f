import KafkaWire
import NIOCore
import SystemPackage

/// Everything that must reach the disk to make a log durable up to an offset; may run on any thread meanwhile.
///
/// Make it with ``PartitionLog/flushWork(includingActiveSegment:)``, run it, then report to
/// ``PartitionLog/finishFlush(_:failure:)``. One at a time for each log; the log's own flushes may come in between.
public struct FlushWork: Sendable {
    /// A segment that was closed and is not known to be durable.
    struct ClosedSegment: Sendable {
        var parts: [any File]
        /// The log's end when it was closed: the snapshot's name.
        var end: Offset
        var snapshot: ByteBuffer
    }

    /// Every record below is durable afterwards.
    public let upTo: Offset
    var closed: [ClosedSegment]
    var active: (any File)?
    var folder: FilePath
    /// Folders with names that are not durable, innermost first.
    var changedFolders: [FilePath]
    /// How many changes to the folder's names this covers.
    var folderChanges: Int
    var files: any FileSystem
    /// Whether the log's owner waits for it; otherwise both may write the same snapshot at the same time.
    var isOwners = false

    /// Blocks until the disk has it all. Data first, then the names, and the snapshot that vouches for both last.
    public func run() throws(StorageError) {
        for segment in closed {
            for part in segment.parts { try part.sync() }
        }
        try active?.sync()
        for changed in changedFolders { try files.syncFolder(changed) }
        guard let last = closed.last else { return }
        try files.replace(
            folder.file(.snapshot, last.end), with: last.snapshot, writer: isOwners ? nil : "background")
    }
}
