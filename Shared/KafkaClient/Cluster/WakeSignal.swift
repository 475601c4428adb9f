import NIOCore
import Synchronization

/// Lets one task sleep until there is something to do: a signal, a deadline, or its cancellation.
///
/// A signal while nobody waits is kept, and ends the next wait at once; several signals count as one.
final class WakeSignal: Sendable {
    private struct State {
        var isSignalled = false
        var generation = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let eventLoop: any EventLoop

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Whether a task sleeps here.
    var isWaitedFor: Bool { state.withLock { $0.waiter != nil } }

    /// Wakes the waiter; from any thread.
    func signal() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if let waiter = state.waiter.take() { return waiter }
            state.isSignalled = true
            return nil
        }
        waiter?.resume()
    }

    /// Returns after a signal, at the deadline, or when the task is cancelled. One waiter at a time.
    func wait(until deadline: NIODeadline?) async {
        let generation = state.withLock { state in
            state.generation += 1
            return state.generation
        }
        let timer = deadline.map { deadline in
            eventLoop.scheduleTask(deadline: deadline) { self.wake(generation) }
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    precondition(state.waiter == nil, "only one task may wait for a signal")
                    if state.isSignalled || Task.isCancelled || deadline.map({ $0 <= .now() }) == true {
                        state.isSignalled = false
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            wake(generation)
        }
        timer?.cancel()
    }

    /// Ends the wait of this generation, if it is still going on.
    private func wake(_ generation: Int) {
        let waiter = state.withLock { state in
            state.generation == generation ? state.waiter.take() : nil
        }
        waiter?.resume()
    }
}
