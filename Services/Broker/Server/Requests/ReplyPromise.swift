import Synchronization

/// The place where one parked request finds its reply.
final class ReplyPromise<Reply: Sendable>: Sendable {
    private struct State {
        var reply: Reply?
        var isAbandoned = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// Gives the reply; a second one is a broken rule.
    func fulfil(_ reply: Reply) {
        let waiter = state.withLock { state in
            precondition(state.reply == nil, "a ticket is answered exactly once")
            state.reply = reply
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// The reply, or `nil` when the task was cancelled first: then the client is gone and nobody reads it.
    func wait() async -> Reply? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state -> Bool in
                    if state.reply != nil || state.isAbandoned { return true }
                    state.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.isAbandoned = true
                return state.waiter.take()
            }
            waiter?.resume()
        }
        return state.withLock { $0.reply }
    }
}
