import EventStreams
import Railway
import ServiceKit
import TestSupport
import Testing

@testable import ArrivalsService

@Suite("Boards and their pages")
struct BoardsTests {
    private let network: Network

    init() throws {
        let stations = [
            StationDescription(id: "VINCENNES", runToNextSeconds: 300),
            StationDescription(id: "NATION", dwellSeconds: 20, runToNextSeconds: 180),
            StationDescription(id: "CHATELET"),
        ]
        network = try Network(
            NetworkDescription(timeZone: "Europe/Paris", lines: [LineDescription(id: "M1", stations: stations)]))
    }

    private func prediction(_ station: StationID, trip: Int, delay: Int) throws -> ArrivalPrediction {
        let scheduled = try #require(OffsetDateTime("2022-10-11T08:00:00+02:00"))
        return ArrivalPrediction(
            trip: try #require(TripID("2022-10-11/M1/\(trip)")), train: "\(trip)", station: station, platform: "1",
            scheduled: scheduled, expected: scheduled.adding(seconds: delay), delaySeconds: delay, state: .expected,
            at: scheduled.adding(seconds: -60), causeEventId: "c")
    }

    private func received(_ predictions: ArrivalPrediction...) -> [ReceivedRecord<ArrivalPrediction>] {
        predictions.map { .event(.init(event: $0, source: "/services/arrivals")) }
    }

    @Test("A board shows what was predicted last")
    func folding() throws {
        let boards = Boards(network: network, refresh: .seconds(1))
        boards.take(received(try prediction("NATION", trip: 1, delay: 0), try prediction("NATION", trip: 1, delay: 40)))
        #expect(boards.board("NATION", limit: 5)?.trips.map(\.delaySeconds) == [40])
        #expect(boards.board("NOWHERE", limit: 5) == nil)
        #expect(boards.updates(of: "NOWHERE") == nil)
    }

    @Test("A page gets the board at once, then each board that differs, and nothing when nothing differs")
    func updates() async throws {
        let boards = Boards(network: network, refresh: .seconds(1))
        boards.take(received(try prediction("NATION", trip: 1, delay: 0)))
        boards.showChanges()
        var pages = try #require(boards.updates(of: "NATION")).makeAsyncIterator()
        let first = try #require(try await pages.next())
        #expect(first.event == "board" && first.data.contains("\"delaySeconds\":0"))
        boards.showChanges()
        boards.take(received(try prediction("NATION", trip: 1, delay: 0)))
        boards.showChanges()
        boards.take(received(try prediction("NATION", trip: 1, delay: 50)))
        boards.showChanges()
        let second = try #require(try await pages.next())
        #expect(second.data.contains("\"delaySeconds\":50"))
        #expect(second.id != first.id)
    }
}
