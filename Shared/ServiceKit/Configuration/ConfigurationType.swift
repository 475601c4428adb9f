/// How a value is read from TOML and from text, checked, and shown.
struct ConfigurationType<Value: Sendable>: Sendable {
    enum Parsed {
        case value(Value)
        /// The value is of another kind; the message says what is expected.
        case wrongType
        /// The kind is right, the value is not; the text follows the key's name, as in "must be in 1...9, not 10".
        case invalid(String)
    }

    /// With its article, as in "must be an integer".
    var noun: String
    /// For documentation, as in `integer in 1...65535`.
    var label: String
    /// Stands in for a required value while keys are only listed.
    var placeholder: Value
    var fromTOML: @Sendable (ConfigurationValue) -> Parsed
    var fromText: @Sendable (String) -> Parsed
    var render: @Sendable (Value) -> String
}

extension ConfigurationType where Value == String {
    static func string(oneOf allowed: [String]?) -> Self {
        @Sendable func check(_ text: String) -> Parsed {
            guard let allowed, !allowed.contains(text) else { return .value(text) }
            return .invalid("must be one of \(allowed.joined(separator: ", ")), not '\(text)'")
        }
        return Self(
            noun: "a string", label: allowed.map { "one of \($0.joined(separator: ", "))" } ?? "string",
            placeholder: allowed?.first ?? "",
            fromTOML: { if case .string(let text) = $0 { check(text) } else { .wrongType } },
            fromText: check, render: { "\"\($0)\"" })
    }
}

extension ConfigurationType where Value == Int {
    static func int(in range: ClosedRange<Int>) -> Self {
        let words = describe(range)
        @Sendable func check(_ value: Int) -> Parsed {
            range.contains(value) ? .value(value) : .invalid("must be \(words), not \(value)")
        }
        return Self(
            noun: "an integer", label: words.isEmpty ? "integer" : "integer \(words)",
            placeholder: range.lowerBound,
            fromTOML: { if case .integer(let value) = $0 { check(value) } else { .wrongType } },
            fromText: { text in Int(text).map(check) ?? .wrongType }, render: { String($0) })
    }

    static func bytes(in range: ClosedRange<Int>) -> Self {
        let words = describe(range, by: ConfigurationText.render(bytes:))
        @Sendable func check(_ value: Int?, _ shown: String) -> Parsed {
            guard let value else { return .wrongType }
            return range.contains(value) ? .value(value) : .invalid("must be \(words), not \(shown)")
        }
        return Self(
            noun: "a size such as \"64MiB\"", label: words.isEmpty ? "size" : "size \(words)",
            placeholder: range.lowerBound,
            fromTOML: { value in
                switch value {
                case .integer(let number): check(number, String(number))
                case .string(let text): check(ConfigurationText.bytes(text), "'\(text)'")
                case .double, .bool, .date, .array, .table: .wrongType
                }
            },
            fromText: { check(ConfigurationText.bytes($0), "'\($0)'") },
            render: { "\"\(ConfigurationText.render(bytes: $0))\"" })
    }
}

extension ConfigurationType where Value == Double {
    static func double(in range: ClosedRange<Double>?) -> Self {
        @Sendable func check(_ value: Double) -> Parsed {
            guard let range, !range.contains(value) else { return .value(value) }
            return .invalid("must be in \(range), not \(value)")
        }
        return Self(
            noun: "a number", label: range.map { "number in \($0)" } ?? "number",
            placeholder: range?.lowerBound ?? 0,
            fromTOML: { value in
                switch value {
                case .double(let number): check(number)
                case .integer(let number): check(Double(number))
                case .string, .bool, .date, .array, .table: .wrongType
                }
            },
            fromText: { Double($0).map(check) ?? .wrongType }, render: { String($0) })
    }
}

extension ConfigurationType where Value == Bool {
    static var bool: Self {
        Self(
            noun: "true or false", label: "boolean", placeholder: false,
            fromTOML: { if case .bool(let value) = $0 { .value(value) } else { .wrongType } },
            fromText: { text in
                switch text.lowercased() {
                case "true", "1", "yes", "on": .value(true)
                case "false", "0", "no", "off": .value(false)
                default: .wrongType
                }
            },
            render: { String($0) })
    }
}

extension ConfigurationType where Value == Duration {
    static func duration(in range: ClosedRange<Duration>?) -> Self {
        @Sendable func check(_ text: String) -> Parsed {
            guard let value = ConfigurationText.duration(text) else { return .wrongType }
            guard let range, !range.contains(value) else { return .value(value) }
            let bounds = [range.lowerBound, range.upperBound].map(ConfigurationText.render(duration:))
            return .invalid("must be in \(bounds.joined(separator: "...")), not '\(text)'")
        }
        return Self(
            noun: "a duration such as \"5ms\" or \"7d\"", label: "duration",
            placeholder: range?.lowerBound ?? .zero,
            fromTOML: { if case .string(let text) = $0 { check(text) } else { .wrongType } },
            fromText: check, render: { "\"\(ConfigurationText.render(duration: $0))\"" })
    }
}

extension ConfigurationType where Value == [String] {
    static var list: Self {
        Self(
            noun: "an array of strings", label: "array of strings", placeholder: [],
            fromTOML: { value in
                guard case .array(let elements) = value else { return .wrongType }
                var texts: [String] = []
                for element in elements {
                    guard case .string(let text) = element else { return .wrongType }
                    texts.append(text)
                }
                return .value(texts)
            },
            fromText: { text in .value(ConfigurationText.list(text)) },
            render: { "[" + $0.map { "\"\($0)\"" }.joined(separator: ", ") + "]" })
    }
}

/// `in 1...9`, `at least 1`, or nothing for the whole range of `Int`.
private func describe(_ range: ClosedRange<Int>, by render: (Int) -> String = { String($0) }) -> String {
    switch (range.lowerBound, range.upperBound) {
    case (.min, .max): ""
    case (let lower, .max): "at least \(render(lower))"
    case (let lower, let upper): "in \(render(lower))...\(render(upper))"
    }
}
