import KafkaMessages
import KafkaWire
import NIOCore
import Storage

@testable import BrokerServer
@testable import Groups
@testable import KafkaClient
@testable import Transactions

/// What has to hold once the network is quiet.
extension TransactionSimulation {
    func check() throws {
        guard let broker else { return recorder.violation("there is no broker") }
        checkQuiet(broker)
        var visible: Set<Int> = []
        for partition in SimulatedWorld.outputs {
            guard let log = broker.partitions[partition]?.log else { continue }
            let written = try read(log, isolation: .readUncommitted)
            let committed = try read(log, isolation: .readCommitted)
            checkOrder(committed, in: partition)
            for (offset, output) in written where recorder.outputs[output].acknowledged.map({ $0 != offset }) == true {
                recorder.violation("output \(output) is at \(offset) of \(partition), not where it was acknowledged")
            }
            for (_, output) in committed where !visible.insert(output).inserted {
                recorder.violation("output \(output) is in \(partition) twice")
            }
        }
        checkTransactions(visible)
        checkInputs(visible)
    }

    /// Nothing waits, nothing is open.
    private func checkQuiet(_ broker: SimulatedBroker) {
        broker.checkNothingUnknown()
        for (position, partition) in broker.partitions {
            if let open = partition.log.firstUnstableOffset {
                recorder.violation("\(position) has a transaction open since \(open) of \(partition.log.logEnd)")
            }
            if partition.verifications.count != 0 { recorder.violation("\(position) waits for a coordinator's word") }
        }
        if broker.groups.openTransactionCount != 0 { recorder.violation("offsets wait for the end of a transaction") }
        if !broker.transactionReplies.isEmpty || !broker.transactions.waitingTickets.isEmpty {
            recorder.violation("a request to the transaction coordinator is not answered")
        }
        if !broker.groupReplies.isEmpty { recorder.violation("a request to the group coordinator is not answered") }
        if broker.transactions.openCount != 0 || broker.transactions.pendingMarkerCount != 0 {
            recorder.violation("a transaction is not completed")
        }
        let state = broker.transactions.metadata(SimulatedWorld.transactionalID)?.state
        if state?.mayExpire != true { recorder.violation("the id is left in state \(state?.name ?? "none")") }
        let offsets = broker.stableOffsets(SimulatedWorld.inputs)
        if offsets?.allSatisfy({ $0 == options.inputCount }) != true {
            recorder.violation("the offsets committed are \(offsets.map { "\($0)" } ?? "not stable")")
        }
    }

    /// A partition as a consumer sees it, by our own decoder.
    private func read(
        _ log: PartitionLog, isolation: KafkaConsumerConfiguration.IsolationLevel
    ) throws -> [(offset: Int64, output: Int)] {
        let end = isolation == .readCommitted ? log.firstUnstableOffset ?? log.logEnd : log.logEnd
        var records: [(offset: Int64, output: Int)] = []
        var next = log.logStart
        while next < end {
            let read = try log.readRecords(from: next, maxBytes: 2_000, below: end)
            let aborted = try log.abortedTransactions(from: read.firstBatchBase ?? next, upTo: read.nextOffset)
            let data = FetchResponse.PartitionData(
                highWatermark: log.logEnd.rawValue, lastStableOffset: end.rawValue,
                abortedTransactions: aborted.map {
                    .init(producerId: $0.producerID.rawValue, firstOffset: $0.firstOffset.rawValue)
                }, records: read.payload)
            let (batch, _) = try FetchDecoder.decode(
                data, topicPartition: log.topicPartition, from: next, isolation: isolation)
            for record in batch.records {
                guard let output = record.value?.getInteger(at: record.value?.readerIndex ?? 0, as: Int.self) else {
                    continue
                }
                records.append((record.offset.rawValue, output))
            }
            next = read.nextOffset
        }
        return records
    }

    private func checkOrder(_ committed: [(offset: Int64, output: Int)], in partition: TopicPartition) {
        var last: [Int: Int64] = [:]
        for (offset, output) in committed {
            let input = recorder.outputs[output].input
            if let before = last[input.partition], before >= input.offset {
                recorder.violation("output of input \(input) is behind that of \(before) at \(offset) of \(partition)")
            }
            last[input.partition] = input.offset
        }
    }

    /// All or nothing, and as the application was told.
    private func checkTransactions(_ visible: Set<Int>) {
        let transactions = Dictionary(grouping: recorder.outputs.indices) { recorder.outputs[$0].transaction }
        for (key, outputs) in transactions {
            let seen = outputs.filter(visible.contains)
            if !seen.isEmpty, seen.count != outputs.count {
                recorder.violation("of transaction \(key) are \(seen) visible, \(outputs) were written")
            }
            switch recorder.fates[key] {
            case .committed where seen.isEmpty: recorder.violation("transaction \(key) was committed and is not there")
            case .aborted where !seen.isEmpty: recorder.violation("transaction \(key) was aborted and is visible")
            case .committed, .aborted, nil: break
            }
        }
    }

    private func checkInputs(_ visible: Set<Int>) {
        let counts = visible.reduce(into: [:]) { $0[recorder.outputs[$1].input, default: 0] += 1 }
        for partition in SimulatedWorld.inputs.indices {
            for offset in 0..<options.inputCount {
                let count = counts[.init(partition: partition, offset: offset)] ?? 0
                if count != 1 { recorder.violation("input \(offset) of \(partition) has \(count) outputs") }
            }
        }
    }
}
