/// Reads a service's configuration; every read declares a key.
///
/// A configuration struct reads all its keys in its initialiser, required ones without a default. Whoever made
/// the root reader calls `finish()` afterwards, which reports the keys that nobody read. Reads throw at the
/// first wrong value with its file and line. A reader may be copied and used from any task.
///
///     struct HTTPConfiguration {
///         init(_ reader: ConfigurationReader) throws(ConfigurationError) {
///             port = try reader.int("http.port", default: 8091, in: 1...65_535, doc: "Port of the HTTP interface.")
///         }
///     }
public struct ConfigurationReader: Sendable {
    let source: ConfigurationSource
    let log: ConfigurationReadLog
    let prefix: ConfigurationPath
    let shared: Set<String>

    /// A reader of the whole configuration.
    public init(_ source: ConfigurationSource) {
        self.init(
            source: source, log: ConfigurationReadLog(isDescribing: false), prefix: ConfigurationPath(), shared: [])
    }

    private init(
        source: ConfigurationSource, log: ConfigurationReadLog, prefix: ConfigurationPath, shared: Set<String>
    ) {
        self.source = source
        self.log = log
        self.prefix = prefix
        self.shared = shared
    }

    /// Whether keys are only being listed: values are placeholders then, and a check of their meaning would fail.
    public var isDescribing: Bool { log.isDescribing }

    /// A reader that only lists keys: all defaults, and a placeholder for each required key.
    public static func describing() -> ConfigurationReader {
        ConfigurationReader(
            source: .defaults, log: ConfigurationReadLog(isDescribing: true), prefix: ConfigurationPath(), shared: [])
    }

    /// A reader of one table, such as `[broker]` of a file for several services.
    ///
    /// `shared` names top-level tables, such as `kafka`, whose keys fall back to the root's where the section does
    /// not set them.
    public func scoped(_ table: String, shared: Set<String> = []) -> ConfigurationReader {
        ConfigurationReader(
            source: source, log: log, prefix: prefix.appending(ConfigurationPath(dotted: table)),
            shared: self.shared.union(shared))
    }

    /// One reader per element of an array of tables (`[[stations]]`), in the file's order; none when absent.
    public func elements(_ path: String) throws(ConfigurationError) -> [ConfigurationReader] {
        let full = prefix.appending(ConfigurationPath(dotted: path))
        guard let value = source.document.value(at: full) else { return [] }
        guard case .array(let elements) = value else {
            throw ConfigurationError(
                "'\(full)' must be an array of tables, not \(value.kind)", at: source.document.origin(of: full))
        }
        var readers: [ConfigurationReader] = []
        for (index, element) in elements.enumerated() {
            let path = full.appending(ConfigurationPath.element(index))
            guard case .table = element else {
                throw ConfigurationError(
                    "'\(path)' must be a table, not \(element.kind)", at: source.document.origin(of: path))
            }
            readers.append(ConfigurationReader(source: source, log: log, prefix: path, shared: []))
        }
        return readers
    }

    /// The names of the tables inside a table, such as `nation` of `[stations.nation]`, sorted.
    public func tableNames(in path: String) -> [String] {
        let full = prefix.appending(ConfigurationPath(dotted: path))
        guard case .table(let table) = source.document.value(at: full) else { return [] }
        return table.filter { if case .table = $0.value { true } else { false } }.keys.sorted()
    }

    /// True when any source sets the key.
    public func contains(_ path: String) -> Bool {
        source.find(paths(path), marking: log) != nil
    }

    /// The place of a key, to report what only the service can check, such as two keys that exclude each other.
    public func origin(of path: String) -> ConfigurationOrigin {
        source.find(paths(path), marking: log)?.origin ?? .builtIn
    }

    /// An error at a key's place; `message` follows the key's name, as in "must be less than 'http.port'".
    public func error(_ path: String, _ message: String) -> ConfigurationError {
        let full = paths(path)[0]
        return ConfigurationError("'\(full)' \(message)", at: origin(of: path))
    }

    /// All keys read so far by this reader and those made from the same root, in the order of reading.
    public var descriptions: [ConfigurationKeyDescription] { log.descriptions }

    /// Reports every key of every source that has not been read; only for keys below this reader's table.
    public func finish() throws(ConfigurationError) {
        var problems: [ConfigurationError.Problem] = []
        for override in source.overrides where override.plainKey.hasPrefix(plainPrefix) {
            guard !log.isKnown(plain: override.plainKey) else { continue }
            let hint = log.suggestion(for: ConfigurationPath(dotted: override.plainKey))
            problems.append(.init(origin: .commandLine, message: "unknown key '\(override.key)'\(hint)"))
        }
        for variable in source.environment.keys.sorted() where variable.hasPrefix(variablePrefix) {
            guard !log.isKnown(variable: variable) else { continue }
            let known = log.known.map(\.environmentName)
            let hint = nearest(to: variable, among: known).map { " (did you mean \($0)?)" } ?? ""
            problems.append(
                .init(origin: .environment(variable: variable), message: "stands for no known key\(hint)"))
        }
        for path in source.document.leaves() where path.segments.starts(with: prefix.segments) {
            guard !log.isKnown(path) else { continue }
            problems.append(unknownKey(path))
        }
        if !problems.isEmpty { throw ConfigurationError(problems: problems) }
    }

    /// The paths that a key may have: in this reader's table, then in the root when its table is shared.
    func paths(_ path: String) -> [ConfigurationPath] {
        let relative = ConfigurationPath(dotted: path)
        var paths = [prefix.appending(relative)]
        if !prefix.segments.isEmpty, shared.contains(relative.segments[0]) { paths.append(relative) }
        return paths
    }

    func unknownKey(_ path: ConfigurationPath) -> ConfigurationError.Problem {
        .init(
            origin: source.document.origin(of: path), message: "unknown key '\(path)'\(log.suggestion(for: path))")
    }

    private var plainPrefix: String { prefix.segments.isEmpty ? "" : prefix.plain + "." }

    private var variablePrefix: String {
        prefix.segments.isEmpty ? ConfigurationPath.environmentPrefix : prefix.environmentName + "__"
    }
}
