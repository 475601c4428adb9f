import Groups
import KafkaRecords
import KafkaWire
import Metadata
import NIOCore
import Storage
import SystemPackage

extension FuzzTarget {
    static let brokerRecordTargets = [groupRecord, metadataRecord]

    /// A record of `__consumer_offsets`: length of the key, key, value.
    private static let groupRecord = FuzzTarget("group-record", seeds: groupSeeds) { bytes in
        var input = FuzzInput(bytes)
        let key = ByteBuffer(bytes: input.bytes(Int(input.byte())))
        let value = input.isEmpty ? nil : ByteBuffer(bytes: input.remaining())
        _ = try? GroupRecord(key: key, value: value).decode()
    }

    /// Keys of every version there is, with the strings group, topic and a number in them.
    private static var groupSeeds: [[UInt8]] {
        (0...8 as ClosedRange<UInt8>).map { version in
            let key: [UInt8] = [0, version, 0, 1, 0x67, 0, 1, 0x74, 0, 0, 0, 0]
            return [UInt8(key.count)] + key + [0, 3] + [UInt8](repeating: 0, count: 40)
        }
    }

    private static let metadataRecord = FuzzTarget("metadata-record", seeds: metadataSeeds) { bytes in
        var image = MetadataImage()
        guard let record = try? MetadataRecord(decoding: ByteBuffer(bytes: bytes)) else { return }
        image.apply(record)
        guard let again = try? record.encode(), (try? MetadataRecord(decoding: again)) == record else {
            preconditionFailure("a metadata record changes when it is written again")
        }
    }

    private static var metadataSeeds: [[UInt8]] {
        let partition = PartitionRecord(
            partition: 0, topicID: .zero, replicas: [1], inSyncReplicas: [1], leader: 1, leaderEpoch: 0)
        let records: [MetadataRecord] = [
            .topic(name: "t", id: .zero), .partition(partition), .removeTopic(id: .zero),
            .producerIDs(broker: 1, next: 1000),
        ]
        return records.compactMap { try? $0.encode() }.map { Array($0.readableBytesView) }
    }

    /// A partition's folder that somebody changed: a choice of clean or not, then changes of file, place and byte.
    ///
    /// Opening repairs or refuses; what it gives can be read to its end and appended to.
    static let logFolder = FuzzTarget(
        "log-folder", seeds: [[0], [1, 0, 0, 70, 3], [0, 1, 0, 9, 200, 2, 0, 3, 1]], briefInputs: 150
    ) {
        var input = FuzzInput($0)
        let wasClean = input.byte() & 1 == 1
        let (files, folder) = FuzzedFolder.changed(by: &input)
        guard
            let log = try? PartitionLog.open(
                folder: folder, topicPartition: FuzzedFolder.topicPartition, configuration: FuzzedFolder.configuration,
                files: files, wasCleanShutdown: wasClean, now: FuzzedFolder.now)
        else { return }
        FuzzedFolder.readAll(log)
        let batch = FuzzTarget.sampleBatch(.none)
        _ = try? log.append(batch, leaderEpoch: 1, now: FuzzedFolder.now)
        _ = try? log.offset(forTimestamp: FuzzedFolder.now)
        _ = try? log.applyRetention(now: FuzzedFolder.now)
        _ = try? log.close()
    }
}

/// The folder of a small log with several segments, indexes and snapshots, in memory.
private enum FuzzedFolder {
    static let topicPartition = TopicPartition(topic: "fuzzed", partition: 0)
    static let now: Int64 = 1_700_000_000_100
    private static let folder = FilePath("/data/fuzzed-0")
    /// The most that opening and reading may take; more is a loop.
    private static let maximumReads = 10_000

    static var configuration: LogConfiguration {
        var configuration = LogConfiguration()
        configuration.segmentBytes = 1200
        configuration.indexIntervalBytes = 64
        return configuration
    }

    /// Names and contents of the files as a clean stop leaves them.
    private static let original: [(name: String, content: [UInt8])] = {
        let files = MemoryFileSystem()
        do {
            let log = try PartitionLog.open(
                folder: folder, topicPartition: topicPartition, configuration: configuration, files: files,
                wasCleanShutdown: false, now: now)
            for codec in Compression.allCases {
                _ = try log.append(FuzzTarget.sampleBatch(codec), leaderEpoch: 0, now: now)
                let idempotent = FuzzTarget.sampleBatch(codec, producerID: ProducerID(Int64(codec.rawValue)))
                _ = try log.append(idempotent, leaderEpoch: 0, now: now)
            }
            try log.close()
            return try files.list(folder).sorted().map { name in
                let content = try files.contents(of: folder.appending(name))
                return (name, content.map { Array($0.readableBytesView) } ?? [])
            }
        } catch {
            preconditionFailure("the folder to be changed cannot be made: \(error)")
        }
    }()

    /// The folder with the changes that the input names: a byte set, or with a place past the end, the file cut short.
    static func changed(by input: inout FuzzInput) -> (MemoryFileSystem, FilePath) {
        var contents = original
        while !input.isEmpty {
            let file = Int(input.byte()) % contents.count
            let place = input.uint16()
            let value = input.byte()
            if contents[file].content.indices.contains(place) {
                contents[file].content[place] = value
            } else {
                contents[file].content.removeLast(min(contents[file].content.count, Int(value)))
            }
        }
        let files = MemoryFileSystem()
        do {
            try files.makeFolder(folder)
            for (name, content) in contents {
                try files.replace(folder.appending(name), with: ByteBuffer(bytes: content))
            }
        } catch {
            preconditionFailure("files in memory cannot be made: \(error)")
        }
        return (files, folder)
    }

    static func readAll(_ log: PartitionLog) {
        var offset = log.logStart
        for _ in 0..<maximumReads {
            guard offset < log.logEnd, let read = try? log.read(from: offset, maxBytes: 4096, below: log.logEnd),
                read.byteCount > 0
            else { return }
            precondition(read.nextOffset > offset, "a read that has bytes goes on")
            offset = read.nextOffset
        }
        preconditionFailure("a small log does not end")
    }
}
