import Railway
import Testing

@Suite("TripDelayRules")
struct TripDelayRulesTests {
    @Test("Delay at a stop is actual minus scheduled arrival, anchored at the first departure")
    func delay() throws {
        var rules = TripDelayRules(network: try m1())
        #expect(rules.take(try event(1, "VINCENNES", .departed, "05:00:00")).facts.isEmpty)
        let (taken, facts) = rules.take(try event(1, "NATION", .arrived, "05:05:31"))
        #expect(taken == .placed)
        let fact = try #require(facts.first)
        #expect(fact.delaySeconds == 31)
        #expect(fact.scheduled.description == "2022-10-11T05:05:00+02:00")
        #expect(fact.eventID == "delay:2022-10-11/M1/1:NATION:31")
        #expect(fact.causeEventId == "station:2022-10-11/M1/1:NATION:ARRIVED")
        // 300 + 20 + 180 = 500 s to Gare de Lyon.
        #expect(rules.take(try event(1, "GARE_DE_LYON", .arrived, "05:08:10")).facts.first?.delaySeconds == -10)
        #expect(rules.take(try event(1, "NATION", .departed, "05:05:50")).facts.isEmpty)
        #expect(rules.summary.byStation["NATION"]?.late == 1)
        #expect(rules.summary.maxDelaySeconds == 31)
    }

    @Test("An arrival before its trip's first departure is held, then told once, and counts as a trip meanwhile")
    func held() throws {
        var rules = TripDelayRules(network: try m1())
        let early = try event(1, "CHATELET", .arrived, "05:17:20")
        #expect(rules.take(early).taken == .held)
        #expect(rules.summary.trips == 1)
        #expect(rules.summary.byStation.isEmpty)
        #expect(rules.take(early).taken == .repeated)
        let facts = rules.take(try event(1, "VINCENNES", .departed, "05:00:00")).facts
        #expect(facts.map(\.delaySeconds) == [30])
        #expect(rules.summary.late == 1)
    }

    @Test("Late begins at the threshold, not after it", arguments: [(29, 0), (30, 1)])
    func threshold(seconds: Int, late: Int) throws {
        var rules = TripDelayRules(network: try m1())
        _ = rules.take(try event(1, "VINCENNES", .departed, "05:00:00"))
        _ = rules.take(try event(1, "NATION", .arrived, "05:05:\(seconds)"))
        #expect(rules.summary.late == late)
    }

    @Test("Nobody behind: the largest delay is 0, the mean is below zero")
    func early() throws {
        var rules = TripDelayRules(network: try m1())
        _ = rules.take(try event(1, "VINCENNES", .departed, "05:00:00"))
        _ = rules.take(try event(1, "NATION", .arrived, "05:04:50"))
        #expect(rules.summary.maxDelaySeconds == 0)
        #expect(rules.summary.byStation["NATION"]?.meanDelaySeconds == -10)
    }

    @Test("Where two tellings disagree the earliest counts, in both orders")
    func disagreement() throws {
        let anchor = try event(1, "VINCENNES", .departed, "05:00:00")
        let tellings = [try event(1, "NATION", .arrived, "05:06:00"), try event(1, "NATION", .arrived, "05:05:10")]
        var forward = TripDelayRules(network: try m1())
        var backward = forward
        for told in [anchor] + tellings { _ = forward.take(told) }
        for told in tellings.reversed() + [anchor] { _ = backward.take(told) }
        #expect(forward.summary == backward.summary)
        #expect(forward.summary.maxDelaySeconds == 10)
        #expect(forward.table == backward.table)
    }

    @Test("A station or line that is not there is refused and counts nothing")
    func stranger() throws {
        var rules = TripDelayRules(network: try m1())
        guard case .refused(let error) = rules.take(try event(1, "OPERA", .arrived, "05:00:00")).taken else {
            Issue.record("not refused")
            return
        }
        #expect(error.description.contains("does not call at OPERA"))
        #expect(rules.summary.trips == 0)
    }

    @Test("An arrival at the first stop has no schedule and does not count")
    func firstStop() throws {
        var rules = TripDelayRules(network: try m1())
        _ = rules.take(try event(1, "VINCENNES", .arrived, "04:58:00"))
        _ = rules.take(try event(1, "VINCENNES", .departed, "05:00:00"))
        #expect(rules.summary.byStation.isEmpty)
        #expect(rules.summary.trips == 1)
    }

