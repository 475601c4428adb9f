import Railway
import ServiceKit
import Testing

@testable import DashboardService

@Suite("The picture of the line")
struct LineStateTests {
    private func network() throws -> Network {
        try Network(
            NetworkDescription(
                timeZone: "Europe/Paris",
                lines: [
                    LineDescription(
                        id: "M1",
                        stations: [
                            StationDescription(id: "VINCENNES", name: "Vincennes", runToNextSeconds: 300),
                            StationDescription(id: "NATION", name: "Nation", dwellSeconds: 20, runToNextSeconds: 180),
                            StationDescription(id: "CHATELET"),
                        ])
                ]))
    }

    private func trip(_ number: UInt32) throws -> TripID {
        TripID(serviceDate: try #require(ServiceDate("2022-10-11")), line: "M1", number: number)
    }

    private func time(_ seconds: Int) -> OffsetDateTime {
        OffsetDateTime(Instant(seconds: 1_665_457_200 + Int64(seconds)), offsetSeconds: 7200)
    }

    private func event(
        _ number: UInt32, _ station: StationID, _ state: StationState, _ seconds: Int, _ sequence: Int
    ) throws -> StationEvent {
        StationEvent(
            trip: try trip(number), train: "T\(number)", station: station, state: state, at: time(seconds),
            platform: "1", sequence: sequence)
    }

    private func delay(_ number: UInt32, _ seconds: Int, at: Int) throws -> DelayChanged {
        DelayChanged(
            trip: try trip(number), train: "T\(number)", station: "NATION", scheduled: time(at - seconds),
            at: time(at), delaySeconds: seconds)
    }

    @Test("Before the first event there is neither time nor train")
    func empty() throws {
        let document = LineState(network: try network(), lateSeconds: 30).document(at: 1_000)
        #expect(document.now == nil)
        #expect(document.trains.isEmpty)
    }

    @Test("A train runs to its next station, and is late from the threshold on", arguments: [29, 30])
    func late(_ seconds: Int) throws {
        var state = LineState(network: try network(), lateSeconds: 30)
        let hasMoved = state.take(try event(1, "VINCENNES", .departed, 0, 1), toldAt: 0)
        let isNews = state.take(try delay(1, seconds, at: 300))
        #expect(hasMoved && isNews)
        let train = try #require(state.document(at: 0).trains.first)
        #expect(train.next == "NATION")
        #expect(train.runSeconds == 300)
        #expect(train.delaySeconds == seconds)
        #expect(train.isLate == (seconds >= 30))
    }

    @Test("The newest delay of a trip holds, in event time; a repeat is no news")
    func delays() throws {
        var delays = RecentDelays()
        let news = [
            delays.take(try delay(1, 60, at: 600)), delays.take(try delay(1, 10, at: 300)),
            delays.take(try delay(1, 60, at: 600)),
        ]
        #expect(news == [true, false, false])
        #expect(delays[try trip(1)] == 60)
        #expect(delays[try trip(2)] == nil)
    }

    @Test("A page that comes gets network, trains and topics first")
    func snapshot() throws {
        let room = ControlRoom(network: try network(), lateSeconds: 30)
        room.take(try event(1, "VINCENNES", .departed, 0, 1), toldAt: 0)
        let snapshot = try room.snapshot()
        #expect(snapshot.map(\.event) == ["network", "line", "topics"])
        #expect(snapshot[0].data.contains("\"arrivalAfterSeconds\":500"))
        #expect(snapshot[1].data.contains("\"train\":\"T1\""))
        #expect(snapshot[2].data.contains("\"isReachable\":false"))
    }

    @Test("A change is told to the pages once; without pages or changes nothing is told")
    func publishes() async throws {
        let room = ControlRoom(network: try network(), lateSeconds: 30)
        room.take(try event(1, "VINCENNES", .departed, 0, 1), toldAt: 0)
        try room.publishLine(always: false)
        let events = room.broadcast.subscribe().events
        try room.publishLine(always: false)
        room.take(try event(1, "NATION", .arrived, 330, 2), toldAt: 1_000)
        try room.publishLine(always: false)
        try room.publishLine(always: false)
        room.broadcast.finish()
        var count = 0
        for try await event in events {
            #expect(event.data.contains("\"station\":\"NATION\""))
            count += 1
        }
        #expect(count == 1)
    }
}
