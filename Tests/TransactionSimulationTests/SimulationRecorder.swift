import KafkaWire
import Transactions

/// What really happened, seen from nowhere: who wrote what, what he was told, and which rules were broken.
final class SimulationRecorder {
    /// One transaction of one instance of the worker.
    struct TransactionKey: Hashable, CustomStringConvertible {
        let worker: Int
        let number: Int
        var description: String { "\(worker).\(number)" }
    }

    /// What the application was told of a transaction's end; nothing where it did not live to hear it.
    enum Fate: Hashable { case committed, aborted }

    /// An output record; its value is its place in ``outputs``.
    struct Output {
        let input: Input
        let partition: TopicPartition
        let transaction: TransactionKey
        var acknowledged: Int64?
    }

    struct Input: Hashable, Comparable {
        let partition: Int
        let offset: Int64
        static func < (left: Input, right: Input) -> Bool {
            (left.partition, left.offset) < (right.partition, right.offset)
        }
    }

    private(set) var outputs: [Output] = []
    private(set) var fates: [TransactionKey: Fate] = [:]
    private(set) var violations: [String] = []
    /// Per producer id the first epoch that is not fenced.
    private var floors: [ProducerID: Int16] = [:]
    /// How often what happened.
    private(set) var counts: [String: Int] = [:]
    private(set) var trace: [String] = []
    let isTracing: Bool
    let scheduler: Scheduler

    init(_ scheduler: Scheduler, isTracing: Bool) {
        self.scheduler = scheduler
        self.isTracing = isTracing
    }

    func note(_ what: @autoclosure () -> String) {
        if isTracing { trace.append("\(scheduler.now) ms: \(what())") }
    }

    func count(_ what: String) { counts[what, default: 0] += 1 }

    func violation(_ what: String) {
        note("VIOLATION \(what)")
        violations.append("\(what) at \(scheduler.now) ms")
    }

    // MARK: The worker

    func makeOutput(of input: Input, to partition: TopicPartition, in transaction: TransactionKey) -> Int {
        outputs.append(Output(input: input, partition: partition, transaction: transaction))
        return outputs.count - 1
    }

    func acknowledged(_ output: Int, at offset: Int64?) {
        outputs[output].acknowledged = offset
    }

    func ended(_ transaction: TransactionKey, _ fate: Fate) {
        note("worker hears that transaction \(transaction) is \(fate)")
        count("\(fate)")
        fates[transaction] = fate
    }

    // MARK: Fencing

    /// The coordinator has given an identity to a new instance of the producer: all others are fenced.
    func initialised(_ producer: ProducerIdentity) {
        note("coordinator: \(producer) is the producer now")
        for id in floors.keys { floors[id] = Int16.max }
        floors[producer.id] = producer.epoch
    }

    /// The end of a transaction gave an identity.
    func ended(with producer: ProducerIdentity) {
        if producer.id != .none, floors[producer.id] == nil { floors[producer.id] = producer.epoch }
    }

    /// Something was written in a producer's name.
    func appended(_ producer: ProducerIdentity, to partition: TopicPartition) {
        if producer.id != .none, producer.epoch < floors[producer.id] ?? 0 {
            violation("a write of the fenced producer \(producer) got into \(partition)")
        }
    }
}
