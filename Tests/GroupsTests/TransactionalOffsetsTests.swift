import Groups
import KafkaWire
import Testing

@Suite("Offsets committed in a transaction")
struct TransactionalOffsetsTests {
    private func fetch(_ broker: TestBroker, requireStable: Bool) -> GroupCoordinatorState.FetchedOffsets.Partition? {
        broker.coordinator.fetchOffsets(
            groupId: "g", partitions: [TopicPartition(topic: "t", partition: 0)], requireStable: requireStable
        ).partitions.first
    }

    @Test("they count from the commit marker on, and never after an abort", arguments: [true, false])
    func marker(isCommit: Bool) throws {
        let broker = try TestBroker()
        broker.commit(offset: 1)
        #expect(broker.committed(broker.commit(offset: 5, producer: 9)) == ErrorCode.none)
        #expect(broker.offset()?.offset == 1)
        broker.endTransaction(of: 9, isCommit: isCommit)
        #expect(broker.offset()?.offset == (isCommit ? 5 : 1))
        #expect(broker.coordinator.openTransactionCount == 0)
        #expect(try TestBroker(replaying: broker.log).offset()?.offset == (isCommit ? 5 : 1))
    }

    @Test("while one is pending or on its way, a fetch that requires stable offsets is told to come again")
    func requireStable() throws {
        let broker = try TestBroker()
        broker.commit(offset: 1)
        broker.holdsAppends = true
        broker.commit(offset: 5, producer: 9)
        #expect(fetch(broker, requireStable: true)?.errorCode == .unstableOffsetCommit)
        broker.releaseAppends()
        #expect(fetch(broker, requireStable: true)?.errorCode == .unstableOffsetCommit)
        #expect(fetch(broker, requireStable: true)?.offset == nil)
        #expect(fetch(broker, requireStable: false)?.offset?.offset == 1)
        let replayed = try TestBroker(replaying: broker.log)
        #expect(fetch(replayed, requireStable: true)?.errorCode == .unstableOffsetCommit)
        broker.endTransaction(of: 9, isCommit: true)
        #expect(fetch(broker, requireStable: true)?.offset?.offset == 5)
    }

    @Test("a plain commit that came later in the log wins over the transaction, an earlier one does not")
    func logOrder() throws {
        let broker = try TestBroker()
        broker.commit(offset: 5, producer: 9)
        broker.commit(offset: 3)
        broker.commit(partition: 1, offset: 3)
        broker.commit(partition: 1, offset: 5, producer: 9)
        broker.endTransaction(of: 9, isCommit: true)
        #expect(broker.offset("t", 0)?.offset == 3)
        #expect(broker.offset("t", 1)?.offset == 5)
        let replayed = try TestBroker(replaying: broker.log)
        #expect(replayed.offset("t", 0)?.offset == 3)
        #expect(replayed.offset("t", 1)?.offset == 5)
    }

    @Test("two producers' transactions do not touch each other")
    func twoProducers() throws {
        let broker = try TestBroker()
        broker.commit(offset: 5, producer: 1)
        broker.commit(offset: 6, producer: 2)
        broker.endTransaction(of: 1, isCommit: false)
        #expect(fetch(broker, requireStable: true)?.errorCode == .unstableOffsetCommit)
        broker.endTransaction(of: 2, isCommit: true)
        #expect(broker.offset()?.offset == 6)
    }

    @Test("an aborted transaction leaves nothing behind of a group that had nothing else")
    func abortedSimpleGroup() throws {
        let broker = try TestBroker()
        broker.commit(offset: 5, producer: 1)
        #expect(broker.coordinator.groupCount == 1)
        broker.endTransaction(of: 1, isCommit: false)
        #expect(broker.coordinator.groupCount == 0)
    }

