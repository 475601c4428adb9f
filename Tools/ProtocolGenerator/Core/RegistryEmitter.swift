/// Writes what is known about all APIs together.
enum RegistryEmitter {
    /// `MessageRegistry.all`.
    static func emitRegistry(_ definitions: [Definition]) -> String {
        var source = header()
        source.block("extension MessageRegistry") { source in
            source.documentation("Every API with messages, ascending by key.")
            source.line("public static let all: [APIDescription] = [")
            source.indented { source in
                for definition in definitions {
                    let constant = MessageEmitter.apiConstant(definition.name)
                    source.list(
                        "APIDescription(",
                        [
                            "apiKey: .\(constant)", "name: \"\(definition.name)\"",
                            "versions: \(definition.versions.first)...\(definition.versions.last)",
                            "firstFlexibleVersion: \(definition.firstFlexible ?? VersionSpan.unbounded)",
                        ], "),")
                }
            }
            source.line("]")
        }
        return source.text
    }

    /// `APIKey.name`.
    static func emitNames(_ definitions: [Definition]) -> String {
        var source = header()
        source.block("extension APIKey") { source in
            source.documentation("Kafka's name of the API, such as `Produce`; `API_<n>` where this build has none.")
            source.block("public var name: String") { source in
                source.line("switch rawValue {")
                for definition in definitions {
                    source.line("case \(definition.apiKey ?? -1): \"\(definition.name)\"")
                }
                source.line("default: \"API_\\(rawValue)\"")
                source.line("}")
            }
        }
        source.line()
        source.block("extension APIKey: CustomStringConvertible") { source in
            source.line("public var description: String { name }")
        }
        return source.text
    }

    private static func header() -> SourceText {
        var source = SourceText()
        source.header(from: "every .kdef")
        source.line()
        source.line("import KafkaWire")
        source.line()
        return source
    }
}
