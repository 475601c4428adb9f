import ServiceKit
import Testing

@Suite("Configuration: tables of Kafka's dotted names", .tags(.unit))
struct ConfigurationTableTests {
    private static let file = """
        [kafka]
        "num.partitions" = 6
        "log.retention.ms" = 604800000
        "compression.type" = "producer"
        "auto.create.topics.enable" = true
        "listeners" = ["PLAINTEXT://a:1", "PLAINTEXT://b:2"]
        """

    @Test("A quoted name with dots is one key")
    func quotedKeys() throws {
        let reader = try reader(Self.file)
        let table = try reader.table("kafka")
        #expect(
            table.properties == [
                "num.partitions": "6", "log.retention.ms": "604800000", "compression.type": "producer",
                "auto.create.topics.enable": "true", "listeners": "PLAINTEXT://a:1,PLAINTEXT://b:2",
            ])
        #expect(table["num.partitions"]?.value == .integer(6))
        #expect(table["num.partitions"]?.origin == .file(path: "config/test.toml", line: 2))
        try reader.finish()
    }

    @Test("Names outside the known ones are unknown keys with their line")
    func unknownNames() throws {
        let reader = try reader("[kafka]\n\"num.partitions\" = 6\n\"num.partition\" = 7")
        let table = try reader.table("kafka", known: ["num.partitions", "log.retention.ms"])
        #expect(table.entries.map(\.key) == ["num.partitions"])
        #expect(
            configurationError { try reader.finish() }
                == "config/test.toml:3: unknown key 'kafka.\"num.partition\"' (did you mean 'num.partitions'?)")
    }

    @Test("A name without quotes would be nested tables: the error shows how to write it")
    func unquotedNames() throws {
        let reader = try reader("[kafka]\nnum.partitions = 6")
        #expect(
            configurationError { _ = try reader.table("kafka") }
                == "config/test.toml:2: 'kafka.num' is a table; a name with dots is one key in quotes: "
                + "\"num.partitions\"")
    }

    @Test("Environment and command line set dotted names, known or not")
    func otherSources() throws {
        let environment = ["SIGNALBOX_KAFKA__NUM_PARTITIONS": "12", "SIGNALBOX_KAFKA__LOG_RETENTION_MS": "5"]
        let known: Set = ["num.partitions", "log.retention.ms", "log.dirs"]
        for set in [known, nil] {
            let reader = try reader(
                Self.file, environment: environment,
                set: ["kafka.num.partitions": "18", "kafka.\"log.dirs\"": "/data"])
            let table = try reader.table("kafka", known: set)
            #expect(table["num.partitions"]?.value == .string("18"))
            #expect(table["num.partitions"]?.origin == .commandLine)
            #expect(table["log.retention.ms"]?.value == .string("5"))
            #expect(table["log.dirs"]?.value == .string("/data"))
            if set == nil { try reader.finish() }
        }
    }

    @Test("A variable for no known name is an error")
    func unknownVariable() throws {
        let reader = try reader("", environment: ["SIGNALBOX_KAFKA__NUM_PARTS": "12"])
        _ = try reader.table("kafka", known: ["num.partitions"])
        #expect(
            configurationError { try reader.finish() }
                == "environment SIGNALBOX_KAFKA__NUM_PARTS: stands for no known key")
    }

    @Test("An entry's own check is reported at its place")
    func entryError() throws {
        let entry = try #require(try reader(Self.file).table("kafka")["num.partitions"])
        #expect(
            "\(entry.error("must be positive, not 6"))"
                == "config/test.toml:2: 'kafka.\"num.partitions\"' must be positive, not 6")
    }

    @Test("In a section the environment's name has the section in front")
    func sectionVariables() throws {
        let reader = try reader(
            "[broker.kafka]\n\"num.partitions\" = 6",
            environment: ["SIGNALBOX_BROKER__KAFKA__NUM_PARTITIONS": "3"])
        let table = try reader.scoped("broker").table("kafka", known: ["num.partitions"])
        #expect(table.properties == ["num.partitions": "3"])
        try reader.finish()
    }

    @Test("What is no table is told")
    func noTable() throws {
        #expect(
            configurationError { _ = try reader("kafka = 1").table("kafka") }
                == "config/test.toml:1: 'kafka' must be a table, not an integer")
    }
}

@Suite("Configuration: command line and descriptions", .tags(.unit))
struct CommandLineTests {
    @Test("File, overrides and an executable's own flags are understood, with = or a space")
    func arguments() throws {
        let options = try CommandLineOptions(
            arguments: ["--config", "a.toml", "--set", "http.port=1", "--data=/d", "--set=x.y=a=b"],
            flags: [CommandLineFlag("--data", keys: ["data.dir", "log.dir"])])
        #expect(options.configurationFile == "a.toml")
        #expect(
            options.overrides.map { "\($0.key)=\($0.value)" }
                == ["http.port=1", "data.dir=/d", "log.dir=/d", "x.y=a=b"])
        #expect(try CommandLineOptions(arguments: ["--help"]).action == .help)
    }

    @Test(
        "Wrong arguments are told on one line",
        arguments: [
            (["--confg", "x"], "command line: unknown argument '--confg' (did you mean '--config'?)"),
            (["up"], "command line: unknown argument 'up'"),
            (["--config"], "command line: --config needs a value"),
            (["--set", "x"], "command line: --set needs key=value, not 'x'"),
        ])
    func wrongArguments(arguments: [String], message: String) {
        #expect(configurationError { _ = try CommandLineOptions(arguments: arguments) } == message)
    }

    @Test("Keys can be listed with types and defaults without any configuration")
    func descriptions() throws {
        let keys = ConfigurationDescription.keys { reader in
            _ = try reader.string("kafka.bootstrap_servers", doc: "Where the log is.")
            _ = try reader.int("http.port", default: 8_091, in: 1...65_535, doc: "Port.")
            _ = try reader.duration("kafka.linger", default: .milliseconds(5))
        }
        #expect(
            ConfigurationDescription.markdown(keys) == """
                | key | type | default | meaning |
                |---|---|---|---|
                | `kafka.bootstrap_servers` | string | required | Where the log is. |
                | `http.port` | integer in 1...65535 | `8091` | Port. |
                | `kafka.linger` | duration | `"5ms"` |  |
                """)
        #expect(
            ConfigurationDescription.helpText(keys) == """
                  kafka.bootstrap_servers  string, required  Where the log is.
                  http.port                integer in 1...65535, default 8091  Port.
                  kafka.linger             duration, default "5ms"
                """)
    }
}
