/// Writes the file of one message.
enum MessageEmitter {
    static func emit(_ message: Message, of definition: Definition) -> String {
        var source = SourceText()
        source.header(from: definition.fileName)
        source.line()
        source.line("import KafkaWire")
        if holdsBytes(message.fields) { source.line("import NIOCore") }
        source.line()
        StructEmitter(
            kind: kind(of: message, in: definition), name: message.typeName,
            documentation: documentation(of: message, in: definition), fields: message.fields,
            context: definition.versions, firstFlexible: definition.firstFlexible
        ).emit(into: &source)
        return source.text
    }

    private static func kind(of message: Message, in definition: Definition) -> StructEmitter.Kind {
        switch message.role {
        case .request:
            .request(response: definition.name + "Response", apiConstant: apiConstant(definition.name))
        case .response, .schema: .message
        }
    }

    static func apiConstant(_ name: String) -> String {
        name.prefix(1).lowercased() + name.dropFirst()
    }

    private static func documentation(of message: Message, in definition: Definition) -> String {
        switch message.role {
        case .request, .schema: definition.documentation.joined(separator: " ")
        case .response: "The answer to ``\(definition.name)Request``."
        }
    }

    /// Whether any field is a `ByteBuffer`.
    private static func holdsBytes(_ fields: [Field]) -> Bool {
        fields.contains { field in
            if case .primitive(.bytes) = field.type { return true }
            return field.type.nestedStructure.map { holdsBytes($0.fields) } ?? false
        }
    }
}
