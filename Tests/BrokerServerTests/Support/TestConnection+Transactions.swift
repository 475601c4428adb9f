import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore
import Testing
import Transactions

extension TestConnection {
    /// Finds the coordinator and initializes a producer.
    func beginTransaction(_ id: String, timeout: Int32 = 60_000) async throws -> ProducerIdentity {
        let found = try await call(FindCoordinatorRequest(keyType: 1, coordinatorKeys: [id]))
        try #require(found.coordinators.first?.errorCode == ErrorCode.none)
        while true {
            let answer = try await call(
                InitProducerIdRequest(transactionalId: id, transactionTimeoutMs: timeout), version: 5)
            if answer.errorCode == .concurrentTransactions {
                await Task.yield()
                continue
            }
            try #require(answer.errorCode == .none)
            return ProducerIdentity(id: ProducerID(answer.producerId), epoch: answer.producerEpoch)
        }
    }

    func addPartition(
        _ topic: String, to id: String, _ producer: ProducerIdentity, version: Int16 = 3
    ) async throws -> ErrorCode {
        let request = AddPartitionsToTxnRequest(
            v3AndBelowTransactionalId: id, v3AndBelowProducerId: producer.id.rawValue,
            v3AndBelowProducerEpoch: producer.epoch, v3AndBelowTopics: [.init(name: topic, partitions: [0])])
        let response = try await call(request, version: version)
        return try #require(response.resultsByTopicV3AndBelow.first?.resultsByPartition.first).partitionErrorCode
    }

    func endTransaction(
        _ id: String, _ producer: ProducerIdentity, commit: Bool = true, version: Int16 = 4
    ) async throws -> EndTxnResponse {
        try await call(
            EndTxnRequest(
                transactionalId: id, producerId: producer.id.rawValue, producerEpoch: producer.epoch,
                committed: commit), version: version)
    }

    /// Says again, as clients do, that a transaction ended, until its markers are written and the end is told.
    func repeatEnd(
        _ id: String, _ producer: ProducerIdentity, commit: Bool = true, version: Int16
    ) async throws -> EndTxnResponse {
        while true {
            let answer = try await endTransaction(id, producer, commit: commit, version: version)
            if answer.errorCode != .concurrentTransactions { return answer }
            await Task.yield()
        }
    }

    /// Produces one transactional batch.
    func produce(
        _ value: String, to topic: String, in id: String?, _ producer: ProducerIdentity, sequence: Int32 = 0,
        version: Int16
    ) async throws -> ProduceResponse.PartitionProduceResponse {
        var request = produceRequest(
            try transactionalBatch(value, producer, sequence: sequence), to: topic)
        request.transactionalId = id
        let response = try await call(request, version: version)
        return try #require(response.responses.first?.partitionResponses.first)
    }

    /// What a consumer of committed records sees of a topic, once its coordinator has written every marker.
    func committed(_ topic: String) async throws -> [String] {
        while try await listOffset(-1, of: topic).offset != committedEnd(topic) { await Task.yield() }
        let end = try await committedEnd(topic)
        var values: [String] = []
        var next: Int64 = 0
        // A fetch ends with its segment; there may be several.
        while next < end { next = try await readCommitted(topic, from: next, into: &values) }
        return values
    }

    /// Takes one fetch's records, as a consumer leaves the aborted ones out; returns where the next fetch goes on.
    private func readCommitted(_ topic: String, from offset: Int64, into values: inout [String]) async throws -> Int64 {
        var request = fetchRequest(topic, from: offset)
        request.isolationLevel = 1
        let fetched = try await fetch(request)
        var begins = fetched.abortedTransactions ?? []
        var aborted: Set<Int64> = []
        var next = offset
        var batches = RecordBatchSequence(try #require(fetched.records).contiguous(), trailing: .stop)
        while let batch = try batches.next() {
            next = batch.header.nextOffset.rawValue
            let producer = batch.header.producerID.rawValue
            while let first = begins.first, first.firstOffset <= batch.header.baseOffset.rawValue {
                aborted.insert(begins.removeFirst().producerId)
            }
            if batch.header.isControl { aborted.remove(producer) }
            if batch.header.isControl || aborted.contains(producer) { continue }
            var reader = try RecordBatchReader(batch, maximumDecompressedBytes: 1 << 20)
            values += try reader.readAll().compactMap { $0.value.map { String(buffer: $0) } }
        }
        return next
    }

    private func committedEnd(_ topic: String) async throws -> Int64 {
        let asked = ListOffsetsRequest.ListOffsetsPartition(partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1)
        let response = try await call(
            ListOffsetsRequest(
                replicaId: -1, isolationLevel: 1, topics: [.init(name: topic, partitions: [asked])]))
        return try #require(response.topics.first?.partitions.first).offset
    }
}

func transactionalBatch(_ value: String, _ producer: ProducerIdentity, sequence: Int32 = 0) throws -> ByteBuffer {
    var builder = RecordBatchBuilder(capacity: 256)
    builder.append(timestamp: 1000, key: ByteBuffer(string: "k"), value: ByteBuffer(string: value))
    return try builder.finish(
        producerID: producer.id, producerEpoch: producer.epoch, baseSequence: sequence, isTransactional: true)
}
