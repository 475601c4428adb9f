import KafkaWire
import Storage

/// Why a partition's records were not deleted.
enum RecordDeletionError: Error, Sendable {
    /// `cleanup.policy` is `compact` alone: what goes is for the cleaner to say.
    case notByPolicy
    /// Nothing at or behind the high watermark can go.
    case outOfRange(Offset, end: Offset)
    case log(ReadError)

    var errorCode: ErrorCode {
        switch self {
        case .notByPolicy: .policyViolation
        case .outOfRange: .offsetOutOfRange
        case .log(let error): error.errorCode
        }
    }
}
