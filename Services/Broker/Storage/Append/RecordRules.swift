import KafkaRecords
import KafkaWire

/// What a topic asks of single records: a key where it is compacted, a timestamp near the broker's time where records
/// have their producer's.
///
/// The records are walked through only where the batch's header cannot tell: on compacted topics, where
/// `message.timestamp.before.max.ms` is set, and to name those at fault.
struct RecordRules {
    /// Records that one refusal names at most.
    static let maximumNamedRecords = 100

    private let needsKeys: Bool
    /// The timestamps that are taken; `nil` where all are.
    private let timestamps: ClosedRange<Int64>?
    private let limitsOldest: Bool
    private let maximumDecompressedBytes: Int

    /// - Parameters:
    ///   - now: the broker's time.
    ///   - origin: only what clients send is held to the limits on timestamps.
    init(_ configuration: LogConfiguration, origin: AppendOrigin, now: Int64) {
        maximumDecompressedBytes = configuration.maximumDecompressedBytes
        needsKeys = configuration.cleanupPolicy.contains(.compact)
        let limits = configuration.timestampLimits
        limitsOldest = limits.before < .max
        switch (origin, configuration.messageTimestampType) {
        case (.client, .createTime):
            let oldest = now.subtractingReportingOverflow(limits.before)
            let newest = now.addingReportingOverflow(limits.after)
            let upper = newest.overflow ? .max : newest.partialValue
            timestamps = min(oldest.overflow ? .min : oldest.partialValue, upper)...upper
        case (.client, .logAppendTime), (.coordinator, _):
            timestamps = nil
        }
    }

    /// Throws for the first kind of fault that any record has.
    func check(_ batch: RecordBatch) throws(AppendError) {
        if batch.header.isControl { return }
        if needsKeys { try checkKeys(batch) }
        if let timestamps, needsWalk(batch.header, timestamps) { try check(timestamps, batch) }
    }

    /// A record without timestamp has -1, which is always taken. No record is newer than the batch's header says.
    private func needsWalk(_ header: RecordBatchHeader, _ allowed: ClosedRange<Int64>) -> Bool {
        header.maxTimestamp > allowed.upperBound || header.baseTimestamp > allowed.upperBound
            || (limitsOldest && header.baseTimestamp != -1)
    }

    private func checkKeys(_ batch: RecordBatch) throws(AppendError) {
        let keyless = try records(of: batch) { !$0.hasKey }
        if !keyless.isEmpty { throw .missingKey(indexes: keyless.map(\.index)) }
    }

    private func check(_ allowed: ClosedRange<Int64>, _ batch: RecordBatch) throws(AppendError) {
        let refused = try records(of: batch) { $0.timestamp != -1 && !allowed.contains($0.timestamp) }
        if let first = refused.first {
            throw .timestampOutOfRange(
                indexes: refused.map(\.index), timestamp: first.position.timestamp, allowed: allowed)
        }
        // The header says so and no record does.
        guard batch.header.maxTimestamp <= allowed.upperBound else {
            throw .invalidBatch(.invalidTimestamp(batch.header.maxTimestamp))
        }
    }

    /// The first records of which something holds, by their place in the batch; throws for one that is malformed.
    private func records(
        of batch: RecordBatch, where isWanted: (RecordPosition) -> Bool
    ) throws(AppendError) -> [(index: Int, position: RecordPosition)] {
        var found: [(index: Int, position: RecordPosition)] = []
        var index = 0
        do {
            var reader = try RecordBatchReader(
                batch, maximumDecompressedBytes: maximumDecompressedBytes)
            while found.count < Self.maximumNamedRecords, let record = try reader.nextPosition(checksRest: true) {
                if isWanted(record) { found.append((index, record)) }
                index += 1
            }
        } catch {
            throw .invalidBatch(error)
        }
        return found
    }
}
