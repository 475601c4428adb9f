import KafkaWire
import NIOCore
import Synchronization
import SystemPackage

/// Which file operations fail, and how. A value; the same plan gives the same faults.
public struct FaultPlan: Sendable {
    /// What happens to an operation that was picked.
    public enum Fault: Hashable, Sendable {
        /// It fails with this `errno` and changes nothing.
        case fail(errno: CInt)
        /// A write leaves its first bytes in the file and then fails; anything else just fails.
        case tear(keeping: Int, errno: CInt)
    }

    private struct Appointment: Sendable {
        var operation: FileOperation
        var pathSuffix: String
        var countdown: Int
        var times: Int
        var fault: Fault
    }

    private var appointments: [Appointment] = []
    private var random: (generator: SplitMix64, oneIn: Int, operations: Set<FileOperation>)?

    /// No faults.
    public init() {}

    /// Random faults: one operation in `oneIn`, of those named, fails with EIO or ENOSPC or tears.
    public init(seed: UInt64, oneIn: Int, operations: Set<FileOperation>) {
        random = (SplitMix64(seed: seed), max(1, oneIn), operations)
    }

    /// Lets an operation on files whose name ends in `pathSuffix` fail, after `after` that succeed, `times` times.
    public mutating func add(
        _ operation: FileOperation, on pathSuffix: String = "", after: Int = 0, times: Int = 1, _ fault: Fault
    ) {
        appointments.append(
            Appointment(operation: operation, pathSuffix: pathSuffix, countdown: after, times: times, fault: fault))
    }

    mutating func fault(for operation: FileOperation, path: FilePath) -> Fault? {
        for index in appointments.indices
        where appointments[index].operation == operation && appointments[index].times > 0
            && path.string.hasSuffix(appointments[index].pathSuffix)
        {
            if appointments[index].countdown > 0 {
                appointments[index].countdown -= 1
            } else {
                appointments[index].times -= 1
                return appointments[index].fault
            }
        }
        guard let operations = random?.operations, operations.contains(operation) else { return nil }
        return randomFault()
    }

    private mutating func randomFault() -> Fault? {
        guard var generator = random?.generator, let oneIn = random?.oneIn else { return nil }
        defer { random?.generator = generator }
        guard generator.next(upTo: oneIn) == 0 else { return nil }
        let errno = generator.next(upTo: 2) == 0 ? Errno.ioError.rawValue : Errno.noSpace.rawValue
        return generator.next(upTo: 2) == 0
            ? .fail(errno: errno) : .tear(keeping: generator.next(upTo: 200), errno: errno)
    }
}

/// Another file system with faults put in between, by a ``FaultPlan``.
public final class FaultyFileSystem: FileSystem {
    private let inner: any FileSystem
    private let plan: Mutex<FaultPlan>

    public init(_ inner: any FileSystem, plan: FaultPlan = FaultPlan()) {
        self.inner = inner
        self.plan = Mutex(plan)
    }

    public var openFiles: OpenFilePool { inner.openFiles }

    /// Replaces the plan from the next operation on.
    public func use(_ newPlan: FaultPlan) {
        plan.withLock { $0 = newPlan }
    }

    func fault(for operation: FileOperation, path: FilePath) -> FaultPlan.Fault? {
        plan.withLock { $0.fault(for: operation, path: path) }
    }

    func check(_ operation: FileOperation, _ path: FilePath) throws(StorageError) {
        switch fault(for: operation, path: path) {
        case .fail(let errno), .tear(_, let errno):
            throw .operationFailed(operation, path: path.string, errno: errno)
        case nil:
            return
        }
    }

    public func open(_ path: FilePath) throws(StorageError) -> any File {
        try check(.open, path)
        return FaultyFile(try inner.open(path), files: self)
    }

    public func create(_ path: FilePath) throws(StorageError) -> any File {
        try check(.create, path)
        return FaultyFile(try inner.create(path), files: self)
    }

    public func byteCount(of path: FilePath) throws(StorageError) -> Int64? {
        try check(.size, path)
        return try inner.byteCount(of: path)
    }

    public func rename(_ path: FilePath, to newPath: FilePath) throws(StorageError) {
        try check(.rename, path)
        try inner.rename(path, to: newPath)
    }

    public func remove(_ path: FilePath) throws(StorageError) {
        try check(.remove, path)
        try inner.remove(path)
    }

    public func removeFolder(_ path: FilePath) throws(StorageError) {
        try check(.remove, path)
        try inner.removeFolder(path)
    }

    public func list(_ folder: FilePath) throws(StorageError) -> [String] {
        try check(.list, folder)
        return try inner.list(folder)
    }

    public func makeFolder(_ path: FilePath) throws(StorageError) {
        try check(.makeFolder, path)
        try inner.makeFolder(path)
    }

    public func space(at folder: FilePath) throws(StorageError) -> FileSystemSpace {
        try check(.size, folder)
        return try inner.space(at: folder)
    }

    public func syncFolder(_ path: FilePath) throws(StorageError) {
        try check(.syncFolder, path)
        try inner.syncFolder(path)
    }
}

/// An open file of a ``FaultyFileSystem``.
final class FaultyFile: File {
    private let inner: any File
    private let files: FaultyFileSystem

    init(_ inner: any File, files: FaultyFileSystem) {
        self.inner = inner
        self.files = files
    }

    var path: FilePath { inner.path }
    var descriptor: CInt? { inner.descriptor }

    func read(at position: Int64, upTo maxBytes: Int) throws(StorageError) -> ByteBuffer {
        try files.check(.read, path)
        return try inner.read(at: position, upTo: maxBytes)
    }

    func write(_ pieces: [ByteBuffer], at position: Int64) throws(StorageError) {
        guard let fault = files.fault(for: .write, path: path) else {
            return try inner.write(pieces, at: position)
        }
        switch fault {
        case .fail(let errno):
            throw .operationFailed(.write, path: path.string, errno: errno)
        case .tear(let keeping, let errno):
            var all = ByteBuffer()
            for piece in pieces { all.writeImmutableBuffer(piece) }
            try inner.write([ByteBuffer(all.readableBytesView.prefix(keeping))], at: position)
            throw .operationFailed(.write, path: path.string, errno: errno)
        }
    }

    func truncate(to byteCount: Int64) throws(StorageError) {
        try files.check(.truncate, path)
        try inner.truncate(to: byteCount)
    }

    func byteCount() throws(StorageError) -> Int64 {
        try files.check(.size, path)
        return try inner.byteCount()
    }

    func sync() throws(StorageError) {
        try files.check(.sync, path)
        try inner.sync()
    }
}
