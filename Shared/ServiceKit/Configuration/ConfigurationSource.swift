/// One `--set key=value` of the command line, or a flag that stands for one.
public struct ConfigurationOverride: Sendable, Equatable {
    /// The key's path; parts joined by dots, quoted or not: `kafka."num.partitions"` equals `kafka.num.partitions`.
    public var key: String
    public var value: String

    public init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    /// The path with quotes removed, to compare with `ConfigurationPath.plain`.
    var plainKey: String { String(key.filter { $0 != "\"" && $0 != "'" && $0 != " " }) }
}

/// The sources of a process's configuration, highest precedence first: command line, environment, TOML file.
///
/// Environment variables are named `SIGNALBOX_` + the key's path in upper case, table levels joined by `__`,
/// dots and dashes inside a name replaced by `_`: `http.port` is `SIGNALBOX_HTTP__PORT`,
/// `kafka."num.partitions"` is `SIGNALBOX_KAFKA__NUM_PARTITIONS`. `SIGNALBOX_CONFIG` names the file itself.
public struct ConfigurationSource: Sendable {
    /// The variable that names the TOML file when the command line does not.
    public static let fileVariable = "SIGNALBOX_CONFIG"

    let document: ConfigurationDocument
    let environment: [String: String]
    let overrides: [ConfigurationOverride]

    /// Reads the file (none when `file` and `SIGNALBOX_CONFIG` are absent); throws when it cannot be read or parsed.
    public init(
        file: String?, environment: [String: String], overrides: [ConfigurationOverride]
    ) throws(ConfigurationError) {
        let path = file ?? environment[Self.fileVariable]
        self.init(
            document: try path.map { (path) throws(ConfigurationError) in try ConfigurationDocument(path: path) }
                ?? .empty,
            environment: environment, overrides: overrides)
    }

    /// Takes the TOML text itself; `path` is used in messages only.
    public init(
        text: String, path: String, environment: [String: String] = [:], overrides: [ConfigurationOverride] = []
    ) throws(ConfigurationError) {
        self.init(
            document: try ConfigurationDocument(text: text, path: path), environment: environment,
            overrides: overrides)
    }

    private init(
        document: ConfigurationDocument, environment: [String: String], overrides: [ConfigurationOverride]
    ) {
        self.document = document
        self.overrides = overrides
        self.environment = environment.filter {
            $0.key.hasPrefix(ConfigurationPath.environmentPrefix) && $0.key != Self.fileVariable
        }
    }

    /// A source without file, environment or overrides: every key has its default.
    public static let defaults = ConfigurationSource(document: .empty, environment: [:], overrides: [])

    /// The winning value of a key among paths that mean the same key; earlier paths win inside one source.
    func find(_ paths: [ConfigurationPath], marking log: ConfigurationReadLog) -> FoundValue? {
        log.use(paths)
        for path in paths {
            if let override = overrides.last(where: { $0.plainKey == path.plain }) {
                return FoundValue(path: path, content: .text(override.value), origin: .commandLine)
            }
        }
        for path in paths {
            let name = path.environmentName
            if let text = environment[name] {
                return FoundValue(path: path, content: .text(text), origin: .environment(variable: name))
            }
        }
        for path in paths {
            if let value = document.value(at: path) {
                return FoundValue(path: path, content: .value(value), origin: document.origin(of: path))
            }
        }
        return nil
    }
}

/// A value as a source holds it: text still to be read as some type, or a typed TOML value.
struct FoundValue {
    enum Content {
        case text(String)
        case value(ConfigurationValue)
    }

    var path: ConfigurationPath
    var content: Content
    var origin: ConfigurationOrigin
}
