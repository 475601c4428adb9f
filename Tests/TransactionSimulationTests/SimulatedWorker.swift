import KafkaWire
import NIOCore
import Transactions

@testable import KafkaClient

/// One instance of an application that consumes, transforms and produces: every input becomes one output, in
/// transactions that hold the outputs and the inputs' offsets.
final class SimulatedWorker {
    let number: Int
    let simulation: TransactionSimulation
    let producer: SimulatedProducer
    private(set) var hasFinished = false
    private var transaction = 0
    /// The next input of each partition, as committed and as consumed.
    private var committed: [Int64] = []
    private var positions: [Int64] = []

    private var scheduler: Scheduler { simulation.scheduler }
    private var recorder: SimulationRecorder { simulation.recorder }
    private var key: SimulationRecorder.TransactionKey { .init(worker: number, number: transaction) }

    init(_ number: Int, _ simulation: TransactionSimulation, clusterVersion: Int16) {
        self.number = number
        self.simulation = simulation
        producer = SimulatedProducer(simulation, clusterVersion: clusterVersion)
    }

    func start() {
        producer.expire()
        initialise()
    }

    private func initialise() {
        attempt { () throws(KafkaError) in
            try producer.enter(
                timed("initialising") { result in
                    if case .success = result { return self.fetchOffsets() }
                    self.goOn { self.initialise() }
                }
            ) { machine throws(KafkaError) in
                try machine.initialise()
                return []
            }
        } otherwise: {
            self.initialise()
        }
    }

    /// Only now: the transactions of earlier instances are over.
    private func fetchOffsets() {
        producer.ask(.fetchOffsets(SimulatedWorld.inputs)) { result in
            guard case .success(.offsets(let offsets?)) = result else {
                return self.producer.later(5) { self.fetchOffsets() }
            }
            self.committed = offsets
            self.recorder.note("worker \(self.number) goes on from \(self.committed)")
            self.nextTransaction()
        }
    }

    // MARK: A transaction

    private func nextTransaction() {
        positions = committed
        if positions.allSatisfy({ $0 >= simulation.options.inputCount }) {
            recorder.note("worker \(number) has finished")
            hasFinished = true
            return
        }
        transaction += 1
        attempt { () throws(KafkaError) in
            try producer.machine.begin()
            produce(takeInputs())
        } otherwise: {
            self.nextTransaction()
        }
    }

    private func takeInputs() -> [SimulationRecorder.Input] {
        var inputs: [SimulationRecorder.Input] = []
        while inputs.isEmpty {
            for index in positions.indices {
                let count = min(Int64(scheduler.number(upTo: 6)), simulation.options.inputCount - positions[index])
                inputs += (0..<count).map { .init(partition: index, offset: positions[index] + $0) }
                positions[index] += count
            }
        }
        return inputs
    }

    private func produce(_ inputs: [SimulationRecorder.Input]) {
        guard let input = inputs.first else { return sendOffsets() }
        // With batches under way.
        if scheduler.isLucky(oneIn: 25) { return abort() }
        attempt { () throws(KafkaError) in
            let partition = SimulatedWorld.outputs[Int(input.offset * 7 / 3 + Int64(input.partition)) % 3]
            let output = recorder.makeOutput(of: input, to: partition, in: key)
            try producer.enqueue(output, to: partition)
            let rest = Array(inputs.dropFirst())
            if scheduler.isLucky(oneIn: 2) { return produce(rest) }
            producer.later { self.produce(rest) }
        } otherwise: {
            self.abort()
        }
    }

    private func sendOffsets() {
        let offsets = positions.enumerated().map { index, position in
            (SimulatedWorld.inputs[index], CommittedOffset(offset: Offset(position)))
        }
        attempt { () throws(KafkaError) in
            let waiter = timed("sending offsets") { result in
                if case .failure = result { return self.abort() }
                if self.scheduler.isLucky(oneIn: 10) { self.abort() } else { self.commit() }
            }
            try producer.sendOffsets(Dictionary(uniqueKeysWithValues: offsets), waiter)
        } otherwise: {
            self.abort()
        }
    }

    private func commit() {
        attempt { () throws(KafkaError) in
            try producer.enter(
                timed("a commit") { result in
                    if case .failure = result { return self.abort() }
                    self.recorder.ended(self.key, .committed)
                    self.committed = self.positions
                    self.nextTransaction()
                }
            ) { machine throws(KafkaError) in
                try machine.beginCommit()
                return []
            }
        } otherwise: {
            self.abort()
        }
    }

    private func abort() {
        attempt { () throws(KafkaError) in
            try producer.enter(
                timed("an abort") { result in
                    if case .success = result { self.recorder.ended(self.key, .aborted) }
                    self.goOn { self.nextTransaction() }
                }
            ) { machine throws(KafkaError) in try machine.beginAbort() }
        } otherwise: {
            self.nextTransaction()
        }
    }

    // MARK: Failures

    /// Once nothing fails any more, no call takes long.
    private func timed(_ what: String, _ body: @escaping SimulatedProducer.Settled) -> SimulatedProducer.Settled {
        let start = scheduler.now
        return { result in
            let took = self.scheduler.now - max(start, self.simulation.quietSince ?? Int64.max)
            if took > TransactionSimulation.patience { self.recorder.violation("\(what) took \(took) ms") }
            if case .failure(let error) = result, self.simulation.options.isCalm {
                self.recorder.violation("\(what) fails without reason: \(error)")
            }
            body(result)
        }
    }

    private func attempt(_ body: () throws(KafkaError) -> Void, otherwise: @escaping () -> Void) {
        do throws(KafkaError) {
            try body()
        } catch {
            recorder.note("worker \(number) fails: \(error)")
            if simulation.options.isCalm { recorder.violation("worker \(number) fails without reason: \(error)") }
            goOn(otherwise)
        }
    }

    /// Later, unless nothing but another instance helps.
    private func goOn(_ next: @escaping () -> Void) {
        producer.later(1) {
            if self.producer.machine.phase != .fatal { return next() }
            self.recorder.count("fatal")
            self.producer.kill()
            self.simulation.workerDied(self)
        }
    }
}
