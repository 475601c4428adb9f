import Dispatch
import KafkaWire
import NIOCore
import Storage
import Synchronization
import SystemPackage

/// Another file system whose log files reach the disk only when the test lets them.
final class SlowDisk: FileSystem {
    private struct State {
        var isHeld = false
        var started = 0
        var waiting = 0
        var most = 0
    }

    private let inner: any FileSystem
    private let state = Mutex(State())
    private let gate = DispatchSemaphore(value: 0)

    init(_ inner: any FileSystem = POSIXFileSystem()) {
        self.inner = inner
    }

    /// Syncs of log files that were asked for.
    var syncs: Int { state.withLock { $0.started } }
    /// Syncs that wait now.
    var waiting: Int { state.withLock { $0.waiting } }
    /// The most that waited at a time.
    var mostWaiting: Int { state.withLock { $0.most } }

    /// Lets every sync from now on wait for ``release()``.
    func hold() { state.withLock { $0.isHeld = true } }

    func release() {
        state.withLock { $0.isHeld = false }
        gate.signal()
    }

    fileprivate func sync(_ file: any File) throws(StorageError) {
        let isHeld = state.withLock { state in
            state.started += 1
            if state.isHeld {
                state.waiting += 1
                state.most = max(state.most, state.waiting)
            }
            return state.isHeld
        }
        if isHeld {
            gate.wait()
            // A turnstile: who gets through lets the next one through.
            gate.signal()
            state.withLock { $0.waiting -= 1 }
        }
        try file.sync()
    }

    var openFiles: OpenFilePool { inner.openFiles }
    func open(_ path: FilePath) throws(StorageError) -> any File { SlowFile(try inner.open(path), self) }
    func create(_ path: FilePath) throws(StorageError) -> any File { SlowFile(try inner.create(path), self) }
    func byteCount(of path: FilePath) throws(StorageError) -> Int64? { try inner.byteCount(of: path) }
    func rename(_ path: FilePath, to newPath: FilePath) throws(StorageError) { try inner.rename(path, to: newPath) }
    func remove(_ path: FilePath) throws(StorageError) { try inner.remove(path) }
    func removeFolder(_ path: FilePath) throws(StorageError) { try inner.removeFolder(path) }
    func list(_ folder: FilePath) throws(StorageError) -> [String] { try inner.list(folder) }
    func makeFolder(_ path: FilePath) throws(StorageError) { try inner.makeFolder(path) }
    func syncFolder(_ path: FilePath) throws(StorageError) { try inner.syncFolder(path) }
    func space(at folder: FilePath) throws(StorageError) -> FileSystemSpace { try inner.space(at: folder) }
}

private final class SlowFile: File {
    private let inner: any File
    private let disk: SlowDisk

    init(_ inner: any File, _ disk: SlowDisk) {
        self.inner = inner
        self.disk = disk
    }

    var path: FilePath { inner.path }
    var descriptor: CInt? { inner.descriptor }
    func read(at position: Int64, upTo maxBytes: Int) throws(StorageError) -> ByteBuffer {
        try inner.read(at: position, upTo: maxBytes)
    }
    func write(_ pieces: [ByteBuffer], at position: Int64) throws(StorageError) {
        try inner.write(pieces, at: position)
    }
    func truncate(to byteCount: Int64) throws(StorageError) { try inner.truncate(to: byteCount) }
    func byteCount() throws(StorageError) -> Int64 { try inner.byteCount() }
    func sync() throws(StorageError) {
        if path.extension == "log" { try disk.sync(inner) } else { try inner.sync() }
    }
}
