import KafkaMessages
import KafkaWire
import Storage
import SystemPackage

/// DescribeLogDirs (35), versions 1 to 5: how large each partition is, and how much room its folder's disk has.
///
/// Partitions that are not there, or whose disk failed, are left out, as in Kafka. No gaps: replicas move between
/// folders only where there are several, so no partition is a future one.
struct DescribeLogDirsHandler: APIHandler {
    typealias Request = DescribeLogDirsRequest
    typealias TopicResult = DescribeLogDirsResponse.DescribeLogDirsTopic

    let topics: TopicTable
    let folder: FilePath
    let files: any FileSystem

    func handle(
        _ request: DescribeLogDirsRequest, _ context: RequestContext
    ) async -> Reply<DescribeLogDirsResponse> {
        var result = DescribeLogDirsResponse.DescribeLogDirsResult(logDir: folder.string)
        do {
            let space = try files.space(at: folder)
            result.totalBytes = space.totalBytes
            result.usableBytes = space.usableBytes
        } catch {
            result.errorCode = .kafkaStorageError
            return .now(DescribeLogDirsResponse(results: [result]))
        }
        if let asked = request.topics {
            for topic in asked {
                guard let found = topics.topic(topic.topic) else { continue }
                result.topics.append(await describe(found.name, topic.partitions.compactMap(found.partition)))
            }
        } else {
            for topic in topics.all {
                result.topics.append(await describe(topic.name, topic.partitions))
            }
        }
        result.topics.removeAll { $0.partitions.isEmpty }
        return .now(DescribeLogDirsResponse(results: [result]))
    }

    private func describe(_ name: String, _ partitions: [Partition]) async -> TopicResult {
        var result = TopicResult(name: name)
        for partition in partitions where !partition.isOffline {
            let size = await partition.byteCount
            let offsets = partition.progress.offsets
            result.partitions.append(
                DescribeLogDirsResponse.DescribeLogDirsPartition(
                    partitionIndex: partition.topicPartition.partition, partitionSize: size,
                    offsetLag: max(0, offsets.logEnd.rawValue - offsets.highWatermark.rawValue)))
        }
        return result
    }
}
