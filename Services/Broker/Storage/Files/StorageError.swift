import KafkaWire

/// What was asked of a file or folder when it failed.
public enum FileOperation: String, Hashable, Sendable, CaseIterable {
    case open, create, read, write, truncate, size, sync, syncFolder, rename, remove, list, makeFolder
}

/// Why the disk could not do what the log needs. None is a programming error; all carry what a log line needs.
public enum StorageError: Error, Hashable, Sendable {
    /// The operating system refused, with its `errno`.
    case operationFailed(FileOperation, path: String, errno: CInt)
    /// The file ends before the bytes that must be there.
    case endOfFile(path: String, position: Int64, needed: Int, found: Int)
    /// Bytes that are not what the log wrote.
    case corrupt(path: String, position: Int64, reason: String)
    /// The log failed before and could not be brought back to a known state; it stays offline until it is opened again.
    case offline(path: String, reason: String)

    /// How a client hears of it: always `KAFKA_STORAGE_ERROR`, which makes it look for another leader and retry.
    public var errorCode: ErrorCode { .kafkaStorageError }
}

extension StorageError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .operationFailed(let operation, let path, let errno):
            "\(operation.rawValue) of \(path) failed: \(POSIXFileSystem.message(errno: errno))"
        case .endOfFile(let path, let position, let needed, let found):
            "\(path) ends early: \(needed) bytes wanted at \(position), \(found) there"
        case .corrupt(let path, let position, let reason):
            "\(path) is corrupt at \(position): \(reason)"
        case .offline(let path, let reason):
            "\(path) is offline: \(reason)"
        }
    }
}
