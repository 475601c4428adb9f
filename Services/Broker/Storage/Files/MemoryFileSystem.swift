import KafkaWire
import NIOCore
import Synchronization
import SystemPackage

/// Files in memory that can crash: what was not synced is lost, or kept in part, as a seed decides.
///
/// It promises less than any real file system: without ``FileSystem/syncFolder(_:)`` a new name may be gone after
/// ``crash(seed:)``, and writes that were not synced may survive in any combination, each whole, in part or not.
/// Folders themselves are durable at once.
public final class MemoryFileSystem: FileSystem {
    /// `errno` of a handle that was open when the machine crashed.
    static let staleErrno = Errno.badFileDescriptor.rawValue
    static let missingErrno = Errno.noSuchFileOrDirectory.rawValue

    struct Node {
        var content: [UInt8] = []
        var durable: [UInt8] = []
        var unsynced: [Change] = []
    }

    enum Change {
        case write([UInt8], position: Int)
        case truncate(Int)

        func apply(to content: inout [UInt8]) {
            switch self {
            case .truncate(let count):
                MemoryFileSystem.resize(&content, to: count)
            case .write(let bytes, let position):
                if content.count < position + bytes.count {
                    MemoryFileSystem.resize(&content, to: position + bytes.count)
                }
                content.replaceSubrange(position..<(position + bytes.count), with: bytes)
            }
        }
    }

    struct State {
        var nodes: [Int: Node] = [:]
        /// Names by folder, as programs see them.
        var folders: [String: [String: Int]] = [:]
        /// Names by folder, as a crash leaves them.
        var durable: [String: [String: Int]] = [:]
        var nextNode = 0

        subscript(place: Place) -> Int? {
            get { folders[place.folder]?[place.name] }
            set { folders[place.folder]?[place.name] = newValue }
        }
    }

    /// A path taken apart once; `FilePath` does so at every question.
    struct Place {
        var folder: String
        var name: String

        init(_ path: FilePath) {
            let text = path.string
            guard let slash = text.utf8.lastIndex(of: UInt8(ascii: "/")) else {
                (folder, name) = ("", text)
                return
            }
            folder = slash == text.startIndex ? "/" : String(text[..<slash])
            name = String(text[text.index(after: slash)...])
        }
    }

    public let openFiles: OpenFilePool
    private let state = Mutex(State())

    public init(openFiles: OpenFilePool = OpenFilePool()) {
        self.openFiles = openFiles
    }

    /// Stops the machine and starts it again: open files become stale and unsynced changes survive or not.
    ///
    /// - Parameter seed: decides which; `nil` loses every one of them.
    public func crash(seed: UInt64? = nil) {
        state.withLock { state in
            var generator = seed.map { SplitMix64(seed: $0) }
            Self.settleNames(&state, &generator)
            var survivors: [Int: Node] = [:]
            for folder in state.folders.keys.sorted() {
                for (name, old) in (state.folders[folder] ?? [:]).sorted(by: { $0.key < $1.key }) {
                    guard let node = state.nodes[old] else { continue }
                    state.nextNode += 1
                    let content = Self.settleContent(node, &generator)
                    survivors[state.nextNode] = Node(content: content, durable: content)
                    state.folders[folder]?[name] = state.nextNode
                }
            }
            state.nodes = survivors
            state.durable = state.folders
        }
    }

    private static func settleNames(_ state: inout State, _ generator: inout SplitMix64?) {
        for folder in state.folders.keys.sorted() {
            let seen = state.folders[folder] ?? [:]
            var settled = state.durable[folder] ?? [:]
            for name in Set(seen.keys).union(settled.keys).sorted() where seen[name] != settled[name] {
                if generator?.next(upTo: 2) == 1 { settled[name] = seen[name] }
            }
            state.folders[folder] = settled
        }
    }

    private static func settleContent(_ node: Node, _ generator: inout SplitMix64?) -> [UInt8] {
        var content = node.durable
        guard generator != nil else { return content }
        // In half of the crashes the disk kept the order of writes and only the end is missing.
        let inOrder = generator?.next(upTo: 2) == 0
        for change in node.unsynced {
            switch generator?.next(upTo: 3) {
            case 0:
                if inOrder { return content }
            case 1:
                change.apply(to: &content)
            default:
                torn(change, &generator).apply(to: &content)
                if inOrder { return content }
            }
        }
        return content
    }

    private static func torn(_ change: Change, _ generator: inout SplitMix64?) -> Change {
        guard case .write(let bytes, let position) = change, !bytes.isEmpty else { return change }
        return .write(Array(bytes.prefix(generator?.next(upTo: bytes.count) ?? 0)), position: position)
    }

    static func resize(_ content: inout [UInt8], to count: Int) {
        if content.count > count {
            content.removeLast(content.count - count)
        } else {
            content.append(contentsOf: repeatElement(0, count: count - content.count))
        }
    }

    // MARK: FileSystem

