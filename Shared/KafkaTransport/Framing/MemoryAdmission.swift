import Synchronization

/// The memory that requests may take on a broker, shared by all its connections.
///
/// Kafka's `queued.max.request.bytes`. Charged with what has arrived, not with what a length prefix claims; while it
/// is used up nobody reads from a socket, so the kernel's flow control pushes back on the clients. It can be passed
/// by one read per connection, and by what one begun frame still needs: were it all held by frames that are not
/// complete, none of them could ever become a request and give its memory back, so one at a time may finish.
///
/// Frames that are not complete have a smaller bound of their own, so that clients which stall half way through a
/// request cost little.
public final class MemoryAdmission: Sendable {
    private struct State {
        var used = 0
        var partial = 0
        var peak = 0
        var isOverdrawn = false
        var waiting: [(id: UInt64, isPartial: Bool, wake: @Sendable () -> Void)] = []
        var lastID: UInt64 = 0

        mutating func takeWaiting(evenPartial: Bool = true) -> [@Sendable () -> Void] {
            if waiting.isEmpty { return [] }
            let chosen = waiting.filter { evenPartial || !$0.isPartial }
            waiting.removeAll { evenPartial || !$0.isPartial }
            return chosen.map(\.wake)
        }
    }

    /// Bytes that may be held at once.
    public let limitBytes: Int
    /// Of those, by frames that are not complete.
    public let partialLimitBytes: Int
    private let state = Mutex(State())

    /// - Parameter partialLimitBytes: none but `limitBytes` without it.
    public init(limitBytes: Int, partialLimitBytes: Int? = nil) {
        precondition(limitBytes > 0, "a limit of no memory would admit no request")
        self.limitBytes = limitBytes
        self.partialLimitBytes = min(limitBytes, partialLimitBytes ?? limitBytes)
    }

    /// Bytes held now.
    public var usedBytes: Int { state.withLock { $0.used } }
    /// Bytes held now by frames that are not complete, with their read buffers.
    public var partialBytes: Int { state.withLock { $0.partial } }
    /// The most that was ever held.
    public var peakBytes: Int { state.withLock { $0.peak } }
    /// Whether nothing more is admitted until something is given back.
    public var isExhausted: Bool { usedBytes >= limitBytes }

    /// What there is room for now: for new frames, and for more of those that are not complete.
    public var room: (new: Bool, partial: Bool) {
        state.withLock { state in (hasRoom(state, isPartial: false), hasRoom(state, isPartial: true)) }
    }

    private func hasRoom(_ state: State, isPartial: Bool) -> Bool {
        state.used < limitBytes && (!isPartial || state.partial < partialLimitBytes)
    }

    /// Takes (`bytes` > 0) or gives back (`bytes` < 0) memory, and wakes who waits once there is room.
    ///
    /// - Parameter partial: the change in what frames that are not complete hold, their read buffers included.
    public func change(by bytes: Int, partial: Int = 0) {
        if bytes == 0, partial == 0 { return }
        let woken = state.withLock { state -> [@Sendable () -> Void] in
            state.used += bytes
            state.partial += partial
            precondition(state.used >= 0 && state.partial >= 0, "more memory was given back than was taken")
            state.peak = max(state.peak, state.used)
            guard hasRoom(state, isPartial: false) else { return [] }
            return state.takeWaiting(evenPartial: hasRoom(state, isPartial: true))
        }
        for wake in woken { wake() }
    }

    /// Lets the caller pass the limits to complete the frame it has begun; `false` while somebody else may.
    public func beginOverdraft() -> Bool {
        state.withLock { state in
            if state.isOverdrawn { return false }
            state.isOverdrawn = true
            return true
        }
    }

    /// Ends what ``beginOverdraft()`` began, and wakes who waits, so that the next one can.
    public func endOverdraft() {
        let woken = state.withLock { state in
            precondition(state.isOverdrawn, "an overdraft was ended that nobody had")
            state.isOverdrawn = false
            return state.takeWaiting()
        }
        for wake in woken { wake() }
    }

    /// Calls `wake` once, as soon as there is room; at once when there is room already.
    ///
    /// It may be called without room too, when an overdraft ended.
    /// - Parameter isPartial: whether it is to go on with a frame that is not complete, for which an overdraft that
    ///   nobody has is as good as room.
    /// - Returns: what ``stopWaiting(_:)`` takes; `nil` when `wake` was called at once.
    @discardableResult
    public func whenAvailable(isPartial: Bool = false, _ wake: @escaping @Sendable () -> Void) -> UInt64? {
        let id = state.withLock { state -> UInt64? in
            if hasRoom(state, isPartial: isPartial) || (isPartial && !state.isOverdrawn) { return nil }
            state.lastID += 1
            state.waiting.append((state.lastID, isPartial, wake))
            return state.lastID
        }
        if id == nil { wake() }
        return id
    }

    /// Forgets who waits, such as a connection that is gone; one that was woken already is no error.
    public func stopWaiting(_ id: UInt64) {
        state.withLock { $0.waiting.removeAll { $0.id == id } }
    }

    /// How many wait for room now.
    public var waitingCount: Int { state.withLock { $0.waiting.count } }
}

/// Memory taken from a ``MemoryAdmission`` for as long as this object lives.
public final class MemoryCharge: Sendable {
    private let bytes: Int
    private let admission: MemoryAdmission

    public init(bytes: Int, to admission: MemoryAdmission) {
        self.bytes = bytes
        self.admission = admission
        admission.change(by: bytes)
    }

    deinit {
        admission.change(by: -bytes)
    }
}
