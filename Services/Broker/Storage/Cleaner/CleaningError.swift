import KafkaRecords
import KafkaWire

/// Why a log could not be cleaned. What was stored is as it was.
public enum CleaningError: Error, Hashable, Sendable {
    /// The disk.
    case storage(StorageError)
    /// A stored batch that cannot be decoded.
    case damagedBatch(RecordError, at: Offset)
    /// The key map does not hold the keys of a single batch (`log.cleaner.dedupe.buffer.size`).
    case mapTooSmall(keys: Int, at: Offset)
    /// The cleaner was told to stop.
    case cancelled
}

extension CleaningError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .storage(let error): error.description
        case .damagedBatch(let error, let offset): "the batch at offset \(offset): \(error)"
        case .mapTooSmall(let keys, let offset):
            "log.cleaner.dedupe.buffer.size holds \(keys) keys, fewer than the batch at offset \(offset) has"
        case .cancelled: "stopped"
        }
    }
}
