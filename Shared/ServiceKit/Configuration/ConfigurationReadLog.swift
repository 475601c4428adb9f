import Synchronization

/// What one key is for; gathered while a configuration is read, shown by `--help` and in READMEs.
public struct ConfigurationKeyDescription: Sendable, Equatable {
    /// The key's path, such as `http.port`.
    public var key: String
    /// Its type and range in words, such as `integer in 1...65535`.
    public var type: String
    /// Its default as TOML would write it; `nil` when the key is required or optional without a value.
    public var defaultValue: String?
    /// True when reading fails without a value.
    public var isRequired: Bool
    /// One sentence.
    public var documentation: String
}

/// Remembers which keys were asked for, so that the rest can be told to be unknown.
final class ConfigurationReadLog: Sendable {
    struct State {
        var paths: Set<ConfigurationPath> = []
        var openTables: Set<ConfigurationPath> = []
        var descriptions: [ConfigurationKeyDescription] = []
    }

    private let state = Mutex(State())
    /// True while keys are only being listed: required keys then read as a placeholder.
    let isDescribing: Bool

    init(isDescribing: Bool) {
        self.isDescribing = isDescribing
    }

    var descriptions: [ConfigurationKeyDescription] { state.withLock { $0.descriptions } }

    /// Every path read so far.
    var known: Set<ConfigurationPath> { state.withLock { $0.paths } }

    func use(_ paths: [ConfigurationPath]) {
        state.withLock { $0.paths.formUnion(paths) }
    }

    /// Accepts every key below `paths`.
    func open(_ paths: [ConfigurationPath]) {
        state.withLock { $0.openTables.formUnion(paths) }
    }

    func describe(_ description: ConfigurationKeyDescription) {
        state.withLock { state in
            if !state.descriptions.contains(where: { $0.key == description.key }) {
                state.descriptions.append(description)
            }
        }
    }

    /// True when the path, or a table around it that takes any key, has been read.
    func isKnown(_ path: ConfigurationPath) -> Bool {
        state.withLock { state in
            if state.paths.contains(path) { return true }
            var table = path
            while !table.segments.isEmpty {
                if state.openTables.contains(table) { return true }
                table = table.parent
            }
            return false
        }
    }

    /// True for a `--set` key that names a known path or lies in an open table.
    func isKnown(plain: String) -> Bool {
        state.withLock { state in
            state.paths.contains { $0.plain == plain }
                || state.openTables.contains { plain.hasPrefix($0.plain + ".") }
        }
    }

    func isKnown(variable: String) -> Bool {
        state.withLock { state in
            state.paths.contains { $0.environmentName == variable }
                || state.openTables.contains { variable.hasPrefix($0.environmentName + "__") }
        }
    }

    /// ` (did you mean '…'?)` or nothing: a key of the same table by its name, else any key by its path.
    func suggestion(for path: ConfigurationPath) -> String {
        let known = self.known
        let siblings = known.filter { $0.parent == path.parent }.map(\.last)
        if let name = nearest(to: path.last, among: siblings) { return " (did you mean '\(name)'?)" }
        if let name = nearest(to: path.description, among: known.map(\.description)) {
            return " (did you mean '\(name)'?)"
        }
        return ""
    }
}