    @Test("members are fenced by id and generation; a commit without either passes, whatever the group does")
    func fencing() throws {
        let broker = try TestBroker()
        broker.stabilise(["a"])
        #expect(broker.committed(broker.commit("b", offset: 1, producer: 1)) == .unknownMemberId)
        #expect(broker.committed(broker.commit("a", generation: 0, offset: 1, producer: 1)) == .illegalGeneration)
        #expect(broker.committed(broker.commit("a", group: "x", generation: 4, offset: 1, producer: 1))
            == .illegalGeneration)
        #expect(broker.committed(broker.commit("a", offset: 1, producer: 1)) == ErrorCode.none)
        #expect(broker.committed(broker.commit(offset: 1, producer: 1)) == ErrorCode.none)
        #expect(broker.committed(broker.commit(group: "", offset: 1, producer: 1)) == .invalidGroupId)
    }

    @Test("while the assignment is awaited a transaction may still commit, as the producer fences")
    func duringRebalance() throws {
        let broker = try TestBroker()
        broker.join(as: "a")
        broker.advance(by: .seconds(3))
        #expect(broker.state == .completingRebalance)
        #expect(broker.committed(broker.commit("a", offset: 1)) == .rebalanceInProgress)
        #expect(broker.committed(broker.commit("a", offset: 1, producer: 1)) == ErrorCode.none)
    }

    @Test("a transactional commit that could not be written leaves nothing pending")
    func failedAppend() throws {
        let broker = try TestBroker()
        broker.holdsAppends = true
        let ticket = broker.commit(offset: 2, producer: 1)
        broker.completeAppend(.invalidProducerEpoch)
        #expect(broker.committed(ticket) == .invalidProducerEpoch)
        #expect(fetch(broker, requireStable: true)?.errorCode == ErrorCode.none)
        #expect(broker.coordinator.groupCount == 0)
    }

    @Test("what is pending is neither expired nor does its group go")
    func noExpiry() throws {
        let broker = try TestBroker()
        broker.commit(offset: 1)
        broker.commit(offset: 2, producer: 1)
        broker.advance(by: .seconds(20 * 24 * 3_600))
        #expect(broker.offset()?.offset == 1)
        broker.endTransaction(of: 1, isCommit: true)
        #expect(broker.offset()?.offset == 2)
        broker.advance(by: .seconds(1_200))
        #expect(broker.coordinator.groupCount == 0)
    }

    @Test("commits, markers, tombstones and restarts in any order leave what the log says", arguments: 0..<100)
    func anyOrder(seed: UInt64) throws {
        var random = SeededGenerator(state: seed)
        let broker = try TestBroker()
        var model: [TopicPartition: Offset] = [:]
        var open: [ProducerID: [TopicPartition: (offset: Offset, step: Int)]] = [:]
        var written: [TopicPartition: Int] = [:]
        for step in 1...200 {
            let position = TopicPartition(topic: "t", partition: .random(in: 0..<3, using: &random))
            let producer = ProducerID(.random(in: 1...3, using: &random))
            let offset = Offset(Int64(step))
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3:
                broker.commit(partition: position.partition, offset: offset)
                model[position] = offset
                written[position] = step
            case 3..<7:
                broker.commit(partition: position.partition, offset: offset, producer: producer)
                open[producer, default: [:]][position] = (offset, step)
            case 7:
                _ = broker.deleteOffsets(position)
                model[position] = nil
                written[position] = nil
                for producer in open.keys { open[producer]?[position] = nil }
            default:
                let isCommit = Bool.random(using: &random)
                broker.endTransaction(of: producer, isCommit: isCommit)
                for (position, pending) in open.removeValue(forKey: producer) ?? [:] where isCommit {
                    if pending.step > written[position] ?? 0 {
                        model[position] = pending.offset
                        written[position] = pending.step
                    }
                }
            }
            let observed = step.isMultiple(of: 20) ? try TestBroker(replaying: broker.log) : broker
            for partition in Int32(0)..<3 {
                let position = TopicPartition(topic: "t", partition: partition)
                #expect(observed.offset("t", partition)?.offset == model[position], "seed \(seed), step \(step)")
            }
        }
    }
}
