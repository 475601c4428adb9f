/// A table whose keys belong to someone else, such as Kafka's own settings in `[kafka]`.
public struct ConfigurationTable: Sendable {
    /// One setting with its place.
    public struct Entry: Sendable {
        /// The key as that other party names it: `num.partitions`.
        public var key: String
        public var value: ConfigurationValue
        public var origin: ConfigurationOrigin
        fileprivate var path: ConfigurationPath

        /// An error at this entry's place; `message` follows the key, as in "must be positive, not 0".
        public func error(_ message: String) -> ConfigurationError {
            ConfigurationError("'\(path)' \(message)", at: origin)
        }
    }

    /// Sorted by key; one entry per key, from the source that wins.
    public var entries: [Entry]

    /// The entry of a key, if any source sets it.
    public subscript(key: String) -> Entry? { entries.first { $0.key == key } }

    /// Key and value as text, as a client library's property map wants them.
    public var properties: [String: String] {
        Dictionary(uniqueKeysWithValues: entries.map { ($0.key, $0.value.text) })
    }
}

extension ConfigurationReader {
    /// Reads a table of dotted names that stay one key each: `[kafka]` with `"num.partitions" = 6`.
    ///
    /// With `known`, other keys are unknown keys; without, any key is taken and the caller checks. A value from
    /// the environment or command line is text. A variable's name stands for the known key with that variable;
    /// without `known` its `_` are read as dots.
    public func table(
        _ path: String, known: Set<String>? = nil, doc: String = ""
    ) throws(ConfigurationError) -> ConfigurationTable {
        log.describe(
            ConfigurationKeyDescription(
                key: paths(path)[0].description, type: "table", defaultValue: nil, isRequired: false,
                documentation: doc))
        let places = paths(path)
        declare(places, known: known)
        var entries: [String: ConfigurationTable.Entry] = [:]
        for place in places.reversed() { try addDocumentEntries(at: place, to: &entries) }
        for place in places.reversed() { addEnvironmentEntries(at: place, known: known, to: &entries) }
        for place in places.reversed() { addOverrides(at: place, to: &entries) }
        if let known { entries = entries.filter { known.contains($0.key) } }
        return ConfigurationTable(entries: entries.values.sorted { $0.key < $1.key })
    }

    private func declare(_ places: [ConfigurationPath], known: Set<String>?) {
        if let known {
            log.use(places.flatMap { place in known.map { place.appending($0) } })
        } else {
            log.open(places)
        }
    }

    private func addDocumentEntries(
        at place: ConfigurationPath, to entries: inout [String: ConfigurationTable.Entry]
    ) throws(ConfigurationError) {
        guard let value = source.document.value(at: place) else { return }
        guard case .table(let table) = value else {
            throw ConfigurationError(
                "'\(place)' must be a table, not \(value.kind)", at: source.document.origin(of: place))
        }
        for (key, value) in table {
            let path = place.appending(key)
            let origin = source.document.origin(of: path)
            if case .table(let inner) = value, let name = inner.keys.sorted().first {
                throw ConfigurationError(
                    "'\(path)' is a table; a name with dots is one key in quotes: \"\(key).\(name)\"", at: origin)
            }
            entries[key] = .init(key: key, value: value, origin: origin, path: path)
        }
    }

    private func addEnvironmentEntries(
        at place: ConfigurationPath, known: Set<String>?, to entries: inout [String: ConfigurationTable.Entry]
    ) {
        let prefix = place.environmentName + "__"
        for (variable, text) in source.environment where variable.hasPrefix(prefix) {
            let name = String(variable.dropFirst(prefix.count))
            let candidates = (known ?? Set(entries.keys)).sorted()
            let match = candidates.first { ConfigurationPath.environmentSegment($0) == name }
            guard known == nil || match != nil else { continue }
            let key = match ?? String(name.lowercased().map { $0 == "_" ? "." : $0 })
            entries[key] = .init(
                key: key, value: .string(text), origin: .environment(variable: variable),
                path: place.appending(key))
        }
    }

    private func addOverrides(at place: ConfigurationPath, to entries: inout [String: ConfigurationTable.Entry]) {
        for override in source.overrides where override.plainKey.hasPrefix(place.plain + ".") {
            let key = String(override.plainKey.dropFirst(place.plain.count + 1))
            entries[key] = .init(
                key: key, value: .string(override.value), origin: .commandLine, path: place.appending(key))
        }
    }
}
