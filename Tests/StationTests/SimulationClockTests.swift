import EventStreams
import Railway
import Testing

@testable import StationService

/// The line of `config/network.toml` with its zone, without reading it: Paris in winter.
enum TestRailway {
    static let offsets = FixedUTCOffset(seconds: 3600)

    static func network(headways: [HeadwayDescription]? = nil) throws -> Network {
        let stations = [
            StationDescription(id: "VINCENNES", runToNextSeconds: 300),
            StationDescription(id: "NATION", dwellSeconds: 20, runToNextSeconds: 180),
            StationDescription(id: "CHATELET"),
        ]
        let bands = headways ?? [HeadwayDescription(from: "05:00", to: "24:30", seconds: 300)]
        return try Network(
            NetworkDescription(
                timeZone: "Europe/Paris",
                lines: [LineDescription(id: "M1", stations: stations, headways: bands)]))
    }

    static func line(_ network: Network) throws -> Line { try #require(network.lines.first) }

    static func instant(_ text: String) throws -> Instant { try #require(OffsetDateTime(text)).instant }
}

@Suite("Simulated time")
struct SimulationClockTests {
    private func clock(speed: Double, skipsNights: Bool) throws -> SimulationClock {
        SimulationClock(
            anchor: try TestRailway.instant("2026-01-01T00:00:00Z"), speed: speed, skipsNights: skipsNights,
            line: try TestRailway.line(TestRailway.network()), offsets: TestRailway.offsets)
    }

    @Test("At speed 1 simulated time is real time")
    func realTime() throws {
        let clock = try clock(speed: 1, skipsNights: false)
        for text in ["2025-06-01T03:04:05Z", "2026-11-21T08:00:00Z", "2040-01-01T00:00:00Z"] {
            let now = try TestRailway.instant(text)
            #expect(clock.simulated(at: now) == now)
            #expect(clock.real(at: now) == now)
        }
    }

    @Test("Time passes from the anchor on, so many times as fast", arguments: [0.5, 20, 60])
    func speed(_ speed: Double) throws {
        let clock = try clock(speed: speed, skipsNights: false)
        let later = clock.simulated(at: clock.anchor.adding(seconds: 3600))
        #expect(later == clock.anchor.adding(seconds: Int(3600 * speed)))
    }

    @Test("Clocks made at different times agree: restarts and other stations see one time")
    func agreement() throws {
        let now = try TestRailway.instant("2026-11-21T08:00:00Z")
        let first = try clock(speed: 20, skipsNights: true)
        let second = try clock(speed: 20, skipsNights: true)
        #expect(first.simulated(at: now) == second.simulated(at: now))
    }

    @Test("An event's real time is the first millisecond at which it is due", arguments: [false, true])
    func inverse(_ skipsNights: Bool) throws {
        let clock = try clock(speed: 20, skipsNights: skipsNights)
        var now = try TestRailway.instant("2026-11-21T08:00:00Z")
        for _ in 0..<500 {
            now = Instant(milliseconds: now.milliseconds + 61_337)
            let simulated = clock.simulated(at: now)
            let real = clock.real(at: simulated)
            #expect(clock.simulated(at: real) >= simulated)
            #expect(clock.simulated(at: Instant(milliseconds: real.milliseconds - 1)) < simulated)
        }
    }

    @Test("With nights skipped it is always an hour of operation, and time never goes back")
    func nights() throws {
        let clock = try clock(speed: 60, skipsNights: true)
        var now = try TestRailway.instant("2026-11-21T00:00:00Z")
        var last = clock.simulated(at: now)
        for _ in 0..<2_000 {
            now = Instant(milliseconds: now.milliseconds + 7_000)
            let simulated = clock.simulated(at: now)
            #expect(simulated > last)
            last = simulated
            let local = TestRailway.offsets.dateTime(simulated).local
            // 05:00 until 24:30 + 500 s of the trip + the margin.
            let isNight = (3_600...17_999).contains(local.secondOfDay)
            #expect(!isNight, "\(local) is in the night")
        }
    }

    @Test("A time in the night that is skipped is told at the end of the day before it")
    func inTheNight() throws {
        let clock = try clock(speed: 60, skipsNights: true)
        let night = try TestRailway.instant("2026-02-02T04:30:00+01:00")
        let morning = try TestRailway.instant("2026-02-02T05:00:00+01:00")
        #expect(clock.real(at: night) == clock.real(at: morning))
    }
}
