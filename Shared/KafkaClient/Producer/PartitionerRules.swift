import NIOCore

/// Which partition of a topic a record goes to, as Java's default partitioner chooses (KIP-794).
///
/// With a key: by its hash, so that equal keys stay together for as long as the number of partitions does. Without:
/// to one partition until it has had a batch's worth of bytes, then to another, chosen evenly; so batches fill up.
struct PartitionerRules {
    private let stickyBytes: Int
    private var current: Int32?
    private var currentBytes = 0

    /// - Parameter stickyBytes: bytes after which records without a key move on: the batch size.
    init(stickyBytes: Int) {
        self.stickyBytes = stickyBytes
    }

    /// The partition of a key among `count`.
    static func partition(forKey key: ByteBuffer, count: Int) -> Int32 {
        Int32(Int(Murmur2.hash(key) & 0x7fff_ffff) % count)
    }

    /// The partition for a record of `bytes` bytes without a key.
    ///
    /// - Parameter isAvailable: whether a partition has a leader; the others are only chosen where none has.
    mutating func partitionWithoutKey(
        count: Int, bytes: Int, isAvailable: (Int32) -> Bool, using generator: inout some RandomNumberGenerator
    ) -> Int32 {
        if let current, currentBytes < stickyBytes, current < count {
            currentBytes += bytes
            return current
        }
        let available = (0..<Int32(count)).filter(isAvailable)
        let candidates = available.isEmpty ? Array(0..<Int32(count)) : available
        // A single candidate stays; otherwise the next is another one, for the last has had its share.
        let others = candidates.filter { $0 != current }
        let next = (others.isEmpty ? candidates : others).randomElement(using: &generator) ?? 0
        current = next
        currentBytes = bytes
        return next
    }
}
