import Synchronization

/// A value that one side gives once and the other waits for; the wait ends early when its task is cancelled.
final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case waiting(CheckedContinuation<Value?, Never>)
        case filled(Value)
        case abandoned
    }

    private let state = Mutex(State.empty)

    /// Gives the value; the second and later ones are ignored, as is one that nobody waits for any more: false then.
    @discardableResult
    func fulfil(_ value: Value) -> Bool {
        let (isTaken, waiter) = state.withLock { state -> (Bool, CheckedContinuation<Value?, Never>?) in
            switch state {
            case .empty:
                state = .filled(value)
                return (true, nil)
            case .waiting(let continuation):
                state = .filled(value)
                return (true, continuation)
            case .filled, .abandoned:
                return (false, nil)
            }
        }
        waiter?.resume(returning: value)
        return isTaken
    }

    /// The value; `nil` when the task was cancelled before it came. For one waiter.
    func value() async -> Value? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (isReady, value) = state.withLock { state -> (Bool, Value?) in
                    switch state {
                    case .empty:
                        state = .waiting(continuation)
                        return (false, nil)
                    case .filled(let value): return (true, value)
                    case .abandoned, .waiting: return (true, nil)
                    }
                }
                if isReady { continuation.resume(returning: value) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Value?, Never>? in
                switch state {
                case .empty:
                    state = .abandoned
                    return nil
                case .waiting(let continuation):
                    state = .abandoned
                    return continuation
                case .filled, .abandoned: return nil
                }
            }
            waiter?.resume(returning: nil)
        }
    }
}
