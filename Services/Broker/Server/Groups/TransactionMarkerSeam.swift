import KafkaRecords
import KafkaWire
import Storage

/// The end of a producer's transaction, as it is written into every partition that took part.
struct TransactionMarker: Hashable, Sendable {
    var producerID: ProducerID
    var producerEpoch: Int16
    var isCommit: Bool
    var coordinatorEpoch: Int32
}

extension Partition {
    /// Appends the control batch that ends a producer's transaction.
    func appendMarker(_ marker: TransactionMarker) throws(AppendError) -> AppendResult {
        let record: ControlRecord = marker.isCommit ? .commit : .abort
        var builder = RecordBatchBuilder(capacity: 128)
        builder.append(
            timestamp: -1, key: record.key,
            value: ControlRecord.endTransactionValue(coordinatorEpoch: marker.coordinatorEpoch))
        do {
            let batch = try builder.finish(
                producerID: marker.producerID, producerEpoch: marker.producerEpoch, isTransactional: true,
                isControl: true)
            return try append(batch, origin: .coordinator)
        } catch let error as RecordError {
            throw .invalidBatch(error)
        } catch let error as AppendError {
            throw error
        } catch {
            throw .empty
        }
    }
}
