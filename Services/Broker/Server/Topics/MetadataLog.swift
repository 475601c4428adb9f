import KafkaRecords
import KafkaWire
import Metadata
import NIOCore
import Storage
import SystemPackage

/// `__cluster_metadata`: every fact about topics, in the order in which they became true.
///
/// A record is on the disk before anybody sees its effect.
final class MetadataLog {
    private let log: PartitionLog
    private let clock: WallClock
    private(set) var image = MetadataImage()
    /// Names of topics that were deleted at some time, also where there is a new topic of that name.
    private(set) var deletedNames: Set<String> = []

    /// Opens the log in `folder` and replays it.
    ///
    /// - Throws: ``DataFolderError`` where it is damaged. Only a torn end is cut, which nobody has seen the effect of;
    ///   without the records behind any other damage topics would be missing whose records are all there.
    init(
        folder: FilePath, configuration: LogConfiguration, files: any FileSystem, clock: WallClock,
        wasCleanShutdown: Bool
    ) throws {
        self.clock = clock
        do {
            log = try PartitionLog.open(
                folder: folder, topicPartition: TopicPartition(topic: TopicName.clusterMetadata, partition: 0),
                configuration: configuration, files: files, wasCleanShutdown: wasCleanShutdown, damage: .refuse,
                now: clock.now())
        } catch {
            throw Self.unreadable("\(error)")
        }
        var replay = RecordReplay(from: log.logStart, to: log.logEnd)
        while let position = replay.position {
            do {
                let read = try log.read(
                    from: position, maxBytes: RecordReplay.chunkBytes, atLeastOneBatch: true, below: log.logEnd)
                for record in try replay.records(of: read.payload) {
                    guard let value = record.value else { continue }
                    apply(try MetadataRecord(decoding: value))
                }
            } catch {
                throw Self.unreadable("\(folder), at or behind offset \(position): \(error)")
            }
        }
    }

    private static func unreadable(_ reason: String) -> DataFolderError {
        DataFolderError(
            description: "the metadata log cannot be read: \(reason). Without it the broker does not know its topics; "
                + "nothing was changed, put \(TopicName.clusterMetadata)-0 back from a copy")
    }

    /// Writes the records as one batch, waits for the disk, and applies them.
    func append(_ records: [MetadataRecord]) throws {
        let now = clock.now()
        var builder = RecordBatchBuilder()
        for record in records {
            try builder.append(timestamp: now, key: nil, value: record.encode())
        }
        let batch = try builder.finish()
        _ = try log.append(batch, leaderEpoch: 0, now: now, origin: .coordinator)
        try log.flush()
        for record in records { apply(record) }
    }

    private func apply(_ record: MetadataRecord) {
        if case .removeTopic(let id) = record, let topic = image.topic(id: id) { deletedNames.insert(topic.name) }
        image.apply(record)
    }

    /// Whether a folder is of a partition that was deleted and is not one of today's: the deletion was interrupted.
    func isLeftOver(_ folder: String) -> Bool {
        guard let dash = folder.lastIndex(of: "-"), let index = Int(folder[folder.index(after: dash)...]) else {
            return false
        }
        let name = String(folder[..<dash])
        return deletedNames.contains(name) && index >= image.topics[name]?.partitions.count ?? 0
    }

    func close() throws(StorageError) {
        try log.close()
    }
}
