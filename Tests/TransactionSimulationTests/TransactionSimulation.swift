import Groups
import KafkaWire
import Storage
import Transactions

@testable import KafkaClient

/// Bugs that were in the code once, or that a rule stands against. A simulation that does not find them proves nothing.
enum KnownBug: CaseIterable {
    /// A marker of the transaction before takes back the coordinator's word for the first batch of the next one.
    case everyMarkerTakesTheWordBack
    /// A late marker ends the next transaction too (KIP-890).
    case lateMarkersCount
    /// A batch is written although a marker came while the coordinator was asked (KIP-890).
    case unverifiedBatchesAreTaken
    /// Nobody asks the coordinator about the first batch of a transaction.
    case nothingIsVerified
    /// A batch that is not the first of its epoch is written although the first one was refused.
    case laterBatchesOvertake
    /// Offsets are written although a marker came while the coordinator was asked.
    case offsetsGoBehindTheirMarker
    /// The transaction learns that a batch was refused after somebody has found the accumulator empty.
    case failuresAreToldLate
    /// Nobody looks again when a batch of a transaction that is being aborted comes back to be sent again.
    case abortsWaitForRetries
}

/// What kind of run a seed makes.
struct SimulationOptions {
    let seed: UInt64
    let bug: KnownBug?
    let isTracing: Bool
    /// Inputs of each of two partitions.
    let inputCount: Int64
    let isDurable: Bool
    /// `transaction.version` by instance of the worker, in turn.
    let clusterVersions: [Int16]
    /// Nothing fails but what the network's slowness brings, and nobody is impatient: no transaction is aborted but by
    /// the application.
    let isCalm: Bool
    let transactionTimeout: Int32
    let deliveryTimeout: Int64
    let faultCount: Int
    let faultInterval: Int
    /// One request in so many breaks its connection.
    let breaksOneIn: Int?
    let startsNearLastEpoch: Bool
    var transactions = TransactionConfiguration()
    var groups = GroupConfiguration()

    init(seed: UInt64, bug: KnownBug? = nil, isTracing: Bool = false, random: Scheduler) {
        self.seed = seed
        self.bug = bug
        self.isTracing = isTracing
        inputCount = Int64(6 + random.number(upTo: 16))
        isDurable = random.isLucky(oneIn: 2)
        clusterVersions = random.pick([[2], [2], [0], [0], [0, 2], [2, 0, 2]])
        isCalm = random.isLucky(oneIn: 5)
        transactionTimeout = isCalm ? 10_000 : random.pick([400, 2_000, 10_000])
        deliveryTimeout = isCalm ? 120_000 : random.pick([100, 1_000, 120_000])
        faultCount = isCalm ? 0 : random.pick([3, 8, 20])
        faultInterval = random.pick([10, 40, 150])
        breaksOneIn = isCalm ? nil : random.pick([nil, 5, 20])
        random.slowHops = random.pick([3, 8, 30])
        startsNearLastEpoch = random.isLucky(oneIn: 8)
        transactions.stateLogPartitions = 1
        transactions.timeoutCheckInterval = .milliseconds(100)
        transactions.markerRetryBackoff = .milliseconds(20)
        transactions.addPartitionsWait = .milliseconds(random.pick([5, 100]))
        groups.offsetsTopicPartitions = 1
    }
}

/// A transactional worker against coordinators and partitions, over every order of events that a seed makes: lost
/// requests and answers, breaking connections, crashes of broker and worker, two workers at once, refused appends,
/// timeouts, late markers.
final class TransactionSimulation {
    /// How long a call may take while nothing fails; the network alone takes some tenths of a second for an answer.
    static let patience: Int64 = 3_000
    /// Far more than a run needs; a run that takes longer hangs.
    private static let timeLimit: Int64 = 300_000

    let options: SimulationOptions
    let scheduler: Scheduler
    let recorder: SimulationRecorder
    let disk = SimulatedDisk()
    private(set) var broker: SimulatedBroker?
    private(set) var worker: SimulatedWorker?
    private var workerCount = 0
    private var faultsLeft = 0
    /// When the last fault was.
    private(set) var quietSince: Int64?

    init(seed: UInt64, bug: KnownBug? = nil, isTracing: Bool = false) {
        scheduler = Scheduler(seed: seed)
        options = SimulationOptions(seed: seed, bug: bug, isTracing: isTracing, random: scheduler)
        recorder = SimulationRecorder(scheduler, isTracing: isTracing)
    }

