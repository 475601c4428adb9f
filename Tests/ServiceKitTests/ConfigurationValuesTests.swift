import ServiceKit
import Testing

extension Tag {
    @Tag static var unit: Self
    @Tag static var integration: Self
}

/// A reader of TOML text called `config/test.toml`.
func reader(
    _ text: String, environment: [String: String] = [:], set: [String: String] = [:]
) throws -> ConfigurationReader {
    ConfigurationReader(
        try ConfigurationSource(
            text: text, path: "config/test.toml", environment: environment,
            overrides: set.map { ConfigurationOverride(key: $0.key, value: $0.value) }))
}

/// The text of the configuration error that an operation throws.
func configurationError(_ operation: () throws -> Void) -> String {
    do {
        try operation()
        return "no error"
    } catch {
        return "\(error)"
    }
}

@Suite("Configuration: values", .tags(.unit))
struct ConfigurationValuesTests {
    private enum Mode: String, CaseIterable {
        case simulate, replay
    }

    private static let document = """
        name = "Utrecht"
        mode = "replay"

        [http]
        port = 8091
        ratio = 0.5
        whole = 2
        open = true

        [log]
        retention = "7d"
        linger = "1m30s"
        segment = "64MiB"
        plain = 512
        names = ["a", "b"]
        """

    @Test("Every type is read from TOML")
    func types() throws {
        let reader = try reader(Self.document)
        #expect(try reader.string("name") == "Utrecht")
        #expect(try reader.choice("mode", default: Mode.simulate) == .replay)
        #expect(try reader.int("http.port", in: 1...65_535) == 8_091)
        #expect(try reader.double("http.ratio") == 0.5)
        #expect(try reader.double("http.whole") == 2)
        #expect(try reader.bool("http.open"))
        #expect(try reader.duration("log.retention") == .seconds(604_800))
        #expect(try reader.duration("log.linger") == .seconds(90))
        #expect(try reader.bytes("log.segment") == 67_108_864)
        #expect(try reader.bytes("log.plain") == 512)
        #expect(try reader.list("log.names") == ["a", "b"])
        try reader.finish()
    }

    @Test("Every type is read from text")
    func textTypes() throws {
        let reader = try reader(
            "",
            set: [
                "a.string": "x", "a.int": "-3", "a.double": "1.25", "a.bool": "yes", "a.duration": "5ms",
                "a.bytes": "10GB", "a.list": "one, two",
            ])
        #expect(try reader.string("a.string") == "x")
        #expect(try reader.int("a.int") == -3)
        #expect(try reader.double("a.double") == 1.25)
        #expect(try reader.bool("a.bool"))
        #expect(try reader.duration("a.duration") == .milliseconds(5))
        #expect(try reader.bytes("a.bytes") == 10_000_000_000)
        #expect(try reader.list("a.list") == ["one", "two"])
        try reader.finish()
    }

    @Test("Absent keys have their default, or no value when optional")
    func defaults() throws {
        let reader = try reader("")
        #expect(try reader.int("http.port", default: 8_080) == 8_080)
        #expect(try reader.list("names", default: ["x"]) == ["x"])
        #expect(try reader.optionalString("a") == nil)
        #expect(try reader.optionalInt("b") == nil)
        #expect(try reader.optionalDuration("c") == nil)
    }

    @Test("Command line wins over environment, environment over the file, the file over the default")
    func precedence() throws {
        let environment = ["SIGNALBOX_HTTP__PORT": "2"]
        let file = "[http]\nport = 3"
        #expect(
            try reader(file, environment: environment, set: ["http.port": "1"]).int("http.port", default: 4) == 1)
        #expect(try reader(file, environment: environment).int("http.port", default: 4) == 2)
        #expect(try reader(file).int("http.port", default: 4) == 3)
        #expect(try reader("").int("http.port", default: 4) == 4)
    }

    @Test("A section of a file for many services reads like a file of its own")
    func sections() throws {
        let reader = try reader(
            """
            [kafka]
            bootstrap_servers = "127.0.0.1:9092"

            [delays.http]
            port = 8091

            [arrivals.http]
            port = 8090

            [arrivals.kafka]
            bootstrap_servers = "other:1"
            """)
        let delays = reader.scoped("delays", shared: ["kafka"])
        let arrivals = reader.scoped("arrivals", shared: ["kafka"])
        #expect(try delays.int("http.port") == 8_091)
        #expect(try arrivals.int("http.port") == 8_090)
        #expect(try delays.string("kafka.bootstrap_servers") == "127.0.0.1:9092")
        #expect(try arrivals.string("kafka.bootstrap_servers") == "other:1")
        try reader.finish()
    }

    @Test("Named tables and arrays of tables are read one by one")
    func collections() throws {
        let reader = try reader(
            """
            [stations.nation]
            seed = 1
            [stations.bastille]
            seed = 2
            [[line]]
            name = "A"
            [[line]]
            name = "B"
            """)
        #expect(reader.tableNames(in: "stations") == ["bastille", "nation"])
        #expect(try reader.scoped("stations.nation").int("seed") == 1)
        #expect(try reader.scoped("stations").scoped("bastille").int("seed") == 2)
        #expect(try reader.elements("line").map { try $0.string("name") } == ["A", "B"])
        try reader.finish()
    }

    @Test(
        "Durations are read and shown in whole units",
        arguments: [
            ("0s", Duration.zero, "0s"), ("5ms", .milliseconds(5), "5ms"), ("7d", .seconds(604_800), "7d"),
            ("1h30m", .seconds(5_400), "90m"), ("1500ms", .milliseconds(1_500), "1500ms"),
            ("250us", .microseconds(250), "250us"), ("3ns", .nanoseconds(3), "3ns"),
        ])
    func durations(text: String, value: Duration, shown: String) {
        #expect(ConfigurationText.duration(text) == value)
        #expect(ConfigurationText.render(duration: value) == shown)
    }

    @Test("What is no duration or size is refused", arguments: ["", "5", "ms", "-5ms", "5 ms", "1.5s", "5x", "9e9s"])
    func wrongTexts(text: String) {
        #expect(ConfigurationText.duration(text) == nil)
        if text != "5" { #expect(ConfigurationText.bytes(text) == nil) }
    }

    @Test("A number too large for its unit is refused instead of wrapping")
    func overflow() {
        #expect(ConfigurationText.duration("9223372036854775807d") == nil)
        #expect(ConfigurationText.bytes("9223372036854775807TiB") == nil)
    }
}