    @Test("Over the bound of service dates the oldest is closed: it stays in the summary and is never counted twice")
    func closing() throws {
        var rules = TripDelayRules(network: try m1(), table: TripTable(bounds: .init(serviceDates: 2)))
        let dates = ["2022-10-11", "2022-10-12", "2022-12-24"]
        for date in dates {
            _ = rules.take(try event(1, "VINCENNES", .departed, "05:00:00", on: date))
            _ = rules.take(try event(1, "NATION", .arrived, "05:05:40", on: date))
        }
        let before = rules.summary
        #expect(before.trips == 3)
        #expect(rules.table.count == 2)
        let (taken, facts) = rules.take(try event(1, "NATION", .arrived, "05:05:40"))
        #expect(taken == .tooLate)
        #expect(facts.isEmpty)
        #expect(rules.take(try event(2, "NATION", .arrived, "05:05:40")).taken == .tooLate)
        #expect(rules.summary == before)
        #expect(rules.summary.byStation["NATION"]?.arrivals == 3)
    }

    @Test("Over the bound of trips the first ones are closed")
    func manyTrips() throws {
        var rules = TripDelayRules(network: try m1(), table: TripTable(bounds: .init(trips: 16)))
        for number in 1...100 as ClosedRange<UInt32> {
            _ = rules.take(try event(number, "VINCENNES", .departed, "05:00:00"))
        }
        #expect(rules.table.count <= 16)
        #expect(rules.table.trip(try trip(100)) != nil)
        #expect(rules.take(try event(1, "VINCENNES", .departed, "05:00:00")).taken == .tooLate)
        #expect(rules.summary.trips == 100)
    }

    @Test("State that was kept and read again goes on as if nothing had happened")
    func restart() throws {
        var rules = TripDelayRules(network: try m1())
        _ = rules.take(try event(1, "NATION", .arrived, "05:05:40"))
        let bytes = try EventCodec.encode(rules.table)
        let table = try EventCodec.decode(TripTable.self, from: bytes)
        var again = TripDelayRules(network: try m1(), table: table, closed: rules.closed)
        #expect(again.take(try event(1, "VINCENNES", .departed, "05:00:00")).facts.map(\.delaySeconds) == [40])
    }

    @Test("A kept trip of a line that has changed since starts again and traps nothing")
    func changedLine() throws {
        var rules = TripDelayRules(network: try m1())
        _ = rules.take(try event(1, "NATION", .arrived, "05:05:40"))
        var description = m1Description()
        description.lines[0].stations.insert(
            StationDescription(id: "REUILLY", dwellSeconds: 20, runToNextSeconds: 60), at: 2)
        var longer = TripDelayRules(network: try Network(description), table: rules.table)
        #expect(longer.summary.trips == 0)
        _ = longer.take(try event(1, "VINCENNES", .departed, "05:00:00"))
        #expect(longer.take(try event(1, "CHATELET", .arrived, "05:30:00")).facts.count == 1)
        #expect(longer.summary.trips == 1)
    }

    @Test("Current delays: where each trip last arrived, newest trip first, at most so many")
    func current() throws {
        var rules = TripDelayRules(network: try m1())
        for number in 1...3 as ClosedRange<UInt32> {
            _ = rules.take(try event(number, "VINCENNES", .departed, "05:00:00"))
            _ = rules.take(try event(number, "NATION", .arrived, "05:05:0\(number)"))
        }
        _ = rules.take(try event(3, "CHATELET", .arrived, "05:17:00"))
        let delays = rules.currentDelays(limit: 2)
        #expect(delays.map(\.trip.number) == [3, 2])
        #expect(delays.map(\.delaySeconds) == [10, 2])
        #expect(delays.map(\.finished) == [true, false])
    }

    @Test("Tallies of rules per partition add up to the tally of one")
    func tallies() throws {
        let events = try LabData.events(trips: 60).flatMap { $0 }
        var whole = TripDelayRules(network: try m1())
        var parts = [whole, whole, whole]
        for event in events {
            _ = whole.take(event)
            _ = parts[Int(event.trip.number % 3)].take(event)
        }
        var sum = DelayTally()
        for part in parts { sum.add(part.tally) }
        #expect(sum == whole.tally)
    }

    @Test("The summary's JSON has exactly the keys of the interface")
    func json() throws {
        var rules = TripDelayRules(network: try m1())
        _ = rules.take(try event(1, "VINCENNES", .departed, "05:00:00"))
        _ = rules.take(try event(1, "NATION", .arrived, "05:05:31"))
        let text = String(decoding: try EventCodec.encode(rules.summary), as: UTF8.self)
        let station = #"{"arrivals":1,"late":1,"meanDelaySeconds":31}"#
        #expect(text == #"{"byStation":{"NATION":\#(station)},"late":1,"maxDelaySeconds":31,"trips":1}"#)
    }
}
