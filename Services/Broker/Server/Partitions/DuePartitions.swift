import Synchronization

/// Partitions that asked to be looked at by the next maintenance, so that it costs nothing for all others.
final class DuePartitions: Sendable {
    private let due = Mutex<[ObjectIdentifier: Partition]>([:])

    func insert(_ partition: Partition) {
        due.withLock { $0[ObjectIdentifier(partition)] = partition }
    }

    /// Everyone that asked since the last call; those who still have to wait ask again.
    func take() -> [Partition] {
        due.withLock { due in
            defer { due = [:] }
            return Array(due.values)
        }
    }
}
