import NIOCore
import Synchronization

/// A fetch that waits for enough bytes or for its time to run out (Kafka calls the place purgatory).
///
/// Partitions tell it of appends from their own threads; whoever crosses the line first wakes it, exactly once.
final class ParkedFetch: Sendable {
    /// More than any fetch waits for.
    static let enoughBytes = 1 << 40

    private struct State {
        var missingBytes: Int
        var isDone = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    /// - Parameter missingBytes: wakes once this many bytes have been appended to the partitions it was parked at.
    init(missingBytes: Int) {
        state = Mutex(State(missingBytes: max(1, missingBytes)))
    }

    /// Says that `bytes` more can be read; returns whether the fetch still waits.
    func dataArrived(bytes: Int) -> Bool {
        let (isWaiting, woken) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            state.missingBytes -= bytes
            if state.missingBytes > 0, !state.isDone { return (true, nil) }
            return (false, Self.finish(&state))
        }
        woken?.resume()
        return isWaiting
    }

    /// Ends the wait whatever has arrived.
    func wake() {
        state.withLock { Self.finish(&$0) }?.resume()
    }

    /// Returns when enough has arrived, after `timeout`, or when the task is cancelled.
    func wait(timeout: TimeAmount, on loop: any EventLoop) async {
        let timer = loop.scheduleTask(in: timeout) { self.wake() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state -> Bool in
                    if !state.isDone { state.waiter = continuation }
                    return state.isDone
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            wake()
        }
        timer.cancel()
    }

    private static func finish(_ state: inout State) -> CheckedContinuation<Void, Never>? {
        state.isDone = true
        defer { state.waiter = nil }
        return state.waiter
    }
}