    public func open(_ path: FilePath) throws(StorageError) -> any File {
        guard let node = state.withLock({ $0[Place(path)] }) else {
            throw .operationFailed(.open, path: path.string, errno: Self.missingErrno)
        }
        return MemoryFile(path: path, node: node, files: self)
    }

    public func create(_ path: FilePath) throws(StorageError) -> any File {
        let place = Place(path)
        let node = state.withLock { state -> Int? in
            guard state.folders[place.folder] != nil else { return nil }
            if let node = state[place] { return node }
            state.nextNode += 1
            state.nodes[state.nextNode] = Node()
            state[place] = state.nextNode
            return state.nextNode
        }
        guard let node else { throw .operationFailed(.create, path: path.string, errno: Self.missingErrno) }
        return MemoryFile(path: path, node: node, files: self)
    }

    public func byteCount(of path: FilePath) throws(StorageError) -> Int64? {
        state.withLock { state in
            state[Place(path)].flatMap { state.nodes[$0] }.map { Int64($0.content.count) }
        }
    }

    public func rename(_ path: FilePath, to newPath: FilePath) throws(StorageError) {
        let found = state.withLock { state -> Bool in
            if let node = state[Place(path)] {
                state[Place(path)] = nil
                state[Place(newPath)] = node
                return true
            }
            guard let names = state.folders.removeValue(forKey: path.string) else { return false }
            state.folders[newPath.string] = names
            state.durable[newPath.string] = state.durable.removeValue(forKey: path.string)
            return true
        }
        if !found { throw .operationFailed(.rename, path: path.string, errno: Self.missingErrno) }
    }

    public func remove(_ path: FilePath) throws(StorageError) {
        state.withLock { $0[Place(path)] = nil }
    }

    public func removeFolder(_ path: FilePath) throws(StorageError) {
        state.withLock { state in
            state.folders[path.string] = nil
            state.durable[path.string] = nil
        }
    }

    public func list(_ folder: FilePath) throws(StorageError) -> [String] {
        let isFile = state.withLock { $0[Place(folder)] != nil }
        if isFile {
            throw .operationFailed(.list, path: folder.string, errno: Errno.notDirectory.rawValue)
        }
        return state.withLock { state in
            let inside = state.folders.keys.map { Place(FilePath($0)) }
                .filter { $0.folder == folder.string && !$0.name.isEmpty }.map(\.name)
            return ((state.folders[folder.string].map { Array($0.keys) } ?? []) + inside).sorted()
        }
    }

    public func makeFolder(_ path: FilePath) throws(StorageError) {
        state.withLock { state in
            var folder = path
            while state.folders[folder.string] == nil {
                state.folders[folder.string] = [:]
                folder.removeLastComponent()
            }
        }
    }

    /// A disk that is never full.
    public func space(at folder: FilePath) throws(StorageError) -> FileSystemSpace {
        FileSystemSpace(totalBytes: 1 << 40, usableBytes: 1 << 40)
    }

    public func syncFolder(_ path: FilePath) throws(StorageError) {
        state.withLock { $0.durable[path.string] = $0.folders[path.string] }
    }

    // MARK: Used by open files

    /// Works on the content of a file that is still open in this run of the machine.
    func withNode<Result: Sendable>(
        _ number: Int, _ operation: FileOperation, _ path: FilePath, _ body: (inout Node) -> Result
    ) throws(StorageError) -> Result {
        let result = state.withLock { state -> Result? in
            guard state.nodes[number] != nil else { return nil }
            return body(&state.nodes[number, default: Node()])
        }
        guard let result else { throw .operationFailed(operation, path: path.string, errno: Self.staleErrno) }
        return result
    }
}

/// An open file of a ``MemoryFileSystem``.
final class MemoryFile: File {
    let path: FilePath
    private let node: Int
    private let files: MemoryFileSystem

    init(path: FilePath, node: Int, files: MemoryFileSystem) {
        self.path = path
        self.node = node
        self.files = files
    }

    var descriptor: CInt? { nil }

    func read(at position: Int64, upTo maxBytes: Int) throws(StorageError) -> ByteBuffer {
        try files.withNode(node, .read, path) { node in
            ByteBuffer(bytes: node.content.dropFirst(Int(position)).prefix(maxBytes))
        }
    }

    func write(_ pieces: [ByteBuffer], at position: Int64) throws(StorageError) {
        try files.withNode(node, .write, path) { node in
            let change = MemoryFileSystem.Change.write(
                pieces.flatMap { Array($0.readableBytesView) }, position: Int(position))
            change.apply(to: &node.content)
            node.unsynced.append(change)
        }
    }

    func truncate(to byteCount: Int64) throws(StorageError) {
        try files.withNode(node, .truncate, path) { node in
            let change = MemoryFileSystem.Change.truncate(Int(byteCount))
            change.apply(to: &node.content)
            node.unsynced.append(change)
        }
    }

    func byteCount() throws(StorageError) -> Int64 {
        try files.withNode(node, .size, path) { Int64($0.content.count) }
    }

    func sync() throws(StorageError) {
        try files.withNode(node, .sync, path) { node in
            node.durable = node.content
            node.unsynced = []
        }
    }
}
