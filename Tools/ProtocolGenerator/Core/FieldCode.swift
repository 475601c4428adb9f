/// The Swift expressions and statements for one field, within the versions `context` of the struct it stands in.
struct FieldCode {
    let field: Field
    let context: VersionSpan
    let firstFlexible: Int?

    var name: String { field.swiftName }

    var isOptional: Bool { field.nullable != nil }

    /// The declared type, with `?` where any version has a null.
    var swiftType: String { field.type.swiftName + (isOptional ? "?" : "") }

    /// The field's versions of which each has at most one encoding of lengths.
    private var span: VersionSpan { field.versions }

    /// How generated code says whether lengths are compact in the field's versions: a literal or the local `flexible`.
    var flexibleArgument: String {
        guard let firstFlexible, !field.isRigid, span.last >= firstFlexible else { return "false" }
        return span.first >= firstFlexible ? "true" : "flexible"
    }

    /// Whether reading and writing mention the local `flexible`.
    var needsFlexible: Bool {
        guard field.tag == nil, flexibleArgument == "flexible" else { return false }
        switch field.type {
        case .primitive(let primitive): return primitive.isNullable
        case .array: return true
        case .structure: return false
        }
    }

    // MARK: Defaults

    /// The value of a field that nobody has set.
    var defaultValue: String {
        if let text = field.defaultText { return literal(text) }
        switch field.type {
        case .array: return "[]"
        case .structure(let name, _): return "\(name)()"
        case .primitive(let primitive):
            switch primitive {
            case .bool: return "false"
            case .int8, .int16, .int32, .int64, .uint16, .uint32, .float64: return "0"
            case .string: return "\"\""
            case .bytes: return "ByteBuffer()"
            case .records: return "nil"
            case .uuid: return ".zero"
            case .error: return ".none"
            }
        }
    }

    private func literal(_ text: String) -> String {
        switch text {
        case "null": return "nil"
        case "2147483647": return ".max"
        case "-2147483648": return ".min"
        case "9223372036854775807": return ".max"
        default: return text
        }
    }

    /// A condition that is true while the field has another value than its default.
    var isSet: String {
        let value = defaultValue
        switch (field.type, value) {
        case (_, "nil"): return "\(name) != nil"
        case (.primitive(.bool), "true"): return "!\(name)"
        case (.primitive(.bool), _): return name
        case (.array, _) where !isOptional: return "!\(name).isEmpty"
        case (.primitive(.string), "\"\"") where !isOptional: return "!\(name).isEmpty"
        case (.primitive(.bytes), _) where !isOptional: return "\(name).readableBytes != 0"
        default: return "\(name) != \(value)"
        }
    }

    // MARK: Reading

    /// The expression that reads the value, where the version has the field.
    func read(from reader: String) -> String {
        guard let nullable = field.nullable else { return read(from: reader, nullable: false) }
        guard let condition = nullable.condition(within: span) else { return read(from: reader, nullable: true) }
        return "\(condition) ? \(read(from: reader, nullable: true)) : \(read(from: reader, nullable: false))"
    }

    private func read(from reader: String, nullable: Bool) -> String {
        let flexible = field.tag == nil ? flexibleArgument : "true"
        let prefix = nullable ? "Nullable" : ""
        switch field.type {
        case .structure where nullable: return "try \(reader).readNullableStruct(version: version)"
        case .structure(let name, _): return "try \(name)(from: &\(reader), version: version)"
        case .array(.structure): return "try \(reader).read\(prefix)Structs(version: version, flexible: \(flexible))"
        case .array(let element): return "try \(reader).read\(prefix)\(element.swiftName)s(flexible: \(flexible))"
        case .primitive(let primitive):
            switch primitive {
            case .bool: return "try \(reader).readBool()"
            case .float64: return "try \(reader).readFloat64()"
            case .int8, .int16, .int32, .int64, .uint16, .uint32: return "try \(reader).read\(primitive.swiftName)()"
            case .uuid: return "try \(reader).readUUID()"
            case .error: return "ErrorCode(rawValue: try \(reader).readInt16())"
            case .string: return "try \(reader).read\(prefix)String(flexible: \(flexible))"
            case .bytes: return "try \(reader).read\(prefix)Bytes(flexible: \(flexible))"
            case .records: return "try \(reader).readNullableRecords(flexible: \(flexible))"
            }
        }
    }

    // MARK: Writing

    /// The statements that write the value, where the version has the field.
    func write(to writer: String) -> [String] {
        let flexible = field.tag == nil ? flexibleArgument : "true"
        var statements: [String] = []
        if let condition = field.nullable?.oppositeCondition(within: span) {
            statements.append("if \(condition), \(name) == nil { throw .unexpectedNull }")
        }
        switch field.type {
        case .structure where isOptional:
            statements.append("try \(writer).writeNullableStruct(\(name), version: version)")
        case .structure: statements.append("try \(name).write(to: &\(writer), version: version)")
        case .array(.structure):
            statements.append("try \(writer).writeStructs(\(name), version: version, flexible: \(flexible))")
        case .array(.primitive(.string)):
            statements.append("try \(writer).writeStrings(\(name), flexible: \(flexible))")
        case .array(let element):
            statements.append("\(writer).write\(element.swiftName)s(\(name), flexible: \(flexible))")
        case .primitive(let primitive):
            switch primitive {
            case .bool, .float64, .int8, .int16, .int32, .int64, .uint16, .uint32, .uuid:
                statements.append("\(writer).write(\(name))")
            case .error: statements.append("\(writer).write(\(name).rawValue)")
            case .string: statements.append("try \(writer).write(\(name), flexible: \(flexible))")
            case .bytes, .records: statements.append("\(writer).write(\(name), flexible: \(flexible))")
            }
        }
        return statements
    }

    // MARK: Documentation

    /// What the definition says about the field, as one line of documentation.
    var documentation: String {
        var facts: [String] = []
        if span != context { facts.append("Versions \(span.description(within: context)).") }
        if let nullable = field.nullable, nullable != span {
            facts.append("Null at versions \(nullable.description(within: context)).")
        }
        if let tag = field.tag { facts.append("Tag \(tag).") }
        if let text = field.defaultText, text != "null" { facts.append("Default \(text).") }
        if let text = field.documentation { facts.insert(text, at: 0) }
        return facts.isEmpty ? "At every version." : facts.joined(separator: " ")
    }
}
