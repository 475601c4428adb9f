import KafkaWire
import Testing
import Transactions

@Suite("Producers, timeouts, failures and crashes in any order")
struct RandomTransactionTests {
    @Test(
        "no transaction is half committed, no answer is taken back, and replay gives the same state",
        arguments: 0..<300)
    func interleavings(seed: Int) throws {
        let run = try RandomRun(seed: UInt64(seed))
        for step in 0..<400 {
            try run.step()
            run.check("seed \(seed), step \(step)")
            if step.isMultiple(of: 20) { try run.checkReplay("seed \(seed), step \(step)") }
        }
        try run.settle()
        run.check("seed \(seed), settled")
        run.checkSettled("seed \(seed)")
        try run.checkReplay("seed \(seed), settled")
    }
}

/// SplitMix64: small, seeded, the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// A client as simple as a client can be, and one that never gives up: it repeats what was not answered.
private struct RandomProducer {
    enum Phase {
        case idle
        case initializing(TransactionTicket)
        case ready
        case adding(TransactionTicket, [Int32])
        case ending(TransactionTicket?, commit: Bool)
        case fenced
    }

    let id: String
    let clientProtocol: TransactionProtocol
    var phase = Phase.idle
    var identity = ProducerIdentity.none
    var added: Set<Int32> = []
    var transaction = 0
    var hasWritten = false
}

private final class RandomRun {
    let harness: TransactionHarness
    private var random: SeededGenerator
    private var producers: [RandomProducer]
    private var transactions = 0
    /// Outcomes that a client was told, by the transaction's number.
    private var told: [Int: Bool] = [:]
    /// Ends that a slow network may bring a second time, long after they were answered.
    private var sentEnds: [(RandomProducer, commit: Bool)] = []

    init(seed: UInt64) throws {
        random = SeededGenerator(state: seed)
        harness = try TransactionHarness { $0.markerRetryBackoff = .milliseconds(200) }
        harness.holds = true
        // Two instances fight for each id.
        producers = (0..<6).map {
            RandomProducer(id: "id-\($0 % 3)", clientProtocol: $0 % 3 == 0 ? .classic : .epochPerTransaction)
        }
    }

    // MARK: Steps

    func step() throws {
        switch Int.random(in: 0..<43, using: &random) {
        case 0..<20: act(Int.random(in: producers.indices, using: &random))
        case 20..<30: if !harness.appends.isEmpty { finishAppend() }
        case 30..<36: if !harness.orders.isEmpty { finishOrder() }
        case 36: harness.advance(by: .milliseconds(Int.random(in: 0..<300, using: &random)))
        case 37: harness.advance(by: .seconds(Int.random(in: 0..<30, using: &random)))
        case 38: try crash()
        case 39..<42: repeatOldEnd()
        default: toggleOffline()
        }
    }

    private func finishAppend() {
        let fails = Int.random(in: 0..<10, using: &random) == 0
        harness.completeAppend(fails ? .kafkaStorageError : nil)
    }

    private func finishOrder() {
        harness.completeOrder(at: Int.random(in: harness.orders.indices, using: &random))
    }

    private func toggleOffline() {
        let partition = TransactionHarness.partition(Int32.random(in: 0..<4, using: &random))
        harness.partitions[partition, default: .init()].isOffline.toggle()
    }

    /// Only clients whose epoch rises are safe from this (KIP-890), which is what they have it for.
    private func repeatOldEnd() {
        guard let (producer, commit) = sentEnds.randomElement(using: &random) else { return }
        harness.submitEnd(producer.identity, commit: commit, id: producer.id, by: producer.clientProtocol)
    }

    /// Anything that is on its way may have come as far as it likes.
    private func crash() throws {
        while !harness.appends.isEmpty, Bool.random(using: &random) { harness.appendWithoutReport() }
        while !harness.orders.isEmpty, Bool.random(using: &random) {
            harness.completeOrder(onlyFirst: Int.random(in: 0..<3, using: &random))
        }
        try harness.restart()
        for index in producers.indices {
            switch producers[index].phase {
            case .initializing: producers[index].phase = .idle
            case .adding: producers[index].phase = .ready
            case .ending(_, let commit): producers[index].phase = .ending(nil, commit: commit)
            case .idle, .ready, .fenced: break
            }
        }
    }

    private func act(_ index: Int) {
        var producer = producers[index]
        switch producer.phase {
        case .idle, .fenced:
            // An instance that lost does not come back often.
            if case .fenced = producer.phase, Int.random(in: 0..<6, using: &random) > 0 { break }
            producer.phase = .initializing(harness.submitInitialize(producer.id, timeout: 20_000))
        case .initializing(let ticket):
            guard let reply = harness.replies[ticket] else { break }
            producer.phase = reply.errorCode == .none ? .ready : .idle
            if reply.errorCode == .none { start(&producer, as: reply.producer) }
        case .ready: use(&producer)
        case .adding(let ticket, let partitions):
            guard let reply = harness.replies[ticket] else { break }
            producer.phase = Self.isFatal(reply.errorCode) ? .fenced : .ready
            if reply.errorCode == .none { producer.added.formUnion(partitions) }
        case .ending(let ticket?, let commit):
            guard let reply = harness.replies[ticket] else { break }
            ended(&producer, reply, commit: commit)
        case .ending(nil, let commit): submitEnd(&producer, commit: commit)
        }
        producers[index] = producer
    }

