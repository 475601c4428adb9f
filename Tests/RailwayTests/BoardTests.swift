import Railway
import Testing

@Suite("Boards and train positions")
struct BoardTests {
    @Test("A board shows what is coming by expected time, what stands there, and drops what has left")
    func board() throws {
        let network = try m1()
        var rules = ArrivalRules(network: network)
        var boards = BoardTable(network: network)
        let events = [
            try event(2, "VINCENNES", .departed, "05:06:00"), try event(1, "VINCENNES", .departed, "05:00:00"),
            try event(1, "NATION", .arrived, "05:05:40"),
        ]
        for told in events {
            for fact in rules.take(told).facts { #expect(boards.take(fact) == true) }
        }
        let board = try #require(boards.board("NATION"))
        #expect(board.name == "Nation")
        #expect(board.trips.map(\.trip.number) == [1, 2])
        #expect(board.trips.map(\.state) == [.atPlatform, .expected])
        #expect(board.trips.first?.delaySeconds == 40)
        #expect(board.trips.first?.destination == "Châtelet")
        #expect(board.at?.description == "2022-10-11T05:06:00+02:00")
        let later = [try event(1, "NATION", .departed, "05:06:10"), try event(2, "NATION", .arrived, "05:11:00")]
        for told in later {
            for fact in rules.take(told).facts { _ = boards.take(fact) }
        }
        #expect(boards.board("NATION")?.trips.map(\.trip.number) == [2])
        #expect(boards.board("NATION", limit: 0)?.trips.isEmpty == true)
        #expect(boards.board("OPERA") == nil)
    }

    @Test("A repeated prediction changes nothing; the number of trips held is bounded")
    func bounds() throws {
        let network = try m1()
        var rules = ArrivalRules(network: network)
        var boards = BoardTable(network: network, maximumTripsPerStation: 10)
        for number in 1...50 as ClosedRange<UInt32> {
            for fact in rules.take(try event(number, "VINCENNES", .departed, "05:00:\(number + 9)")).facts {
                #expect(boards.take(fact) == true)
                #expect(boards.take(fact) == false)
            }
        }
        let shown = try #require(boards.board("NATION", limit: 1000)).trips
        #expect((5...10).contains(shown.count))
        #expect(shown.last?.trip.number == 50)
    }

    @Test("The clock follows the newest event, and goes back only for another run of events")
    func clock() throws {
        var clock = EventClock()
        let noon = try #require(OffsetDateTime("2022-10-11T12:00:00+02:00"))
        clock.advance(to: noon)
        clock.advance(to: noon.adding(seconds: -3600))
        #expect(clock.now == noon)
        clock.advance(to: noon.adding(seconds: -3601))
        #expect(clock.now == noon.adding(seconds: -3601))
    }

    @Test("A train is at a platform or part of the way, never back, and goes when it has ended or fallen silent")
    func positions() throws {
        var trains = TrainPositions(network: try m1())
        let departed = try event(1, "VINCENNES", .departed, "05:00:00")
        #expect(trains.take(departed) == true)
        #expect(trains.take(departed) == false)
        let half = try #require(trains.positions(at: departed.at.instant.adding(seconds: 150)).first)
        #expect(half.fraction == 0.5)
        #expect(half.next == "NATION")
        #expect(trains.positions(at: departed.at.instant.adding(seconds: 600)).first?.fraction == 0.99)
        #expect(trains.positions(at: departed.at.instant.adding(seconds: 1801)).isEmpty)
        #expect(trains.take(try event(1, "BASTILLE", .arrived, "05:12:00")) == true)
        #expect(trains.take(try event(1, "NATION", .arrived, "05:05:00")) == false)
        let standing = try #require(trains.positions().first)
        #expect(standing.station == "BASTILLE")
        #expect(standing.next == nil)
        let ended = try event(1, "CHATELET", .arrived, "05:17:00")
        #expect(trains.take(ended) == true)
        #expect(trains.positions(at: ended.at.instant.adding(seconds: 60)).count == 1)
        #expect(trains.positions(at: ended.at.instant.adding(seconds: 61)).isEmpty)
        #expect(trains.take(try event(1, "OPERA", .arrived, "05:17:00")) == false)
    }

    @Test("The number of trains held is bounded")
    func bound() throws {
        var trains = TrainPositions(network: try m1(), maximumTrips: 8)
        for number in 1...50 as ClosedRange<UInt32> {
            _ = trains.take(try event(number, "VINCENNES", .departed, "05:00:00"))
        }
        #expect((4...8).contains(trains.positions().count))
    }
}
