import KafkaWire
import NIOCore
import SystemPackage

/// Up to where each partition of a data folder was cleaned: the file `cleaner-offset-checkpoint`, in Kafka's format.
///
/// A line with the version 0, one with the number of entries, then `topic partition offset` for each.
public struct CleanerCheckpoint: Hashable, Sendable {
    /// Kafka's name for it.
    public static let fileName = "cleaner-offset-checkpoint"
    private static let version = "0"

    public var offsets: [TopicPartition: Offset] = [:]

    public init(_ offsets: [TopicPartition: Offset] = [:]) {
        self.offsets = offsets
    }

    /// Reads the file of a data folder. One that is missing or damaged says nothing: every log is then taken for dirty.
    public static func read(in dataFolder: FilePath, files: any FileSystem) throws(StorageError) -> CleanerCheckpoint {
        let bytes = try files.contents(of: dataFolder.appending(fileName))
        return bytes.flatMap { CleanerCheckpoint(text: String(buffer: $0)) } ?? CleanerCheckpoint()
    }

    /// Replaces the file in one step.
    public func write(in dataFolder: FilePath, files: any FileSystem) throws(StorageError) {
        try files.replace(dataFolder.appending(Self.fileName), with: ByteBuffer(string: text))
    }

    var text: String {
        let entries = offsets.sorted { ($0.key.topic, $0.key.partition) < ($1.key.topic, $1.key.partition) }
        let lines = entries.map { "\($0.key.topic) \($0.key.partition) \($0.value)" }
        return ([Self.version, String(entries.count)] + lines).joined(separator: "\n") + "\n"
    }

    init?(text: String) {
        let lines = text.split(separator: "\n")
        guard lines.count >= 2, lines[0] == Self.version, Int(lines[1]) == lines.count - 2 else { return nil }
        for line in lines.dropFirst(2) {
            let fields = line.split(separator: " ")
            guard fields.count == 3, let partition = Int32(fields[1]), let offset = Int64(fields[2]), offset >= 0
            else { return nil }
            offsets[TopicPartition(topic: String(fields[0]), partition: partition)] = Offset(offset)
        }
    }
}
