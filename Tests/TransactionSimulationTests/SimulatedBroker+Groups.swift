import KafkaRecords
import KafkaWire
import NIOCore
import Storage
import Transactions

@testable import BrokerServer
@testable import Groups

/// Mirrors `GroupCoordinator.swift`, its extensions, and `TransactionalOffsetHandlers.swift` in
/// `Services/Broker/Server/Groups`.
extension SimulatedBroker {
    enum GroupWork {
        case append(CommitToken, [GroupRecord], TransactionalProducer?)
        case marker(TransactionMarker, (AppendError?) -> Void)
    }

    var groupTime: CoordinatorTime {
        CoordinatorTime(
            uptime: .milliseconds(scheduler.now), wallMilliseconds: transactionTime.wallMilliseconds)
    }

    private var offsetsPartition: SimulatedPartition? { partitions[SimulatedWorld.offsets] }

    func loadGroups() throws {
        let topic = GroupTopics.Topic(id: KafkaUUID(high: 1, low: 1), partitions: Int32(SimulatedWorld.inputs.count))
        perform(groups.topicChanged(SimulatedWorld.inputs[0].topic, topic, now: groupTime))
        groups.startLoading(0)
        if let log = offsetsPartition?.log {
            var replay = RecordReplay(from: log.logStart, to: log.logEnd)
            while let position = replay.position {
                let read = try log.readRecords(from: position, maxBytes: RecordReplay.chunkBytes, below: log.logEnd)
                for entry in try replay.entries(of: read.payload) { try apply(entry) }
            }
        }
        perform(groups.finishLoading(0, now: groupTime))
    }

    private func apply(_ entry: RecordReplay.Entry) throws {
        switch entry {
        case .records(let records, let producer):
            for record in records {
                guard let key = record.key else { continue }
                _ = try groups.apply(GroupRecord(key: key, value: record.value), producer: producer)
            }
        case .transactionEnd(let producer, let isCommit):
            groups.transactionEnded(partition: 0, producer: producer, isCommit: isCommit)
        case .unreadable(let offset, let error):
            recorder.violation("a record of __consumer_offsets at \(offset) cannot be read: \(error)")
        }
    }

    // MARK: Requests

    func stableOffsets(_ positions: [TopicPartition]) -> [Int64]? {
        let fetched = groups.fetchOffsets(groupId: SimulatedWorld.group, partitions: positions, requireStable: true)
        guard fetched.errorCode == .none, fetched.partitions.allSatisfy({ $0.errorCode == .none }) else { return nil }
        return fetched.partitions.map { $0.offset?.offset.rawValue ?? 0 }
    }

    func commitOffsets(
        _ offsets: [TopicPartition: Int64], of producer: ProducerIdentity, adding: Bool,
        _ begun: @escaping () -> Void, _ reply: @escaping (ErrorCode) -> Void
    ) {
        func answer(_ code: ErrorCode) {
            // Not every client knows PRODUCER_FENCED here.
            reply(code == .producerFenced ? .invalidProducerEpoch : code)
        }
        let markers = markerCount
        admit(producer, [SimulatedWorld.offsets], adding: adding) { refused in
            if let code = refused[SimulatedWorld.offsets] {
                begun()
                return answer(code)
            }
            self.later {
                guard self.markerCount == markers || self.bug == .offsetsGoBehindTheirMarker else {
                    return self.commitOffsets(offsets, of: producer, adding: adding, begun, reply)
                }
                self.submitOffsets(offsets, of: producer, answer)
                begun()
            }
        }
    }

    private func submitOffsets(
        _ offsets: [TopicPartition: Int64], of producer: ProducerIdentity, _ answer: @escaping (ErrorCode) -> Void
    ) {
        lastTicket += 1
        let ticket = RequestTicket(rawValue: lastTicket)
        groupReplies[ticket] = { reply in
            guard case .offsetCommit(let reply) = reply else { return }
            answer(reply.partitions.map(\.errorCode).first { $0 != .none } ?? .none)
        }
        let partitions = offsets.sorted { $0.key < $1.key }.map {
            OffsetCommitInput.Partition($0.key, offset: Offset($0.value))
        }
        let input = OffsetCommitInput(
            ticket: ticket, groupId: SimulatedWorld.group, partitions: partitions,
            producer: TransactionalProducer(id: producer.id, epoch: producer.epoch))
        perform(groups.commitOffsets(input, now: groupTime))
    }

    // MARK: Actions

    func perform(_ actions: [CoordinatorAction]) {
        for action in actions {
            switch action {
            case .reply(let ticket, let reply):
                guard let promise = groupReplies.removeValue(forKey: ticket) else {
                    recorder.violation("group ticket \(ticket) is answered twice")
                    continue
                }
                promise(reply)
            case .append(let token, _, let records, let producer):
                groupWork.append(.append(token, records, producer))
                workOnGroups()
            }
        }
    }

    /// One item of work after the other; that something is in the log is known one turn later.
    func workOnGroups() {
        guard !isWorkingOnGroups, !groupWork.isEmpty else { return }
        isWorkingOnGroups = true
        later {
            switch self.groupWork.removeFirst() {
            case .append(let token, let records, let producer):
                let error = self.append(records, producer)
                self.later {
                    let now = self.groupTime
                    self.perform(
                        error.map { self.groups.failed(token, $0.errorCode, now: now) }
                            ?? self.groups.committed(token, now: now))
                    self.workNext()
                }
            case .marker(let marker, let done):
                let error = self.appendMarker(marker)
                self.later {
                    if error == nil {
                        self.groups.transactionEnded(
                            partition: 0, producer: marker.producerID, isCommit: marker.isCommit)
                    }
                    done(error)
                    self.workNext()
                }
            }
        }
    }

    private func workNext() {
        isWorkingOnGroups = false
        workOnGroups()
    }

    private func append(_ records: [GroupRecord], _ producer: TransactionalProducer?) -> AppendError? {
        var builder = RecordBatchBuilder(capacity: 512)
        for record in records { builder.append(timestamp: 0, key: record.key, value: record.value) }
        do throws(AppendError) {
            let batch: ByteBuffer
            do throws(RecordError) {
                batch = try builder.finish(
                    producerID: producer?.id ?? .none, producerEpoch: producer?.epoch ?? -1,
                    isTransactional: producer != nil)
            } catch {
                throw .invalidBatch(error)
            }
            _ = try offsetsPartition?.append(batch, origin: .coordinator)
            if let producer { checkKnown(producer.id, in: SimulatedWorld.offsets) }
            recorder.note("__consumer_offsets takes offsets of \(producer.map { "\($0.id)/\($0.epoch)" } ?? "?")")
            return nil
        } catch {
            recorder.note("__consumer_offsets refuses offsets: \(error)")
            return error
        }
    }

    private func appendMarker(_ marker: TransactionMarker) -> AppendError? {
        do throws(AppendError) {
            try offsetsPartition?.appendMarker(marker)
            return nil
        } catch {
            return error
        }
    }
}
