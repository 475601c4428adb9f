import EventStreams
import Railway
import ServiceKit
import Testing

@testable import StationService

@Suite("Recordings")
struct RecordingTests {
    private func recording(_ text: String) -> Recording {
        Recording(path: "nation.txt", station: "NATION", bytes: Array(text.utf8))
    }

    @Test("Lines that cannot be read keep their number and their reason; empty ones are left out")
    func badLines() {
        let lines = Array(
            recording(
                "1|NATION|ARRIVED|2022-10-11 05:04:59\n\ngarbage\n1|BASTILLE|ARRIVED|2022-10-11 05:04:59\n"
                    + "1|NATION|DEPARTURE|2022-10-11 05:05:13\r\n"
            ).lines)
        #expect(lines.count == 4)
        let problems = lines.compactMap { line -> Int? in
            if case .failure(let problem) = line { problem.number } else { nil }
        }
        #expect(problems == [3, 4])
    }

    @Test("Bytes that are no UTF-8 are a bad line, not a crash")
    func noText() {
        let recording = Recording(path: "nation.txt", station: "NATION", bytes: [0xff, 0xfe, 0x0a, 0x31])
        #expect(recording.lines.allSatisfy { if case .failure = $0 { true } else { false } })
    }

    @Test("The service date is the first readable line's, or the configured one")
    func calendar() throws {
        let text = "bad\n1|NATION|ARRIVED|2022-10-12 00:10:00\n2|NATION|ARRIVED|2022-10-12 06:10:00\n"
        let own = try #require(recording(text).calendar(nil))
        #expect(own.serviceDate.description == "2022-10-11")
        #expect(own.daysPerLoop == 2)
        let date = try #require(ServiceDate("2030-01-01"))
        let configured = try #require(recording(text).calendar(date))
        #expect(configured.serviceDate == date)
        #expect(recording("bad\n").calendar(nil) == nil)
    }

    @Test("A file that is not there is one line that names it")
    func missing() throws {
        let error = #expect(throws: StartupError.self) { try Recording(path: "/nowhere/X.txt", station: "NATION") }
        #expect(error?.description == "recording of NATION: /nowhere/X.txt cannot be read: No such file or directory")
    }

    @Test("At a speed events wait for their turn; at max never")
    func pace() throws {
        let begin = try TestRailway.instant("2022-10-11T05:00:00+02:00")
        let real = ContinuousClock.now
        let event = begin.adding(seconds: 120)
        let pace = ReplayPace(.times(60), begin: begin, real: real)
        #expect(pace.delay(until: event, now: real) == .seconds(2))
        #expect(pace.delay(until: event, now: real + .seconds(3)) == .zero)
        #expect(ReplayPace(.maximum, begin: begin, real: real).delay(until: event, now: real) == .zero)
    }
}

@Suite("Station configuration")
struct StationConfigurationTests {
    private func read(_ text: String) throws -> StationConfiguration {
        let reader = ConfigurationReader(try ConfigurationSource(text: text, path: "/etc/x/station.toml"))
        let configuration = try StationConfiguration(reader)
        try reader.finish()
        return configuration
    }

    @Test("Speeds are written as numbers or as text")
    func speeds() throws {
        for (written, expected) in [("60", 60.0), ("\"60\"", 60), ("0.5", 0.5)] {
            let configuration = try read("[station]\nid = \"NATION\"\nspeed = \(written)")
            guard case .simulate(let settings) = configuration.source else { throw StartupError("not simulated") }
            #expect(settings.speed == expected)
        }
    }

    @Test("A replay's folder is relative to its TOML file, and max is its default speed")
    func replay() throws {
        let configuration = try read("[station]\nid = \"NATION\"\nsource = \"replay\"\ndirectory = \"../lab\"")
        let expected = ReplaySettings(file: "/etc/x/../lab/NATION.txt", speed: .maximum, loops: false, serviceDate: nil)
        #expect(configuration.source == .replay(expected))
    }

    @Test(
        "Wrong values are told with file and line",
        arguments: [
            ("speed = \"max\"", "/etc/x/station.toml:3: 'station.speed' 'max' is for source = \"replay\""),
            ("speed = -1", "/etc/x/station.toml:3: 'station.speed' is '-1'"),
            ("source = \"replay\"", "/etc/x/station.toml:3: 'station.source' is 'replay', which needs"),
            ("service_date = \"x\"", "/etc/x/station.toml:3: 'station.service_date' is 'x'"),
            ("anchor = \"x\"", "/etc/x/station.toml:3: 'station.anchor' is 'x'"),
            ("sped = 1", "/etc/x/station.toml:3: unknown key 'station.sped' (did you mean"),
        ])
    func wrong(_ line: String, _ expected: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try read("[station]\nid = \"NATION\"\n\(line)") }
        #expect(error?.description.hasPrefix(expected) == true, "\(error?.description ?? "")")
    }

    @Test("A station is hosted under its id in lower case with dashes")
    func partName() {
        #expect(StationService.partName(of: "GARE_DE_LYON") == "station-gare-de-lyon")
    }
}
