/// Writes the tests' samples: for each message a function that fills every field a version has with random values.
enum SampleEmitter {
    static func emit(_ message: Message, of definition: Definition) -> String {
        var source = SourceText()
        source.header(from: definition.fileName)
        source.line()
        source.line("import KafkaMessages")
        source.line()
        emit(message.typeName, of: message, fields: message.fields, context: definition.versions, into: &source)
        return source.text
    }

    private static func emit(
        _ path: String, of message: Message, fields: [Field], context: VersionSpan, into source: inout SourceText
    ) {
        source.block("extension \(path)") { source in
            source.documentation("A value with every field that the version has.")
            let binding = fields.isEmpty ? "let" : "var"
            source.block("static func sample(version: Int16, from source: inout SampleSource) -> Self") { source in
                source.line("\(binding) value = Self()")
                for field in fields {
                    let assignment = "value.\(field.swiftName) = \(expression(field))"
                    if let condition = field.versions.condition(within: context) {
                        source.block("if \(condition)") { $0.statement(assignment) }
                    } else {
                        source.statement(assignment)
                    }
                }
                source.line("return value")
            }
        }
        for field in fields {
            guard let nested = field.type.nestedStructure else { continue }
            source.line()
            let path = "\(message.typeName).\(nested.name)"
            emit(path, of: message, fields: nested.fields, context: field.versions, into: &source)
        }
    }

    private static func expression(_ field: Field) -> String {
        let plain = expression(field.type, source: "source")
        guard let nullable = field.nullable else { return plain }
        let optional = "source.nullable { \(expression(field.type, source: "$0")) }"
        guard let condition = nullable.condition(within: field.versions) else { return optional }
        return "\(condition) ? \(optional) : \(plain)"
    }

    private static func expression(_ type: FieldType, source: String) -> String {
        switch type {
        case .primitive(let primitive): "\(source).\(primitive.rawValue)()"
        case .structure:
            ".sample(version: version, from: \(source == "$0" ? "&$0" : "&source"))"
        case .array(.structure):
            "\(source).array { .sample(version: version, from: &$0) }"
        case .array(let element): "\(source).array { \(expression(element, source: "$0")) }"
        }
    }

    /// The list of all messages for tests that go over each.
    static func emitCases(_ definitions: [Definition]) -> String {
        emitList(of: "MessageCase", definitions) { name in
            "MessageCase(\(name)()) { .sample(version: $0, from: &$1) },"
        }
    }

    /// The list of all messages for the fuzzer.
    static func emitDecoders(_ definitions: [Definition]) -> String {
        emitList(of: "MessageDecoder", definitions) { "MessageDecoder(\($0)())," }
    }

    private static func emitList(
        of type: String, _ definitions: [Definition], _ element: (String) -> String
    ) -> String {
        var source = SourceText()
        source.header(from: "every .kdef")
        source.line()
        source.line("import KafkaMessages")
        source.line()
        source.block("extension \(type)") { source in
            source.documentation("Every message.")
            source.line("static let all: [\(type)] = [")
            source.indented { source in
                for message in definitions.flatMap(\.messages) { source.line(element(message.typeName)) }
            }
            source.line("]")
        }
        return source.text
    }
}
