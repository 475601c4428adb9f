import KafkaWire
import NIOCore
import Transactions

@testable import KafkaClient

/// A request as far as transactions go.
enum SimulatedRequest {
    struct Batch {
        let id: Int
        let partition: TopicPartition
        let bytes: ByteBuffer
    }

    case initialise(expected: ProducerIdentity?, timeout: Int32)
    case addPartitions(ProducerIdentity, Set<TopicPartition>)
    case addOffsets(ProducerIdentity)
    /// - Parameter adding: version 5, which adds the partition of the group by itself.
    case commitOffsets(ProducerIdentity, [TopicPartition: Int64], adding: Bool)
    case end(ProducerIdentity, isCommit: Bool, TransactionProtocol)
    case produce([Batch], version: Int16)
    case fetchOffsets([TopicPartition])

    /// Whether nobody can tell it from a request of the next transaction. This is what the classic protocol cannot do,
    /// in Kafka as here, and why KIP-890 gives every transaction its epoch: a broker that gets such a request from a
    /// connection long broken, after the client has repeated it on another one, ends the next transaction with it.
    var isMistakenWhenLate: Bool {
        switch self {
        case .end(_, _, let clientProtocol): clientProtocol < .epochPerTransaction
        case .commitOffsets(_, _, let adding): !adding
        case .initialise, .addPartitions, .addOffsets, .produce, .fetchOffsets: false
        }
    }
}

enum SimulatedAnswer {
    case transaction(TransactionReply)
    case produced([TopicPartition: Result<BatchAcknowledgement, KafkaError>])
    /// In the order of the request, 0 where nothing is committed; `nil` where they are not stable.
    case offsets([Int64]?)
}

/// One TCP connection: in order both ways. The broker begins its requests one after the other and answers in order, as
/// `Services/Broker/Server/Network/Connection.swift` does.
///
/// When it breaks, answers are lost; of the requests under way the broker still gets the first few, at any time later.
final class SimulatedConnection {
    typealias Completion = (Result<SimulatedAnswer, KafkaError>) -> Void

    private struct Owed {
        let id: Int
        var answer: SimulatedAnswer?
    }

    let broker: SimulatedBroker
    private(set) var isOpen = true
    private let scheduler: Scheduler
    private var lastID = 0
    private var waiting: [Int: Completion] = [:]
    private var arriving: [(id: Int, request: SimulatedRequest)] = []
    private var inbox: [(id: Int, request: SimulatedRequest)] = []
    private var isBeginning = false
    private var owed: [Owed] = []
    private var returning: [(id: Int, answer: SimulatedAnswer)] = []

    init(_ broker: SimulatedBroker, _ scheduler: Scheduler) {
        self.broker = broker
        self.scheduler = scheduler
        broker.connections.append(self)
    }

    func send(_ request: SimulatedRequest, _ completion: @escaping Completion) {
        lastID += 1
        waiting[lastID] = completion
        if !isOpen { return fail(lastID) }
        arriving.append((lastID, request))
        scheduler.after(scheduler.latency) { self.arrive() }
    }

    /// Breaks; who waits for an answer hears of it, in any order.
    func disconnect() {
        guard isOpen else { return }
        isOpen = false
        arriving = Array(arriving.prefix(scheduler.number(upTo: arriving.count + 1)))
        arriving = Array(arriving.prefix { !$0.request.isMistakenWhenLate })
        inbox = Array(inbox.prefix { !$0.request.isMistakenWhenLate })
        for id in waiting.keys.sorted() { fail(id) }
    }

    private func fail(_ id: Int) {
        scheduler.after(scheduler.hop) {
            self.waiting.removeValue(forKey: id)?(.failure(KafkaError(.connection, "the connection broke")))
        }
    }

    // MARK: The broker's side

    private func arrive() {
        guard broker.isAlive, !arriving.isEmpty else { return }
        inbox.append(arriving.removeFirst())
        beginNext()
    }

    private func beginNext() {
        guard broker.isAlive, !isBeginning, !inbox.isEmpty else { return }
        let (id, request) = inbox.removeFirst()
        isBeginning = true
        owed.append(Owed(id: id))
        broker.handle(request) {
            self.isBeginning = false
            self.scheduler.after(self.scheduler.hop) { self.beginNext() }
        } answer: { answer in
            guard let index = self.owed.firstIndex(where: { $0.id == id }) else { return }
            self.owed[index].answer = answer
            self.sendAnswers()
        }
    }

    private func sendAnswers() {
        while let answer = owed.first?.answer {
            returning.append((owed.removeFirst().id, answer))
            scheduler.after(scheduler.latency) { self.comeBack() }
        }
    }

    private func comeBack() {
        let (id, answer) = returning.removeFirst()
        if isOpen { waiting.removeValue(forKey: id)?(.success(answer)) }
    }
}
