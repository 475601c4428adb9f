import KafkaWire
import NIOCore
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The operating system's files.
public struct POSIXFileSystem: FileSystem {
    public let openFiles: OpenFilePool

    public init(openFiles: OpenFilePool = OpenFilePool()) {
        self.openFiles = openFiles
    }

    public func open(_ path: FilePath) throws(StorageError) -> any File {
        try open(path, options: [.closeOnExec], operation: .open)
    }

    public func create(_ path: FilePath) throws(StorageError) -> any File {
        try open(path, options: [.create, .closeOnExec], operation: .create)
    }

    private func open(
        _ path: FilePath, options: SystemPackage.FileDescriptor.OpenOptions, operation: FileOperation
    ) throws(StorageError) -> any File {
        do {
            let descriptor = try SystemPackage.FileDescriptor.open(
                path, .readWrite, options: options, permissions: [.ownerReadWrite, .groupRead])
            return POSIXFile(path: path, fileDescriptor: descriptor)
        } catch {
            throw Self.failure(error, operation, path)
        }
    }

    public func byteCount(of path: FilePath) throws(StorageError) -> Int64? {
        var status = stat()
        let failed = path.withPlatformString { name in stat(name, &status) != 0 }
        if !failed { return Int64(status.st_size) }
        if errno == ENOENT { return nil }
        throw .operationFailed(.size, path: path.string, errno: errno)
    }

    public func rename(_ path: FilePath, to newPath: FilePath) throws(StorageError) {
        let failed = path.withPlatformString { old in
            newPath.withPlatformString { new in systemRename(old, new) != 0 }
        }
        if failed { throw .operationFailed(.rename, path: path.string, errno: errno) }
    }

    public func remove(_ path: FilePath) throws(StorageError) {
        let failed = path.withPlatformString { unlink($0) != 0 }
        if failed, errno != ENOENT { throw .operationFailed(.remove, path: path.string, errno: errno) }
    }

    public func removeFolder(_ path: FilePath) throws(StorageError) {
        for name in try list(path) { try remove(path.appending(name)) }
        let failed = path.withPlatformString { rmdir($0) != 0 }
        if failed, errno != ENOENT { throw .operationFailed(.remove, path: path.string, errno: errno) }
    }

    public func list(_ folder: FilePath) throws(StorageError) -> [String] {
        guard let stream = folder.withPlatformString({ opendir($0) }) else {
            if errno == ENOENT { return [] }
            throw .operationFailed(.list, path: folder.string, errno: errno)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw .operationFailed(.list, path: folder.string, errno: errno) }
                return names.sorted()
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    public func makeFolder(_ path: FilePath) throws(StorageError) {
        if path.withPlatformString({ mkdir($0, 0o750) }) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, path.removingLastComponent() != path else {
            throw .operationFailed(.makeFolder, path: path.string, errno: errno)
        }
        try makeFolder(path.removingLastComponent())
        if path.withPlatformString({ mkdir($0, 0o750) }) != 0, errno != EEXIST {
            throw .operationFailed(.makeFolder, path: path.string, errno: errno)
        }
    }

    public func syncFolder(_ path: FilePath) throws(StorageError) {
        do {
            let descriptor = try SystemPackage.FileDescriptor.open(path, .readOnly, options: [.closeOnExec])
            let failure = fsync(descriptor.rawValue) == 0 ? nil : errno
            try descriptor.close()
            if let failure { throw Errno(rawValue: failure) }
        } catch {
            throw Self.failure(error, .syncFolder, path)
        }
    }

    public func space(at folder: FilePath) throws(StorageError) -> FileSystemSpace {
        var facts = statvfs()
        let failed = folder.withPlatformString { name in statvfs(name, &facts) != 0 }
        if failed { throw .operationFailed(.size, path: folder.string, errno: errno) }
        let unit = Int64(facts.f_frsize)
        return FileSystemSpace(totalBytes: Int64(facts.f_blocks) * unit, usableBytes: Int64(facts.f_bavail) * unit)
    }

    private static func failure(_ error: any Error, _ operation: FileOperation, _ path: FilePath) -> StorageError {
        .operationFailed(operation, path: path.string, errno: (error as? Errno)?.rawValue ?? EIO)
    }

    /// The operating system's words for an `errno`.
    static func message(errno: CInt) -> String { Errno(rawValue: errno).description }
}

/// The C function, out of the way of the method of that name.
private func systemRename(_ old: UnsafePointer<CChar>, _ new: UnsafePointer<CChar>) -> CInt { rename(old, new) }

/// A file of the operating system. Positions are explicit in every call, so there is no shared cursor and slices can be
/// sent from one thread while the owner appends from another.
public final class POSIXFile: File {
    public let path: FilePath
    private let fileDescriptor: SystemPackage.FileDescriptor

    init(path: FilePath, fileDescriptor: SystemPackage.FileDescriptor) {
        self.path = path
        self.fileDescriptor = fileDescriptor
    }

    deinit {
        // Nothing is buffered on our side and `sync()` has reported what matters: a failed close tells nothing new.
        _ = close(fileDescriptor.rawValue)
    }

    public var descriptor: CInt? { fileDescriptor.rawValue }

    public func read(at position: Int64, upTo maxBytes: Int) throws(StorageError) -> ByteBuffer {
        var bytes = ByteBufferAllocator().buffer(capacity: maxBytes)
        var failure: CInt?
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: maxBytes) { target in
            var filled = 0
            while filled < maxBytes {
                let count = pread(
                    fileDescriptor.rawValue, target.baseAddress.map { $0 + filled }, maxBytes - filled,
                    off_t(position) + off_t(filled))
                if count == 0 { break }
                if count < 0 {
                    if errno == EINTR { continue }
                    failure = errno
                    break
                }
                filled += count
            }
            return filled
        }
        if let failure { throw .operationFailed(.read, path: path.string, errno: failure) }
        return bytes
    }

    public func write(_ pieces: [ByteBuffer], at position: Int64) throws(StorageError) {
        let failure = VectoredWrite.write(pieces, at: position) { vectors, count, position in
            pwritev(fileDescriptor.rawValue, vectors, count, off_t(position))
        }
        if let failure { throw .operationFailed(.write, path: path.string, errno: failure) }
    }

    public func truncate(to byteCount: Int64) throws(StorageError) {
        while ftruncate(fileDescriptor.rawValue, off_t(byteCount)) != 0 {
            if errno != EINTR { throw .operationFailed(.truncate, path: path.string, errno: errno) }
        }
    }

    public func byteCount() throws(StorageError) -> Int64 {
        var status = stat()
        guard fstat(fileDescriptor.rawValue, &status) == 0 else {
            throw .operationFailed(.size, path: path.string, errno: errno)
        }
        return Int64(status.st_size)
    }

    public func sync() throws(StorageError) {
        #if canImport(Darwin)
        let result = fsync(fileDescriptor.rawValue)
        #else
        let result = fdatasync(fileDescriptor.rawValue)
        #endif
        if result != 0 { throw .operationFailed(.sync, path: path.string, errno: errno) }
    }
}