    /// Runs until the worker has finished and everything is quiet; returns what was broken.
    func run() throws -> [String] {
        recorder.note("\(options)")
        if options.startsNearLastEpoch { try useUpEpochs() }
        startBroker()
        startWorker()
        faultsLeft = options.faultCount
        faultLater()
        let hasFinished = scheduler.run(until: Self.timeLimit) {
            worker?.hasFinished == true || !recorder.violations.isEmpty
        }
        faultsLeft = 0
        if !hasFinished, recorder.violations.isEmpty {
            recorder.violation("the worker does not finish: \(worker?.producer.description ?? "there is none")")
        }
        if broker == nil { startBroker() }
        // What others left behind has time to be timed out.
        _ = scheduler.run(until: scheduler.now + Int64(options.transactionTimeout) * 2 + 2_000) {
            !recorder.violations.isEmpty
        }
        if recorder.violations.isEmpty { try check() }
        if recorder.violations.isEmpty {
            broker?.kill()
            startBroker()
            _ = scheduler.run(until: scheduler.now + 1_000)
            try check()
        }
        return recorder.violations
    }

    /// The producer id has few epochs left.
    private func useUpEpochs() throws {
        disk.lastProducerID += 1
        let producer = ProducerIdentity(
            id: ProducerID(disk.lastProducerID), epoch: ProducerIdentity.lastEpoch - Int16(scheduler.number(upTo: 12)))
        let metadata = TransactionMetadata(
            producer: producer, timeoutMilliseconds: 1_000, state: .empty, lastUpdateTimestamp: 1_700_000_000_000)
        disk.stateLog.append(try TransactionRecord(transactionalID: SimulatedWorld.transactionalID, metadata))
    }

    private func startBroker() {
        do {
            broker = try SimulatedBroker(disk, options: options, scheduler: scheduler, recorder: recorder)
            recorder.note("broker starts")
        } catch {
            recorder.violation("the broker does not start: \(error)")
        }
    }

    private func startWorker() {
        workerCount += 1
        let version = options.clusterVersions[(workerCount - 1) % options.clusterVersions.count]
        let next = SimulatedWorker(workerCount, self, clusterVersion: version)
        recorder.note("worker \(workerCount) starts with transaction.version \(version)")
        worker = next
        next.start()
    }

    /// The worker's producer can do nothing more.
    func workerDied(_ dead: SimulatedWorker) {
        guard dead === worker else { return }
        worker = nil
        scheduler.after(Int64(scheduler.number(upTo: 30))) { self.startWorker() }
    }

    // MARK: Faults

    private func faultLater() {
        scheduler.after(Int64(1 + scheduler.number(upTo: options.faultInterval))) {
            guard self.faultsLeft > 0 else {
                self.quietSince = self.scheduler.now
                return
            }
            self.faultsLeft -= 1
            self.fault()
            self.faultLater()
        }
    }

    private func fault() {
        let kinds: [(String, () -> Void)] = [
            ("a connection to the leader breaks", { self.worker?.producer.breakConnections([.general]) }),
            ("a connection to the coordinator breaks", { self.worker?.producer.breakConnections([.coordinator]) }),
            ("all connections break", { self.worker?.producer.breakConnections() }),
            ("broker crash", crashBroker),
            ("worker crash", killWorker),
            ("two workers", replaceWorker),
            ("a partition refuses an append", refuseAppend),
            ("the partitions forget idle producers", forgetProducers),
            ("the coordinator's log refuses an append", { self.broker?.stateRefusals += 1 }),
        ]
        let (name, action) = scheduler.pick(kinds)
        recorder.note("FAULT \(name)")
        recorder.count(name)
        action()
    }

    private func crashBroker() {
        guard let crashed = broker else { return }
        broker = nil
        crashed.kill()
        scheduler.after(Int64(scheduler.number(upTo: 80))) { if self.broker == nil { self.startBroker() } }
    }

    private func killWorker() {
        guard let killed = worker else { return }
        killed.producer.kill()
        workerDied(killed)
    }

    /// The old one is thought dead, and goes on.
    private func replaceWorker() {
        if let old = worker { workerDied(old) }
    }

    /// Harmless only where every transaction has an epoch of its own: a classic batch that comes again after so long
    /// (`producer.id.expiration.ms`, a day) cannot be told from a new one.
    private func forgetProducers() {
        guard options.clusterVersions == [2] else { return }
        for partition in broker?.partitions.values.map(\.self) ?? [] { partition.log.expireProducers(now: .max) }
    }

    private func refuseAppend() {
        let position = scheduler.pick(SimulatedWorld.outputs + [SimulatedWorld.offsets])
        broker?.partitions[position]?.refusals += 1
    }
}
