import ServiceKit
import Testing

@Suite("Configuration: errors name file, line and what is wrong", .tags(.unit))
struct ConfigurationErrorsTests {
    @Test("An unknown key is told with its line and the key that was meant")
    func unknownKey() throws {
        let reader = try reader(
            """
            # The delays service.
            [http]
            port = 8091  # as always

            [kafka]
            # where the log is
            bootstap_servers = "127.0.0.1:9092"
            """)
        _ = try reader.int("http.port", default: 1)
        _ = try reader.string("kafka.bootstrap_servers", default: "x")
        #expect(
            configurationError { try reader.finish() }
                == "config/test.toml:7: unknown key 'kafka.bootstap_servers' (did you mean 'bootstrap_servers'?)")
    }

    @Test("A required key that is misspelt is told as the misspelt key")
    func misspeltRequired() throws {
        let reader = try reader("[kafka]\nbootstap_servers = \"x\"")
        #expect(
            configurationError { _ = try reader.string("kafka.bootstrap_servers") }
                == "config/test.toml:2: unknown key 'kafka.bootstap_servers' (did you mean 'bootstrap_servers'?)")
    }

    @Test("All unknown keys are told, in the order of their lines; a misspelt table by its whole path")
    func manyUnknownKeys() throws {
        let reader = try reader("zebra = 1\n[htp]\nport = 2\n\n[[list]]\nname = \"x\"")
        _ = try reader.int("http.port", default: 1)
        #expect(
            configurationError { try reader.finish() } == """
                config/test.toml:1: unknown key 'zebra'
                config/test.toml:3: unknown key 'htp.port' (did you mean 'http.port'?)
                config/test.toml:6: unknown key 'list[0].name'
                """)
    }

    @Test("A missing key names the file, or the command line when there is none")
    func missing() throws {
        #expect(
            configurationError { _ = try reader("[kafka]\n").string("kafka.bootstrap_servers") }
                == "config/test.toml:1: missing key 'kafka.bootstrap_servers'")
        let empty = ConfigurationReader(try ConfigurationSource(file: nil, environment: [:], overrides: []))
        #expect(
            configurationError { _ = try empty.string("kafka.bootstrap_servers") }
                == "command line: missing key 'kafka.bootstrap_servers'")
    }

    @Test("A wrong type says what is expected and what is there")
    func wrongType() throws {
        let reader = try reader(
            "[http]\nport = \"abc\"\nopen = 1\nlinger = 5\nsize = \"big\"\nnames = [1]\nname = 3\nratio = true")
        #expect(
            configurationError { _ = try reader.int("http.port") }
                == "config/test.toml:2: 'http.port' must be an integer, not a string")
        #expect(
            configurationError { _ = try reader.bool("http.open") }
                == "config/test.toml:3: 'http.open' must be true or false, not an integer")
        #expect(
            configurationError { _ = try reader.duration("http.linger") }
                == "config/test.toml:4: 'http.linger' must be a duration such as \"5ms\" or \"7d\", not an integer")
        #expect(
            configurationError { _ = try reader.bytes("http.size") }
                == "config/test.toml:5: 'http.size' must be a size such as \"64MiB\", not 'big'")
        #expect(
            configurationError { _ = try reader.list("http.names") }
                == "config/test.toml:6: 'http.names' must be an array of strings, not an array")
        #expect(
            configurationError { _ = try reader.string("http.name") }
                == "config/test.toml:7: 'http.name' must be a string, not an integer")
        #expect(
            configurationError { _ = try reader.double("http.ratio") }
                == "config/test.toml:8: 'http.ratio' must be a number, not a boolean")
    }

    @Test("A value out of range says the range")
    func outOfRange() throws {
        let reader = try reader(
            "[a]\nport = 70000\nmode = \"fast\"\nwait = \"2h\"\nsize = \"1KiB\"\nratio = 1.5\ncount = 0")
        #expect(
            configurationError { _ = try reader.int("a.port", in: 1...65_535) }
                == "config/test.toml:2: 'a.port' must be in 1...65535, not 70000")
        #expect(
            configurationError { _ = try reader.string("a.mode", oneOf: ["simulate", "replay"]) }
                == "config/test.toml:3: 'a.mode' must be one of simulate, replay, not 'fast'")
        #expect(
            configurationError { _ = try reader.duration("a.wait", in: .seconds(1) ... .seconds(3_600)) }
                == "config/test.toml:4: 'a.wait' must be in 1s...1h, not '2h'")
        #expect(
            configurationError { _ = try reader.bytes("a.size", in: (1 << 20)...(1 << 30)) }
                == "config/test.toml:5: 'a.size' must be in 1MiB...1GiB, not '1KiB'")
        #expect(
            configurationError { _ = try reader.double("a.ratio", in: 0...1) }
                == "config/test.toml:6: 'a.ratio' must be in 0.0...1.0, not 1.5")
        #expect(
            configurationError { _ = try reader.int("a.count", in: 1...Int.max) }
                == "config/test.toml:7: 'a.count' must be at least 1, not 0")
    }

    @Test("A syntax error has the parser's line and stays on one line")
    func syntaxError() {
        let text = configurationError { _ = try reader("[http]\nport = \n") }
        #expect(text.hasPrefix("config/test.toml:2: "))
        #expect(!text.contains("\n"))
    }

    @Test("A file that is not there is named")
    func noFile() {
        #expect(
            configurationError {
                _ = try ConfigurationSource(file: "config/none.toml", environment: [:], overrides: [])
            } == "config/none.toml: no such file")
    }

    @Test("The environment's and the command line's errors name the variable and the command line")
    func otherSources() throws {
        let fromEnvironment = try reader("", environment: ["SIGNALBOX_HTTP__PORT": "abc"])
        #expect(
            configurationError { _ = try fromEnvironment.int("http.port", default: 1) }
                == "environment SIGNALBOX_HTTP__PORT: 'http.port' must be an integer, not 'abc'")
        let fromArguments = try reader("", set: ["http.port": "abc"])
        #expect(
            configurationError { _ = try fromArguments.int("http.port", default: 1) }
                == "command line: 'http.port' must be an integer, not 'abc'")
    }

    @Test("Unknown variables and --set keys are errors too")
    func unknownOtherSources() throws {
        let reader = try reader("", environment: ["SIGNALBOX_HTTP__PORTT": "1"], set: ["http.prt": "1"])
        _ = try reader.int("http.port", default: 1)
        #expect(
            configurationError { try reader.finish() } == """
                command line: unknown key 'http.prt' (did you mean 'port'?)
                environment SIGNALBOX_HTTP__PORTT: stands for no known key (did you mean SIGNALBOX_HTTP__PORT?)
                """)
    }

    @Test("A service can report at a key's place what only it can check")
    func ownError() throws {
        let reader = try reader("[log]\nminimum = 5\nmaximum = 3")
        _ = try reader.int("log.minimum")
        #expect(
            "\(reader.error("log.maximum", "must be at least 'log.minimum'"))"
                == "config/test.toml:3: 'log.maximum' must be at least 'log.minimum'")
    }

    @Test("Lines are right after long strings, arrays over lines, inline tables and comments")
    func linesAfterOddities() throws {
        let reader = try reader(
            """
            title = \"\"\"
            [http]
            port = 1
            \"\"\"
            list = [ # with a comment ]
              "a",
              "]",
            ]
            point = { x = 1, y = "}" }
            literal = 'C:\\'
            raw = '''
            x = 1'''
            [[line]]
            name = "A"
            [line.stop]
            minutes = 3
            [[line]]
            [ "quoted.table" . sub ]
            z = 1
            """)
        #expect(
            configurationError { try reader.finish() } == """
                config/test.toml:1: unknown key 'title'
                config/test.toml:5: unknown key 'list'
                config/test.toml:9: unknown key 'point.x'
                config/test.toml:9: unknown key 'point.y'
                config/test.toml:10: unknown key 'literal'
                config/test.toml:11: unknown key 'raw'
                config/test.toml:14: unknown key 'line[0].name'
                config/test.toml:16: unknown key 'line[0].stop.minutes'
                config/test.toml:17: unknown key 'line[1]'
                config/test.toml:19: unknown key '"quoted.table".sub.z'
                """)
    }
}
