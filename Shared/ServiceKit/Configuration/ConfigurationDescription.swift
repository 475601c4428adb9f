/// Lists of configuration keys for `--help` and for a service's README.
public enum ConfigurationDescription {
    /// Lists the keys that `read` asks for, with their defaults; an error of `read` ends the list early.
    public static func keys(
        of read: (ConfigurationReader) throws -> Void
    ) -> [ConfigurationKeyDescription] {
        let reader = ConfigurationReader.describing()
        do {
            try read(reader)
        } catch {
            return reader.descriptions
        }
        return reader.descriptions
    }

    /// Indented lines: key, type, default, sentence.
    public static func helpText(_ keys: [ConfigurationKeyDescription]) -> String {
        let width = keys.map(\.key.count).max() ?? 0
        return keys.map { key in
            let padding = String(repeating: " ", count: width - key.key.count)
            return "  \(key.key)\(padding)  \(summary(key))\(key.documentation.isEmpty ? "" : "  ")\(key.documentation)"
        }.joined(separator: "\n")
    }

    /// A Markdown table: key, type, default, meaning.
    public static func markdown(_ keys: [ConfigurationKeyDescription]) -> String {
        let head = ["| key | type | default | meaning |", "|---|---|---|---|"]
        let rows = keys.map { key in
            let value = key.defaultValue.map { "`\($0)`" } ?? (key.isRequired ? "required" : "none")
            return "| `\(key.key)` | \(key.type) | \(value) | \(key.documentation) |"
        }
        return (head + rows).joined(separator: "\n")
    }

    private static func summary(_ key: ConfigurationKeyDescription) -> String {
        if let value = key.defaultValue { return "\(key.type), default \(value)" }
        return key.isRequired ? "\(key.type), required" : key.type
    }
}