    private func start(_ producer: inout RandomProducer, as identity: ProducerIdentity) {
        producer.identity = identity
        producer.added = []
        producer.hasWritten = false
        transactions += 1
        producer.transaction = transactions
    }

    private func use(_ producer: inout RandomProducer) {
        let number = Int32.random(in: 0..<4, using: &random)
        if !producer.added.contains(number) {
            let ticket = harness.submitAdd(
                producer.identity, [number], id: producer.id, by: producer.clientProtocol)
            producer.phase = .adding(ticket, [number])
        } else if Bool.random(using: &random) {
            let code = harness.write(
                producer.identity, to: number, transaction: producer.transaction, id: producer.id)
            if code == .none { producer.hasWritten = true }
            if Self.isFatal(code) { producer.phase = .fenced }
        } else {
            submitEnd(&producer, commit: Bool.random(using: &random))
        }
    }

    private func submitEnd(_ producer: inout RandomProducer, commit: Bool) {
        let ticket = harness.submitEnd(
            producer.identity, commit: commit, id: producer.id, by: producer.clientProtocol)
        if producer.clientProtocol == .epochPerTransaction { sentEnds.append((producer, commit)) }
        producer.phase = .ending(ticket, commit: commit)
    }

    private func ended(_ producer: inout RandomProducer, _ reply: TransactionReply, commit: Bool) {
        if reply.errorCode == .none {
            told[producer.transaction] = commit
            start(
                &producer, as: producer.clientProtocol == .classic ? producer.identity : reply.producer)
            producer.phase = .ready
        } else if Self.isFatal(reply.errorCode) {
            producer.phase = .fenced
        } else {
            producer.phase = .ending(nil, commit: commit)
        }
    }

    private static func isFatal(_ code: ErrorCode) -> Bool {
        [.producerFenced, .invalidProducerEpoch, .invalidProducerIdMapping, .invalidTxnState].contains(code)
    }

    // MARK: Rules

    /// Per transaction the outcomes that partitions show.
    private var outcomes: [Int: Set<Bool>] {
        var outcomes: [Int: Set<Bool>] = [:]
        for model in harness.partitions.values {
            var open: [ProducerID: Set<Int>] = [:]
            for entry in model.entries {
                switch entry {
                case .data(let producer, let transaction): open[producer.id, default: []].insert(transaction)
                case .marker(let producer, let isCommit):
                    for transaction in open.removeValue(forKey: producer.id) ?? [] {
                        outcomes[transaction, default: []].insert(isCommit)
                    }
                }
            }
        }
        return outcomes
    }

    func check(_ place: String) {
        for (transaction, shown) in outcomes {
            #expect(shown.count == 1, "\(place): transaction \(transaction) is half committed")
            if let answer = told[transaction] {
                #expect(shown == [answer], "\(place): transaction \(transaction) was told \(answer)")
            }
        }
        for model in harness.partitions.values {
            var open: [ProducerID: Int] = [:]
            for entry in model.entries {
                switch entry {
                case .data(let producer, let transaction):
                    let present = open.updateValue(transaction, forKey: producer.id)
                    #expect(present ?? transaction == transaction, "\(place): two transactions share a marker")
                case .marker(let producer, _): open[producer.id] = nil
                }
            }
        }
        #expect(harness.coordinator.pendingMarkerCount >= 0, "\(place)")
    }

    /// A coordinator that starts from the log knows what this one knows.
    func checkReplay(_ place: String) throws {
        let other = try TransactionHarness()
        other.holds = true
        try other.restart(replaying: harness.log)
        for id in ["id-0", "id-1", "id-2"] {
            var known = harness.coordinator.metadata(id)
            var replayed = other.coordinator.metadata(id)
            if known?.state == .empty || known?.state == .ongoing {
                // What InitProducerId may be repeated with is not in the log.
                known?.lastProducerEpoch = -1
                replayed?.lastProducerEpoch = -1
            }
            #expect(known == replayed, "\(place): \(id)")
        }
    }

    /// The noise ends: everything that was decided is completed.
    func settle() throws {
        for partition in harness.partitions.keys { harness.partitions[partition]?.isOffline = false }
        harness.release()
        for _ in 0..<4 { harness.advance(by: .seconds(30)) }
    }

    func checkSettled(_ place: String) {
        #expect(harness.coordinator.waitingTickets.isEmpty, "\(place): somebody waits")
        #expect(harness.coordinator.pendingMarkerCount == 0, "\(place): markers are missing")
        #expect(harness.coordinator.pendingAppendCount == 0 && harness.coordinator.parkedCount == 0, "\(place)")
        #expect(harness.coordinator.openCount == 0, "\(place): the timeouts have ended every transaction")
        for id in ["id-0", "id-1", "id-2"] {
            #expect(harness.state(id)?.isPrepared != true, "\(place): \(id) is not complete")
        }
        for (transaction, commit) in told where commit {
            let isShown = outcomes[transaction].map { $0 == [true] } ?? true
            #expect(isShown, "\(place): transaction \(transaction) was committed")
        }
    }
}
