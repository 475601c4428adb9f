import KafkaMessages
import KafkaWire
import Storage

/// Why a partition's batch was not appended, as the producer is told it.
struct ProduceRefusal: Error {
    let code: ErrorCode
    let message: String
    /// The records at fault, where single ones are; versions before 8 have no room for them.
    var recordErrors: [ProduceResponse.BatchIndexAndErrorMessage] = []

    init(code: ErrorCode, message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: AppendError) {
        self.init(code: error.errorCode, message: error.description)
        switch error {
        case .missingKey(let indexes), .timestampOutOfRange(let indexes, _, _):
            // The message is about the first; clients show the partition's for the others.
            recordErrors = indexes.map {
                .init(
                    batchIndex: Int32(clamping: $0),
                    batchIndexErrorMessage: $0 == indexes.first ? error.description : nil)
            }
        case .invalidBatch, .empty, .batchTooLarge, .appendTooLarge, .notEnoughReplicas, .outOfOrderSequence,
            .fencedProducer, .fencedCoordinator, .outsideTransaction, .unverified, .partlyDuplicate, .storage:
            break
        }
    }
}

extension ProduceResponse.PartitionProduceResponse {
    init(index: Int32, _ refusal: ProduceRefusal) {
        self.init(
            index: index, errorCode: refusal.code, baseOffset: -1, recordErrors: refusal.recordErrors,
            errorMessage: refusal.message)
    }
}
