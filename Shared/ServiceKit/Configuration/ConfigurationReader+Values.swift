extension ConfigurationReader {
    /// Text; with `oneOf`, only those values. Required without a default, as everywhere below.
    public func string(
        _ path: String, default value: String? = nil, oneOf allowed: [String]? = nil, doc: String = ""
    ) throws(ConfigurationError) -> String {
        try required(path, .string(oneOf: allowed), value, doc)
    }

    /// Text that may be absent.
    public func optionalString(
        _ path: String, oneOf allowed: [String]? = nil, doc: String = ""
    ) throws(ConfigurationError) -> String? {
        try optional(path, .string(oneOf: allowed), doc)
    }

    /// A case of an enumeration whose raw values are the texts allowed.
    public func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ path: String, default value: Choice, doc: String = ""
    ) throws(ConfigurationError) -> Choice {
        let text = try string(
            path, default: value.rawValue, oneOf: Choice.allCases.map(\.rawValue), doc: doc)
        return Choice(rawValue: text) ?? value
    }

    /// A whole number within `range`.
    public func int(
        _ path: String, default value: Int? = nil, in range: ClosedRange<Int> = .min ... .max, doc: String = ""
    ) throws(ConfigurationError) -> Int {
        try required(path, .int(in: range), value, doc)
    }

    /// A whole number that may be absent.
    public func optionalInt(
        _ path: String, in range: ClosedRange<Int> = .min ... .max, doc: String = ""
    ) throws(ConfigurationError) -> Int? {
        try optional(path, .int(in: range), doc)
    }

    /// A number; TOML's integers are taken too.
    public func double(
        _ path: String, default value: Double? = nil, in range: ClosedRange<Double>? = nil, doc: String = ""
    ) throws(ConfigurationError) -> Double {
        try required(path, .double(in: range), value, doc)
    }

    /// `true` or `false`; as text also 1, 0, yes, no, on, off.
    public func bool(
        _ path: String, default value: Bool? = nil, doc: String = ""
    ) throws(ConfigurationError) -> Bool {
        try required(path, .bool, value, doc)
    }

    /// Text such as `5ms`, `7d` or `1h30m`.
    public func duration(
        _ path: String, default value: Duration? = nil, in range: ClosedRange<Duration>? = nil, doc: String = ""
    ) throws(ConfigurationError) -> Duration {
        try required(path, .duration(in: range), value, doc)
    }

    /// A duration that may be absent.
    public func optionalDuration(
        _ path: String, in range: ClosedRange<Duration>? = nil, doc: String = ""
    ) throws(ConfigurationError) -> Duration? {
        try optional(path, .duration(in: range), doc)
    }

    /// A size in bytes: `64MiB`, `10GB`, or a plain number.
    public func bytes(
        _ path: String, default value: Int? = nil, in range: ClosedRange<Int> = 0 ... .max, doc: String = ""
    ) throws(ConfigurationError) -> Int {
        try required(path, .bytes(in: range), value, doc)
    }

    /// An array of strings; as text, parts joined by commas.
    public func list(
        _ path: String, default value: [String]? = nil, doc: String = ""
    ) throws(ConfigurationError) -> [String] {
        try required(path, .list, value, doc)
    }

    private func required<Value>(
        _ path: String, _ type: ConfigurationType<Value>, _ value: Value?, _ doc: String
    ) throws(ConfigurationError) -> Value {
        describe(path, type, value, isRequired: value == nil, doc)
        if let found = try read(path, type) { return found }
        if let value { return value }
        if log.isDescribing { return type.placeholder }
        throw missing(path)
    }

    private func optional<Value>(
        _ path: String, _ type: ConfigurationType<Value>, _ doc: String
    ) throws(ConfigurationError) -> Value? {
        describe(path, type, nil, isRequired: false, doc)
        return try read(path, type)
    }

    private func describe<Value>(
        _ path: String, _ type: ConfigurationType<Value>, _ value: Value?, isRequired: Bool, _ doc: String
    ) {
        log.describe(
            ConfigurationKeyDescription(
                key: paths(path)[0].description, type: type.label, defaultValue: value.map(type.render),
                isRequired: isRequired, documentation: doc))
    }

    private func read<Value>(
        _ path: String, _ type: ConfigurationType<Value>
    ) throws(ConfigurationError) -> Value? {
        guard let found = source.find(paths(path), marking: log) else { return nil }
        let parsed: ConfigurationType<Value>.Parsed
        let shown: String
        switch found.content {
        case .text(let text):
            parsed = type.fromText(text)
            shown = "'\(text)'"
        case .value(let value):
            parsed = type.fromTOML(value)
            shown = if case .string(let text) = value, type.noun != "an integer" { "'\(text)'" } else { value.kind }
        }
        switch parsed {
        case .value(let value): return value
        case .wrongType:
            throw ConfigurationError("'\(found.path)' must be \(type.noun), not \(shown)", at: found.origin)
        case .invalid(let reason):
            throw ConfigurationError("'\(found.path)' \(reason)", at: found.origin)
        }
    }

    /// A required key without a value: most often it is there, misspelt.
    private func missing(_ path: String) -> ConfigurationError {
        let full = paths(path)[0]
        let siblings = source.document.leaves().filter { $0.parent == full.parent && !log.isKnown($0) }
        if let name = nearest(to: full.last, among: siblings.map(\.last)) {
            return ConfigurationError(problems: [unknownKey(full.parent.appending(name))])
        }
        let place: ConfigurationOrigin =
            source.document.path.isEmpty ? .commandLine : source.document.origin(of: full.parent)
        return ConfigurationError("missing key '\(full)'", at: place)
    }
}
