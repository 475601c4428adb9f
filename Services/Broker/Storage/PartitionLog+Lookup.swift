import KafkaWire

extension PartitionLog {
    /// The first record whose timestamp is at or after `timestamp` (milliseconds since 1970), exact to the record;
    /// `nil` where every record is earlier.
    public func offset(forTimestamp timestamp: Int64) throws(StorageError) -> TimestampedOffset? {
        for (index, segment) in try segments().enumerated() where segment.largestTimestamp >= timestamp {
            guard let found = try openSegment(index).locate(timestamp: timestamp) else { continue }
            if found.offset >= logStart { return found }
            if let later = try laterRecord(index, timestamp) { return later }
        }
        return nil
    }

    /// Where the log start lies inside a segment, the record found may be in front of it: walks on from the start.
    private func laterRecord(_ index: Int, _ timestamp: Int64) throws(StorageError) -> TimestampedOffset? {
        let segment = try openSegment(index)
        guard let start = try segment.locate(logStart) else { return nil }
        return try segment.locate(timestamp: timestamp, from: start.position, notBefore: logStart)
    }

    /// The log start.
    public var earliest: TimestampedOffset {
        TimestampedOffset(offset: logStart, timestamp: -1, leaderEpoch: .none)
    }

    /// The log end, with the epoch of the newest batch.
    public var latest: TimestampedOffset {
        TimestampedOffset(offset: logEnd, timestamp: -1, leaderEpoch: lastLeaderEpoch)
    }

    /// The first record that has the largest timestamp of all; `nil` where no record has one.
    public func maxTimestamp() throws(StorageError) -> TimestampedOffset? {
        let largest = try segments().map(\.largestTimestamp).max() ?? -1
        return largest < 0 ? nil : try offset(forTimestamp: largest)
    }
}
