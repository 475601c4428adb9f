import CAllocator
import Metrics

/// When memory that the allocator keeps goes back to the system.
///
/// After a burst of large requests or responses it keeps what they took, hundreds of megabytes, for the next one. Where
/// most of that was unused at two looks in a row the burst is over.
struct MemoryReturn: Sendable {
    /// So much may stay: enough for the requests under way of a broker that is busy.
    static let keptBytes = 64 << 20

    private var isLarge = false

    /// Whether memory is to be given back, of which the allocator has so much unused at this look.
    mutating func isDue(unusedBytes: Int) -> Bool {
        let wasLarge = isLarge
        isLarge = unusedBytes > Self.keptBytes
        if isLarge, wasLarge {
            isLarge = false
            return true
        }
        return false
    }
}

/// The allocator of this process.
struct Allocator: Sendable {
    private let returns = Counter(label: "kafka_server_memory_returns_total")
    private let unused = Gauge(label: "kafka_server_unused_memory_bytes")

    var unusedBytes: Int { Int(clamping: signalbox_allocator_unused_bytes()) }

    /// Gives back what is unused, if that is due.
    func look(_ rule: inout MemoryReturn) {
        let bytes = unusedBytes
        unused.record(bytes)
        guard rule.isDue(unusedBytes: bytes) else { return }
        signalbox_allocator_trim()
        returns.increment()
    }
}
