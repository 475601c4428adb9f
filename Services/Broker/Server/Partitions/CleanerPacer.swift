import KafkaWire
import Storage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Holds the cleaner to `log.cleaner.io.max.bytes.per.second`, and ends its work when its task is cancelled.
///
/// Has one owner, the cleaner, whose thread it blocks: what is paced is blocking work that must not move to another
/// thread half way, and nothing else runs on that one.
final class CleanerPacer {
    /// What is waited for at a time, so that a cancellation is noticed soon.
    private static let longestPause = Duration.milliseconds(100)

    private let bytesPerSecond: Double
    private let begun = ContinuousClock.now
    private var bytes = 0.0

    init(bytesPerSecond: Double) {
        self.bytesPerSecond = bytesPerSecond
    }

    /// Returns when that many bytes more keep the rate; throws when the task was cancelled.
    func pace(_ count: Int) throws(CleaningError) {
        bytes += Double(count)
        while true {
            if Task.isCancelled { throw .cancelled }
            let due = Duration.seconds(bytes / bytesPerSecond) - (ContinuousClock.now - begun)
            if due <= .zero { return }
            let pause = min(due, Self.longestPause)
            usleep(useconds_t(pause / .microseconds(1)))
        }
    }
}
