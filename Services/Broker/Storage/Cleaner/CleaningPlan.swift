import KafkaWire
import SystemPackage

/// What one cleaning of a log will do, decided by the log's owner; the work itself may be done on any thread.
public struct CleaningPlan: Sendable {
    /// A producer's newest batch, which stays although its records go, or the producer's state would be lost.
    struct ProducerTail: Sendable {
        /// `nil` for a producer of which only the marker of a transaction is known.
        var lastDataOffset: Offset?
        var epoch: Int16
    }

    public let topicPartition: TopicPartition
    public let dirtiness: LogDirtiness
    /// Every segment that may be cleaned, oldest first.
    public let segments: [CleanableSegment]
    /// The time the plan was made, in milliseconds since 1970.
    let now: Int64
    let configuration: LogConfiguration
    let aborted: [AbortedTransaction]
    let producers: [ProducerID: ProducerTail]
    let folder: FilePath
    let files: any FileSystem

    /// The segments whose keys have to be known.
    public var dirtySegments: [CleanableSegment] {
        segments.filter { $0.endOffset > dirtiness.firstDirtyOffset }
    }
}

/// A closed segment to read from. Stays readable when the segment is deleted.
public struct CleaningSource: Sendable {
    let segment: CleanableSegment
    let file: any File
}

/// A segment that was written anew, to be put in the place of those that it was made of.
public struct CleanedSegment: Sendable {
    let swap: SegmentSwap
    let replaced: [CleanableSegment]
    let byteCount: Int64
    let largestTimestamp: Int64
    /// Transactions whose abort markers are in it.
    let aborted: [AbortedTransaction]

    /// Where the last of the segments that it replaces ends.
    public var endOffset: Offset { swap.end }

    /// Makes the change durable, off the log's thread, once the log has taken the segment over.
    public func finish() throws(StorageError) { try swap.finish(removing: replaced.dropFirst().map(\.baseOffset)) }

    /// Removes the new segment's files: the log did not take it.
    public func discard() throws(StorageError) { try swap.discard() }
}
