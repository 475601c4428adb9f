import KafkaWire
import NIOCore
import SystemPackage

/// The file operations that the log is built on; the seam where memory and faults come in for tests.
///
/// Every call is synchronous and may block: callers run on a storage executor, never on an event loop.
public protocol FileSystem: Sendable {
    /// Which of its files logs keep open.
    var openFiles: OpenFilePool { get }
    /// Opens a file that exists, for reading and writing.
    func open(_ path: FilePath) throws(StorageError) -> any File
    /// Opens a file for reading and writing and makes it, empty, where there is none.
    /// Its name is durable only after ``syncFolder(_:)``.
    func create(_ path: FilePath) throws(StorageError) -> any File
    /// The size of a file without opening it, or `nil` where there is no such file.
    func byteCount(of path: FilePath) throws(StorageError) -> Int64?
    /// Gives a file or folder another name; a file that has the new name is replaced in one step.
    func rename(_ path: FilePath, to newPath: FilePath) throws(StorageError)
    /// Removes a file; open files of that name stay readable. Removing what is not there is no error.
    func remove(_ path: FilePath) throws(StorageError)
    /// Removes a folder and the files in it. Removing what is not there is no error.
    func removeFolder(_ path: FilePath) throws(StorageError)
    /// The names in a folder, ascending; empty where there is no such folder.
    func list(_ folder: FilePath) throws(StorageError) -> [String]
    /// Makes a folder and those above it; a folder that exists is no error.
    func makeFolder(_ path: FilePath) throws(StorageError)
    /// Makes the folder's names durable: files made, renamed and removed before this call.
    func syncFolder(_ path: FilePath) throws(StorageError)
    /// The room on the disk that a folder is on.
    func space(at folder: FilePath) throws(StorageError) -> FileSystemSpace
}

/// How large a disk is, and how much of it anybody may still use.
public struct FileSystemSpace: Hashable, Sendable {
    public let totalBytes: Int64
    public let usableBytes: Int64

    public init(totalBytes: Int64, usableBytes: Int64) {
        self.totalBytes = totalBytes
        self.usableBytes = usableBytes
    }
}

/// An open file; closed when the last reference to it goes, so a slice being sent keeps it readable.
public protocol File: FileSliceSource {
    /// The name it was opened under.
    var path: FilePath { get }
    /// Up to `maxBytes` bytes from `position`; fewer only where the file ends.
    func read(at position: Int64, upTo maxBytes: Int) throws(StorageError) -> ByteBuffer
    /// Writes the pieces one after the other from `position` on. After an error any part of them may be in the file.
    func write(_ pieces: [ByteBuffer], at position: Int64) throws(StorageError)
    /// Cuts the file to `byteCount` bytes.
    func truncate(to byteCount: Int64) throws(StorageError)
    func byteCount() throws(StorageError) -> Int64
    /// Makes the file's bytes and its size durable.
    func sync() throws(StorageError)
}

extension File {
    /// Exactly `byteCount` bytes; `endOfFile` where the file ends before.
    public func readExactly(_ byteCount: Int, at position: Int64) throws(StorageError) -> ByteBuffer {
        let bytes = try read(at: position, upTo: byteCount)
        guard bytes.readableBytes == byteCount else {
            throw .endOfFile(
                path: path.string, position: position, needed: byteCount, found: bytes.readableBytes)
        }
        return bytes
    }

    public func read(at position: Int64, byteCount: Int) throws -> ByteBuffer {
        try readExactly(byteCount, at: position)
    }
}

extension FileSystem {
    /// The whole content of a small file, or `nil` where there is none.
    public func contents(of path: FilePath) throws(StorageError) -> ByteBuffer? {
        guard let byteCount = try byteCount(of: path) else { return nil }
        return try open(path).readExactly(Int(byteCount), at: 0)
    }

    /// Replaces a small file so that after a crash it has either its old content or all of the new.
    ///
    /// - Parameter writer: tells apart who may replace the same file at the same time, or one's temporary file would
    ///   be renamed away under the other.
    public func replace(_ path: FilePath, with bytes: ByteBuffer, writer: String? = nil) throws(StorageError) {
        var temporary = path
        temporary.extension = [writer, LogFileName.temporaryExtension].compactMap(\.self).joined(separator: ".")
        let file = try create(temporary)
        try file.truncate(to: 0)
        try file.write([bytes], at: 0)
        try file.sync()
        try rename(temporary, to: path)
        try syncFolder(path.removingLastComponent())
    }
}
