import Foundation
import Testing

/// `SIGNALBOX_SIMULATION_SEEDS=1000..<5000` in the environment runs others, and more; with
/// `SIGNALBOX_SIMULATION_TRACE=1` a failing seed tells its story.
@Suite("Transactions over every order of events")
struct TransactionSimulationTests {
    private static let environment = ProcessInfo.processInfo.environment

    private static let seeds: Range<UInt64> = {
        let parts = (environment["SIGNALBOX_SIMULATION_SEEDS"] ?? "").split(separator: "..<").compactMap { UInt64($0) }
        return parts.count == 2 && parts[0] < parts[1] ? parts[0]..<parts[1] : 0..<300
    }()

    /// Cases of several seeds, so that there are few of them.
    private static let chunks = stride(from: seeds.lowerBound, to: seeds.upperBound, by: 25).map {
        $0..<min($0 + 25, seeds.upperBound)
    }

    @Test("every input has exactly one committed output, in order, whatever fails on the way", arguments: chunks)
    func exactlyOnce(seeds: Range<UInt64>) throws {
        for seed in seeds {
            let violations = try TransactionSimulation(seed: seed).run()
            let story = violations.isEmpty ? "" : try Self.story(of: seed)
            #expect(violations.isEmpty, "seed \(seed): \(violations.prefix(5))\(story)")
        }
    }

    /// Made by another run, since it costs more than the run.
    private static func story(of seed: UInt64) throws -> String {
        guard environment["SIGNALBOX_SIMULATION_TRACE"] != nil else { return "" }
        let simulation = TransactionSimulation(seed: seed, isTracing: true)
        _ = try simulation.run()
        return "\n" + simulation.recorder.trace.joined(separator: "\n")
    }

    @Test("the runs come by everything that can go wrong")
    func reach() throws {
        var counts: [String: Int] = [:]
        for seed in 0..<40 as Range<UInt64> {
            let simulation = TransactionSimulation(seed: seed)
            _ = try simulation.run()
            counts.merge(simulation.recorder.counts, uniquingKeysWith: +)
        }
        if Self.environment["SIGNALBOX_SIMULATION_TRACE"] != nil { print(counts.sorted { $0.key < $1.key }) }
        let expected = [
            "committed", "aborted", "fatal", "late marker", "break", "broker crash", "worker crash", "two workers",
            "refused CONCURRENT_TRANSACTIONS", "refused OUT_OF_ORDER_SEQUENCE_NUMBER", "refused INVALID_TXN_STATE",
            "refused KAFKA_STORAGE_ERROR", "refused PRODUCER_FENCED",
        ]
        for event in expected { #expect(counts[event, default: 0] > 0, "\(event) never happens") }
    }

    @Test("the same seed is the same run", arguments: 0..<5 as Range<UInt64>)
    func deterministic(seed: UInt64) throws {
        let traces = try (0..<2).map { _ in
            let simulation = TransactionSimulation(seed: seed, isTracing: true)
            _ = try simulation.run()
            return simulation.recorder.trace
        }
        #expect(zip(traces[0], traces[1]).first { $0 != $1 } == nil)
        #expect(traces[0].count == traces[1].count)
    }

    /// Any change of the simulation moves the seeds; then the search takes longer, and the table below wants new ones.
    @Test("the simulation finds every bug that it is there to find", arguments: KnownBug.allCases)
    func findsBugs(bug: KnownBug) throws {
        let found = try ([bug.seed] + Array(0..<600)).first {
            try !TransactionSimulation(seed: $0, bug: bug).run().isEmpty
        }
        #expect(found != nil, "600 seeds do not find it")
        if found != bug.seed { print("\(bug) is found first by seed \(found ?? 0), not \(bug.seed)") }
    }
}

extension KnownBug {
    /// The first seed that finds it.
    fileprivate var seed: UInt64 {
        switch self {
        case .everyMarkerTakesTheWordBack: 1
        case .lateMarkersCount: 8
        case .unverifiedBatchesAreTaken: 85
        case .nothingIsVerified: 0
        case .laterBatchesOvertake: 22
        case .offsetsGoBehindTheirMarker: 173
        case .failuresAreToldLate: 8
        case .abortsWaitForRetries: 78
        }
    }
}
