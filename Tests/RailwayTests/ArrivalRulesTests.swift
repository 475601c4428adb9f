import Railway
import Testing

@Suite("ArrivalRules")
struct ArrivalRulesTests {
    @Test("The first departure predicts every stop by plan")
    func anchor() throws {
        var rules = ArrivalRules(network: try m1())
        let facts = rules.take(try event(1, "VINCENNES", .departed, "05:00:00")).facts
        #expect(facts.map(\.station) == LabData.stations)
        #expect(facts.map(\.state) == [.left, .expected, .expected, .expected, .expected])
        // Planned: 300, 20 + 180, 35 + 180, 55 + 240.
        #expect(
            facts.map { $0.scheduled.instant.seconds(since: facts[0].scheduled.instant) } == [0, 300, 500, 715, 1010])
        #expect(facts.allSatisfy { $0.expected == $0.scheduled && $0.delaySeconds == 0 })
        #expect(facts[1].key == "NATION/2022-10-11/M1/1")
    }

    @Test("A delay holds for every later stop until the next arrival; each change is told once")
    func propagation() throws {
        var rules = ArrivalRules(network: try m1())
        _ = rules.take(try event(1, "VINCENNES", .departed, "05:00:00"))
        let arrival = try event(1, "NATION", .arrived, "05:05:45")
        let facts = rules.take(arrival).facts
        #expect(facts.map(\.station) == Array(LabData.stations.dropFirst()))
        #expect(facts.map(\.delaySeconds) == [45, 45, 45, 45])
        #expect(facts.map(\.state) == [.atPlatform, .expected, .expected, .expected])
        #expect(facts[1].expected.description == "2022-10-11T05:09:05+02:00")
        #expect(facts.allSatisfy { $0.causeEventId == arrival.eventID })
        #expect(rules.take(arrival).taken == .repeated)
        let departure = rules.take(try event(1, "NATION", .departed, "05:06:10")).facts
        #expect(departure.map(\.station) == ["NATION"])
        #expect(departure.map(\.state) == [.left])
        #expect(departure.map(\.delaySeconds) == [45])
    }

    @Test("A stop that was passed unseen has been left, and does not change what a later arrival says")
    func passedUnseen() throws {
        var rules = ArrivalRules(network: try m1())
        _ = rules.take(try event(1, "VINCENNES", .departed, "05:00:00"))
        let facts = rules.take(try event(1, "BASTILLE", .arrived, "05:12:05")).facts
        #expect(facts.map(\.station) == ["NATION", "GARE_DE_LYON", "BASTILLE", "CHATELET"])
        #expect(facts.map(\.state) == [.left, .left, .atPlatform, .expected])
        #expect(facts.map(\.delaySeconds) == [0, 0, 10, 10])
        let late = rules.take(try event(1, "NATION", .arrived, "05:05:50")).facts
        #expect(late.map(\.station) == ["NATION", "GARE_DE_LYON"])
        #expect(late.map(\.delaySeconds) == [50, 50])
    }

    @Test("Held events are told together when the first departure comes")
    func held() throws {
        var rules = ArrivalRules(network: try m1())
        #expect(rules.take(try event(1, "NATION", .arrived, "05:05:45")).facts.isEmpty)
        #expect(rules.take(try event(1, "NATION", .departed, "05:06:10")).taken == .held)
        let facts = rules.take(try event(1, "VINCENNES", .departed, "05:00:00")).facts
        #expect(facts.map(\.delaySeconds) == [0, 45, 45, 45, 45])
        #expect(facts.map(\.state) == [.left, .left, .expected, .expected, .expected])
    }

    @Test("Every prediction of a day has an id of its own")
    func ids() throws {
        var rules = ArrivalRules(network: try m1())
        let facts = shuffled(try LabData.events(trips: 50).flatMap { $0 }, seed: 3).flatMap { rules.take($0).facts }
        #expect(Set(facts.map(\.eventID)).count == facts.count)
    }
}
