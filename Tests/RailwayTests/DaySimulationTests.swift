import Railway
import Testing

@Suite("DaySimulation")
struct DaySimulationTests {
    private func day(seed: UInt64 = 7, date: String = "2022-10-11") throws -> DaySimulation {
        try DaySimulation(
            network: try m1(), line: "M1", seed: seed, serviceDate: try #require(ServiceDate(date)),
            offsets: try paris())
    }

    @Test("A seed gives the same day again; another seed or date does not")
    func deterministic() throws {
        #expect(try day().trips == (try day().trips))
        #expect(try day().trips != (try day(seed: 8).trips))
        let next = try day().next()
        #expect(next.serviceDate.description == "2022-10-12")
        #expect(next.trips == (try day(date: "2022-10-12").trips))
    }

    @Test("From 05:00 to 00:30, the night's trains under the evening's service date")
    func timetable() throws {
        let events = try day().events(at: "VINCENNES")
        #expect(events.first?.at.description == "2022-10-11T05:00:00+02:00")
        #expect(events.last?.at.description == "2022-10-12T00:30:00+02:00")
        #expect(events.allSatisfy { $0.state == .departed && $0.trip.serviceDate.description == "2022-10-11" })
        #expect((200...300).contains(events.count))
        #expect(try day().events(at: "OPERA").isEmpty)
    }

    @Test("Events of a station are in order and trains never overtake", arguments: [1, 2, 3, 4, 5] as [UInt64])
    func order(seed: UInt64) throws {
        let day = try day(seed: seed)
        for station in LabData.stations {
            let events = day.events(at: station)
            #expect(zip(events, events.dropFirst()).allSatisfy { $0.at.instant <= $1.at.instant })
            let arrivals = events.filter { $0.state == .arrived }.map(\.trip.number)
            #expect(arrivals == arrivals.sorted())
            let departures = events.filter { $0.state == .departed }.map(\.trip.number)
            #expect(departures == departures.sorted())
        }
        for (ahead, behind) in zip(day.trips, day.trips.dropFirst()) {
            for position in 1..<ahead.calls.count {
                let left = try #require(ahead.calls[position].departure ?? ahead.calls[position].arrival)
                #expect(try #require(behind.calls[position].arrival) > left)
            }
        }
    }

    @Test("Some trips are late, few are very late, over many seeds and days")
    func lateness() throws {
        var rules = TripDelayRules(network: try m1(), table: TripTable(bounds: .init(serviceDates: 100)))
        var veryLate: Set<TripID> = []
        var day = try day()
        for _ in 0..<6 {
            for station in LabData.stations {
                for event in day.events(at: station) {
                    for fact in rules.take(event).facts where fact.delaySeconds >= 120 { veryLate.insert(fact.trip) }
                }
            }
            day = day.next()
        }
        let summary = rules.summary
        #expect((5...35).contains(100 * summary.late / summary.trips), "late \(summary.late) of \(summary.trips)")
        #expect((1...40).contains(veryLate.count), "very late \(veryLate.count) of \(summary.trips)")
    }

    @Test("A line without headways has no trips; an unknown line is refused")
    func noTrips() throws {
        var description = m1Description()
        description.lines[0].headways = nil
        let date = try #require(ServiceDate("2022-10-11"))
        let network = try Network(description)
        let day = try DaySimulation(
            network: network, line: "M1", seed: 1, serviceDate: date, offsets: FixedUTCOffset.utc)
        #expect(day.trips.isEmpty)
        #expect(throws: EventError.self) {
            try DaySimulation(network: network, line: "M9", seed: 1, serviceDate: date, offsets: FixedUTCOffset.utc)
        }
    }

    @Test("SplitMix64 gives its published numbers")
    func generator() {
        var random = SplitMix64(seed: 1_234_567)
        let numbers = [random.next(), random.next(), random.next()]
        #expect(numbers == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
    }
}
