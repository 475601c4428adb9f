import Railway
import Testing

@Suite("The recorded stations under the rules")
struct LabDataTests {
    @Test("The whole recording gives the figures of Tests/EndToEnd/summary_oracle.py", .enabled(if: LabData.isThere))
    func wholeRecording() throws {
        var rules = TripDelayRules(network: try m1())
        let events = try LabData.events().flatMap { $0 }
        #expect(events.count == 7992)
        var facts = 0
        for event in events { facts += rules.take(event).facts.count }
        #expect(facts == 4 * 999)
        let summary = rules.summary
        #expect(summary.trips == 999)
        #expect(summary.late == 32)
        #expect(summary.maxDelaySeconds == 58)
        typealias Figures = DelaySummary.StationSummary
        let expected: [String: (late: Int, mean: Double)] = [
            "NATION": (0, -0.621), "GARE_DE_LYON": (4, -0.345), "BASTILLE": (16, 0.223), "CHATELET": (28, 0.3),
        ]
        #expect(summary.byStation.keys.sorted() == expected.keys.sorted())
        for (station, figures) in expected {
            let found: Figures = try #require(summary.byStation[station])
            #expect(found.arrivals == 999)
            #expect(found.late == figures.late)
            #expect(found.meanDelaySeconds == figures.mean)
        }
    }

    @Test(
        "Interleaved by any seed, each event up to three times: summary and set of facts stay the same",
        arguments: [1, 2])
    func interleavings(seed: UInt64) throws {
        let stations = try LabData.events(trips: 400)
        let inOrder = try fold(stations.flatMap { $0 })
        var random = SplitMix64(seed: seed)
        let repeated = stations.flatMap { $0 }.flatMap { Array(repeating: $0, count: 1 + Int(random.next() % 3)) }
        let mixed = try fold(shuffled(repeated, seed: seed))
        #expect(mixed.summary == inOrder.summary)
        #expect(mixed.facts.count == Set(mixed.facts).count)
        #expect(Set(mixed.facts) == Set(inOrder.facts))
        #expect(mixed.predictions == inOrder.predictions)
    }

    @Test("The five files in each of their 120 orders: one summary, one set of facts, one last prediction per stop")
    func everyOrder() throws {
        let stations = try LabData.events(trips: 12)
        let first = try fold(stations.flatMap { $0 })
        #expect(first.summary.trips > 0)
        for order in permutations(stations) {
            let result = try fold(order.flatMap { $0 })
            #expect(result.summary == first.summary)
            #expect(result.facts.count == first.facts.count)
            #expect(Set(result.facts) == Set(first.facts))
            #expect(result.predictions == first.predictions)
        }
    }

    @Test("Told again in one order, every prediction is the same, event for event")
    func sameOrderSameFacts() throws {
        let events = shuffled(try LabData.events(trips: 40).flatMap { $0 }, seed: 9)
        var first = ArrivalRules(network: try m1())
        var second = ArrivalRules(network: try m1())
        let once = events.flatMap { first.take($0).facts }
        let again = events.flatMap { second.take($0).facts }
        #expect(once == again)
    }

    private struct Outcome {
        var summary: DelaySummary
        var facts: [DelayChanged]
        var predictions: [String: Prediction]
    }

    /// A prediction without what names its cause.
    private struct Prediction: Hashable {
        let scheduled: OffsetDateTime, expected: OffsetDateTime, delay: Int, state: ArrivalState
    }

    private func fold(_ events: [StationEvent]) throws -> Outcome {
        let network = try m1()
        var delays = TripDelayRules(network: network)
        var arrivals = ArrivalRules(network: network)
        var facts: [DelayChanged] = []
        var predictions: [String: Prediction] = [:]
        for event in events {
            facts += delays.take(event).facts
            for fact in arrivals.take(event).facts {
                predictions[fact.key] = Prediction(
                    scheduled: fact.scheduled, expected: fact.expected, delay: fact.delaySeconds, state: fact.state)
            }
        }
        return Outcome(summary: delays.summary, facts: facts, predictions: predictions)
    }
}
