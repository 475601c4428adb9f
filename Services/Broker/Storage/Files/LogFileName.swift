import KafkaWire
import SystemPackage

/// The names of a partition's files: Kafka's, twenty digits of the base offset and what the file holds.
public enum LogFileName {
    public enum Kind: String, CaseIterable, Sendable {
        case log, index, timeindex, txnindex, snapshot
    }

    /// A file that was being written when the process ended; removed at the next start.
    static let temporaryExtension = "tmp"
    /// Ends the name of a partition's folder that is being deleted.
    public static let deletedFolderSuffix = "-delete"
    /// Holds where each leader epoch began; Kafka's name.
    static let leaderEpochCheckpoint = "leader-epoch-checkpoint"
    /// Holds the log start once it is not 0.
    static let logStartCheckpoint = "log-start-offset"

    /// The longest name that file systems take.
    private static let maximumNameBytes = 255

    /// Where a partition's folder goes to be deleted; a very long name keeps its end, which tells partitions apart.
    static func deletedFolder(for folder: FilePath) -> FilePath {
        let name = folder.lastComponent?.string ?? ""
        let kept = name.suffix(maximumNameBytes - deletedFolderSuffix.utf8.count)
        return folder.removingLastComponent().appending(kept + deletedFolderSuffix)
    }

    /// Where a folder goes that nobody owns: `topic-0.1-stray`, which is no partition's name.
    static func strayFolder(for folder: FilePath, _ number: Int) -> String {
        let end = ".\(number)-stray"
        return (folder.lastComponent?.string ?? "").suffix(maximumNameBytes - end.utf8.count) + end
    }

    /// `00000000000000000042.log`
    static func name(_ kind: Kind, _ offset: Offset) -> String {
        let digits = String(offset.rawValue)
        return String(repeating: "0", count: max(0, 20 - digits.count)) + digits + "." + kind.rawValue
    }

    /// `00000000000000000042.1000.damaged`: what was cut off a segment from a position on.
    static func damaged(_ offset: Offset, position: Int64) -> String {
        name(.log, offset).dropLast(Kind.log.rawValue.utf8.count) + "\(position).damaged"
    }

    /// The kind and offset of a file by its name, or `nil` for a file that is not the log's.
    static func parse(_ name: String) -> (kind: Kind, offset: Offset)? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = Kind(rawValue: String(parts[1])), let offset = offset(parts[0])
        else { return nil }
        return (kind, offset)
    }

    /// The base offset of the segment that a ``damaged(_:position:)`` part was cut off; `nil` for any other name.
    static func parseDamaged(_ name: String) -> Offset? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2] == "damaged", Int64(parts[1]) != nil else { return nil }
        return offset(parts[0])
    }

    private static func offset(_ digits: Substring) -> Offset? {
        guard digits.utf8.count == 20, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(digits).map(Offset.init(rawValue:))
    }
}

extension FilePath {
    /// The path of one of a segment's files in this folder.
    func file(_ kind: LogFileName.Kind, _ offset: Offset) -> FilePath { appending(LogFileName.name(kind, offset)) }
}
