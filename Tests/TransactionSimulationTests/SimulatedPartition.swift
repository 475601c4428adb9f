import KafkaRecords
import KafkaWire
import NIOCore
import Storage
import SystemPackage
import Transactions

@testable import BrokerServer

/// What outlives the broker's process: it is killed with `kill -9`, the machine goes on.
final class SimulatedDisk {
    let files = MemoryFileSystem()
    var stateLog: [TransactionRecord] = []
    var lastProducerID: Int64 = 999
}

/// Thin driver of a partition's log; mirrors `Services/Broker/Server/Partitions/Partition.swift`.
final class SimulatedPartition {
    let topicPartition: TopicPartition
    let log: PartitionLog
    private(set) var verifications = TransactionVerifications()
    /// Appends from now on that the disk refuses.
    var refusals = 0
    private let bug: KnownBug?
    private let recorder: SimulationRecorder

    init(
        _ topicPartition: TopicPartition, disk: SimulatedDisk, bug: KnownBug?, recorder: SimulationRecorder
    ) throws {
        self.topicPartition = topicPartition
        self.bug = bug
        self.recorder = recorder
        var configuration = LogConfiguration()
        configuration.segmentMilliseconds = .max
        log = try PartitionLog.open(
            folder: FilePath("/data/\(topicPartition)"), topicPartition: topicPartition, configuration: configuration,
            files: disk.files, wasCleanShutdown: false, now: 0)
        log.beginLeading(0)
    }

    func beginVerification(of producer: ProducerIdentity, strayedSequence: Int32?) -> TransactionVerification {
        verifications.begin(
            of: producer.id, epoch: producer.epoch,
            isOpen: log.hasOngoingTransaction(of: producer.id, epoch: producer.epoch),
            strayedSequence: bug == .laterBatchesOvertake ? nil : strayedSequence)
    }

    func cancel(_ verification: TransactionVerification) { _ = verifications.end(verification) }

    func begin(
        _ batch: ByteBuffer, verification: TransactionVerification?
    ) throws(AppendError) -> AppendResult {
        if let verification, !verifications.end(verification),
            !log.hasOngoingTransaction(of: verification.producer, epoch: verification.epoch),
            bug != .unverifiedBatchesAreTaken
        {
            throw .unverified(verification.producer)
        }
        if let found = verification?.strayedSequence, let producer = verification?.producer, !log.knows(producer) {
            throw .outOfOrderSequence(producer, expected: 0, found: found)
        }
        return try append(batch, origin: .client)
    }

    /// As the coordinators write, too.
    func append(_ batch: ByteBuffer, origin: AppendOrigin) throws(AppendError) -> AppendResult {
        try failIfTold()
        let result = try log.append(batch, leaderEpoch: 0, now: 0, origin: origin)
        if !result.isDuplicate, let producer = try? RecordBatchHeader(peeking: batch) {
            recorder.appended(
                ProducerIdentity(id: producer.producerID, epoch: producer.producerEpoch), to: topicPartition)
        }
        return result
    }

    func appendMarker(_ marker: TransactionMarker) throws(AppendError) {
        try failIfTold()
        _ = try log.appendMarker(marker.changed(by: bug == .lateMarkersCount), leaderEpoch: 0, now: 0)
        verifications.marked(marker.changed(by: bug == .everyMarkerTakesTheWordBack))
    }

    private func failIfTold() throws(AppendError) {
        guard refusals > 0 else { return }
        refusals -= 1
        throw .storage(.operationFailed(.write, path: "\(topicPartition)", errno: 5))
    }
}

extension TransactionMarker {
    /// A marker of the time before KIP-890, which ends whatever it finds.
    fileprivate func changed(by isBug: Bool) -> TransactionMarker {
        var marker = self
        if isBug { marker.transactionVersion = 0 }
        return marker
    }
}
