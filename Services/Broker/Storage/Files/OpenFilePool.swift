import Synchronization

/// Bounds the files that logs keep open between two uses, over all logs of a broker.
///
/// A log opens a file when it needs it and leaves it in a ``PooledFile``. One more than the limit closes a file that
/// was not used since the pool last came by it (the clock algorithm), so a use costs no bookkeeping. What is being
/// read, written, flushed or sent just then stays open until that is done, and comes on top of the limit.
public final class OpenFilePool: Sendable {
    /// A limit for those who do not say; a broker's is `signalbox.max.open.files`.
    public static let defaultLimit = 4096

    fileprivate struct State {
        var files: [PooledFile] = []
        var hand = 0
    }

    public let limit: Int
    private let state = Mutex(State())

    public init(limit: Int = OpenFilePool.defaultLimit) {
        precondition(limit > 0, "a log that may open no file cannot work")
        self.limit = limit
    }

    /// Files that are kept open now.
    public var count: Int { state.withLock { $0.files.count } }

    /// Closes the files that were not used since the last call; returns how many.
    @discardableResult
    public func closeIdle() -> Int {
        let closed = state.withLock { state -> [any File] in
            var closed: [any File] = []
            for index in state.files.indices.reversed() {
                if let file = state.files[index].takeUnlessUsed() {
                    closed.append(file)
                    state.remove(at: index)
                }
            }
            return closed
        }
        return closed.count
    }

    /// Keeps a file that was just opened, and closes another one where that is one too many.
    fileprivate func keep(_ file: any File, for owner: PooledFile) {
        // Closed when this goes, which is outside of the lock.
        var closed: [any File] = []
        state.withLock { state in
            if let place = owner.place {
                state.remove(at: place)
                if let earlier = owner.take() { closed.append(earlier) }
            }
            while state.files.count >= limit { closed.append(state.evict()) }
            owner.put(file, at: state.files.count)
            state.files.append(owner)
        }
        _ = closed
    }

    fileprivate func close(_ owner: PooledFile) {
        let closed = state.withLock { state -> (any File)? in
            guard let place = owner.place else { return nil }
            state.remove(at: place)
            return owner.take()
        }
        _ = closed
    }
}

extension OpenFilePool.State {
    /// The last file moves into the gap.
    fileprivate mutating func remove(at place: Int) {
        files[place].leave()
        let last = files.removeLast()
        guard place < files.count else { return }
        files[place] = last
        last.move(to: place)
    }

    /// Closes the first file from the hand on that was not used since the hand was there.
    fileprivate mutating func evict() -> any File {
        while true {
            if hand >= files.count { hand = 0 }
            if let file = files[hand].takeUnlessUsed() {
                remove(at: hand)
                return file
            }
            hand += 1
        }
    }
}

/// One file of a log, open or not.
///
/// Used by its log's owner alone; the pool may close it at any time from another thread.
final class PooledFile: Sendable {
    private struct State {
        var file: (any File)?
        var isUsed = false
        /// Where it is in the pool; changed by the pool under its own lock.
        var place: Int?
    }

    private let pool: OpenFilePool
    private let state = Mutex(State())

    init(_ pool: OpenFilePool) {
        self.pool = pool
    }

    /// The open file; opens it where it is closed.
    func get(_ open: () throws(StorageError) -> any File) throws(StorageError) -> any File {
        let kept = state.withLock { state in
            state.isUsed = true
            return state.file
        }
        if let kept { return kept }
        let opened = try open()
        pool.keep(opened, for: self)
        return opened
    }

    var isOpen: Bool { state.withLock { $0.file != nil } }

    /// Closes the file; must be called before the last reference goes, as the pool has one of its own.
    func close() { pool.close(self) }

    // MARK: The pool's side

    fileprivate var place: Int? { state.withLock { $0.place } }

    fileprivate func put(_ file: any File, at place: Int) {
        state.withLock { $0 = State(file: file, isUsed: true, place: place) }
    }

    fileprivate func move(to place: Int) {
        state.withLock { $0.place = place }
    }

    fileprivate func leave() {
        state.withLock { $0.place = nil }
    }

    fileprivate func take() -> (any File)? {
        state.withLock { $0.file.take() }
    }

    /// The file, closed by that, unless it was used since the last call.
    fileprivate func takeUnlessUsed() -> (any File)? {
        state.withLock { state in
            defer { state.isUsed = false }
            return state.isUsed ? nil : state.file.take()
        }
    }
}
