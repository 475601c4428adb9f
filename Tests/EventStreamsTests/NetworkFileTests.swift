import Railway
import ServiceKit
import Testing

@testable import EventStreams

@Suite("Network files")
struct NetworkFileTests {
    private static let text = """
        time_zone = "Europe/Paris"
        [[lines]]
        id = "M1"
        [[lines.stations]]
        id = "A"
        run_to_next_seconds = 60
        [[lines.stations]]
        id = "B"
        [[lines.headways]]
        from = "05:00"
        to = "06:00"
        seconds = 300
        """

    @Test("Lines, stations and headways are read in their order")
    func reading() throws {
        let network = try NetworkFile.network(text: Self.text, path: "network.toml")
        #expect(network.timeZone == "Europe/Paris")
        #expect(network.lines.map(\.id.rawValue) == ["M1"])
        #expect(network.lines[0].stops.map(\.station.id.rawValue) == ["A", "B"])
        #expect(network.lines[0].headways.count == 1)
    }

    @Test(
        "What is wrong is told with file and line",
        arguments: [
            ("seconds = 300", "seconds = 300\nsecs = 1", "network.toml:13: unknown key 'lines[0].headways[0].secs'"),
            ("id = \"B\"", "id = 7", "network.toml:8: 'lines[0].stations[1].id' must be"),
            ("run_to_next_seconds = 60", "run_to_next_second = 60", "network.toml:6: unknown key"),
            ("id = \"B\"", "id = \"A\"", "network.toml: line M1 names station A twice"),
        ])
    func wrong(_ right: String, _ wrong: String, _ expected: String) throws {
        let text = Self.text.replacing(right, with: wrong)
        let error = #expect(throws: (any Error).self) { try NetworkFile.network(text: text, path: "network.toml") }
        let description = error.map { "\($0)" } ?? ""
        #expect(description.hasPrefix(expected), "\(description)")
    }
}

@Suite("Paths")
struct PathTests {
    @Test("In a file a path is relative to the file's folder; from elsewhere to the working directory")
    func relative() throws {
        let text = "network = \"network.toml\""
        let file = ConfigurationReader(try ConfigurationSource(text: text, path: "/etc/signalbox/delays.toml"))
        #expect(try RailwayConfiguration(file).networkPath == "/etc/signalbox/network.toml")
        let override = ConfigurationReader(
            try ConfigurationSource(
                text: text, path: "/etc/signalbox/delays.toml",
                overrides: [ConfigurationOverride(key: "network", value: "here.toml")]))
        #expect(try RailwayConfiguration(override).networkPath == "here.toml")
        #expect(try RailwayConfiguration(ConfigurationReader(.defaults)).networkPath == "config/network.toml")
    }

    @Test("A bootstrap server without a port is an error at its line")
    func servers() throws {
        let text = "[kafka]\nbootstrap_servers = [\"broker\"]"
        let reader = ConfigurationReader(try ConfigurationSource(text: text, path: "x.toml"))
        let error = #expect(throws: ConfigurationError.self) { try EventLogConfiguration(reader) }
        #expect(
            error?.description == "x.toml:2: 'kafka.bootstrap_servers' has 'broker', which is not host:port")
    }
}
