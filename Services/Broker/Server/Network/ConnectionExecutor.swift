import NIOCore

/// A connection's event loop as the place where its actor and its tasks run.
///
/// A task that waits is resumed where its *task* executor says, and only then goes on to its actor. Without one that is
/// the global pool: each wait would cost two switches of threads more, only to come back to where it was.
///
/// On another actor with an executor of its own, such as a partition, a task that prefers this one is queued again
/// wherever it comes back, also just before the body of a checked continuation: others run in between.
final class ConnectionExecutor: SerialExecutor, TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute {
            job.runSynchronously(
                isolatedTo: self.asUnownedSerialExecutor(), taskExecutor: self.asUnownedTaskExecutor())
        }
    }

    /// The channel's handlers call the actor on the event loop, though in no task.
    func checkIsolated() {
        eventLoop.preconditionInEventLoop()
    }
}
