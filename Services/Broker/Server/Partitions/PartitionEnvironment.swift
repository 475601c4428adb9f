import Logging
import NIOPosix

/// What every partition of a broker shares.
struct PartitionEnvironment: Sendable {
    let clock: WallClock
    /// The threads that wait for the disk: `signalbox.flush.threads`, which bounds the partitions flushed at a time.
    let flushThreads: NIOThreadPool
    let due: DuePartitions
    let tails: TailCache
    let probe: StorageProbe
    let logger: Logger
}
