import EventStreams
import Railway
import Testing

@testable import StationService

@Suite("What a simulated station tells")
struct SimulationScheduleTests {
    private func schedule(_ station: StationID, from: String, network: Network? = nil) throws -> SimulationSchedule {
        let network = try network ?? TestRailway.network()
        let line = try TestRailway.line(network)
        let clock = SimulationClock(
            anchor: try TestRailway.instant("2026-01-01T00:00:00Z"), speed: 1, skipsNights: false, line: line,
            offsets: TestRailway.offsets)
        return try SimulationSchedule(
            station: station, line: line, seed: 7, from: try TestRailway.instant(from), clock: clock,
            railway: network, offsets: TestRailway.offsets)
    }

    private func events(_ schedule: SimulationSchedule, _ count: Int) -> [StationEvent] {
        var schedule = schedule
        return (0..<count).compactMap { _ in schedule.next() }
    }

    @Test("Every station tells the same trips: one is told by all or by none")
    func sameTrips() throws {
        let from = "2026-03-02T08:03:00+01:00"
        let first = events(try schedule("VINCENNES", from: from), 100).map(\.trip)
        let arrivals = events(try schedule("CHATELET", from: from), 100).map(\.trip)
        #expect(first == arrivals)
        #expect(first.count == 100)
    }

    @Test("Nothing of a trip that left before the beginning is told")
    func beginning() throws {
        let from = try TestRailway.instant("2026-03-02T08:03:00+01:00")
        let first = try #require(events(try schedule("VINCENNES", from: "2026-03-02T08:03:00+01:00"), 1).first)
        #expect(first.at.instant >= from)
        let last = try #require(events(try schedule("CHATELET", from: "2026-03-02T08:03:00+01:00"), 1).first)
        #expect(last.trip == first.trip)
    }

    @Test("Time goes on over the end of a service date, in order")
    func overMidnight() throws {
        let told = events(try schedule("NATION", from: "2026-03-02T23:50:00+01:00"), 60)
        #expect(told.count == 60)
        #expect(Set(told.map(\.trip.serviceDate)).count == 2)
        #expect(zip(told, told.dropFirst()).allSatisfy { $0.at.instant <= $1.at.instant })
    }

    @Test("A line without headways has nothing to tell")
    func noHeadways() throws {
        let network = try TestRailway.network(headways: [])
        #expect(events(try schedule("NATION", from: "2026-03-02T08:00:00+01:00", network: network), 1).isEmpty)
    }
}
