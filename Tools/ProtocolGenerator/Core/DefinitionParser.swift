/// Reads one `.kdef` file. The language is described in this tool's README.
struct DefinitionParser {
    /// A line that is neither empty nor a comment of its own.
    private struct Line {
        var number: Int
        /// Levels of two spaces.
        var level: Int
        var tokens: [Substring]
        var comment: String?
    }

    private let fileName: String
    private var firstFlexible: Int?
    private var lines: [Line] = []
    private var next = 0
    private var documentation: [String] = []
    /// Structs of the message being read; they share one namespace.
    private var structureNames: Set<Substring> = []

    static func parse(_ text: String, fileName: String) throws(DefinitionError) -> Definition {
        var parser = try DefinitionParser(text, fileName: fileName)
        return try parser.parseDefinition()
    }

    private init(_ text: String, fileName: String) throws(DefinitionError) {
        self.fileName = fileName
        for (index, content) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let (code, comment) = Self.separate(content)
            let tokens = code.split(separator: " ")
            if tokens.isEmpty {
                if lines.isEmpty, let comment { documentation.append(comment) }
                continue
            }
            let indent = code.prefix(while: { $0 == " " }).count
            guard indent.isMultiple(of: 2), !code.contains("\t") else {
                throw DefinitionError(file: fileName, line: index + 1, reason: "indent by two spaces a level")
            }
            lines.append(Line(number: index + 1, level: indent / 2, tokens: tokens, comment: comment))
        }
    }

    private static func separate(_ line: Substring) -> (code: Substring, comment: String?) {
        guard let hash = line.firstIndex(of: "#") else { return (line, nil) }
        let comment = line[line.index(after: hash)...].drop(while: { $0 == " " })
        return (line[..<hash], String(comment))
    }

    private func failure(_ line: Line, _ reason: String) -> DefinitionError {
        DefinitionError(file: fileName, line: line.number, reason: reason)
    }

    // MARK: The file

    private mutating func parseDefinition() throws(DefinitionError) -> Definition {
        guard let header = lines.first, header.level == 0 else {
            throw DefinitionError(file: fileName, line: 1, reason: "starts with `api` or `schema`")
        }
        next = 1
        guard header.tokens.count >= 2 else { throw failure(header, "a name is missing") }
        var definition = Definition(
            fileName: fileName, name: String(header.tokens[1]), apiKey: nil, versions: .all, firstFlexible: nil,
            documentation: documentation, messages: [])
        try readHeader(header, into: &definition)
        switch header.tokens[0] {
        case "api":
            guard definition.apiKey != nil else { throw failure(header, "`key` is missing") }
            definition.messages = [
                try parseMessage(.request, keyword: "request", of: definition),
                try parseMessage(.response, keyword: "response", of: definition),
            ]
        case "schema":
            let fields = try parseFields(level: 1, within: definition.versions)
            definition.messages = [Message(role: .schema, typeName: definition.name, fields: fields)]
        default:
            throw failure(header, "starts with `api` or `schema`")
        }
        if next < lines.count { throw failure(lines[next], "nothing can follow here") }
        return definition
    }

    private mutating func readHeader(_ header: Line, into definition: inout Definition) throws(DefinitionError) {
        var tokens = header.tokens.dropFirst(2)
        var versions: VersionSpan?
        while let word = tokens.popFirst() {
            guard let value = tokens.popFirst() else { throw failure(header, "`\(word)` needs a value") }
            switch word {
            case "key": definition.apiKey = Int(value)
            case "versions": versions = VersionSpan(value)
            case "flexible": definition.firstFlexible = VersionSpan(value)?.first
            default: throw failure(header, "`\(word)` is not known here")
            }
        }
        guard let versions, versions.last != VersionSpan.unbounded else {
            throw failure(header, "`versions` must be a closed range")
        }
        definition.versions = versions
        firstFlexible = definition.firstFlexible
    }

    private mutating func parseMessage(
        _ role: Message.Role, keyword: Substring, of definition: Definition
    ) throws(DefinitionError) -> Message {
        guard next < lines.count, lines[next].level == 0, lines[next].tokens == [keyword] else {
            throw failure(lines[min(next, lines.count - 1)], "`\(keyword)` must follow")
        }
        next += 1
        structureNames = []
        let suffix = keyword.prefix(1).uppercased() + keyword.dropFirst()
        let fields = try parseFields(level: 1, within: definition.versions)
        return Message(role: role, typeName: definition.name + suffix, fields: fields)
    }

    // MARK: Fields

    private mutating func parseFields(level: Int, within context: VersionSpan) throws(DefinitionError) -> [Field] {
        var fields: [Field] = []
        while next < lines.count, lines[next].level >= level {
            let line = lines[next]
            guard line.level == level else { throw failure(line, "indented too far") }
            next += 1
            let field = try parseField(line, within: context)
            if fields.contains(where: { $0.name == field.name }) { throw failure(line, "repeats `\(field.name)`") }
            if let tag = field.tag, fields.contains(where: { $0.tag == tag }) {
                throw failure(line, "repeats tag \(tag)")
            }
            fields.append(field)
        }
        return fields
    }

    private mutating func parseField(_ line: Line, within context: VersionSpan) throws(DefinitionError) -> Field {
        guard line.tokens.count >= 2 else { throw failure(line, "a field is a name and a type") }
        var typeText = line.tokens[1]
        var nullableText: Substring?
        if let mark = typeText.firstIndex(of: "?") {
            nullableText = typeText[typeText.index(after: mark)...]
            typeText = typeText[..<mark]
        }
        var field = Field(
            name: String(line.tokens[0]), type: .primitive(.bool), versions: context, nullable: nil, tag: nil,
            defaultText: nil, isIgnorable: false, isRigid: false, documentation: line.comment, line: line.number)
        try readOptions(line, into: &field)
        guard let versions = field.versions.intersection(context) else {
            throw failure(line, "is at no version of its parent")
        }
        field.versions = versions
        field.type = try parseType(typeText, line: line, within: versions)
        if let nullableText {
            guard let span = nullableText.isEmpty ? versions : VersionSpan(nullableText)?.intersection(versions) else {
                throw failure(line, "`?` takes versions of the field")
            }
            field.nullable = span
        }
        try check(field, line)
        return field
    }

    private func readOptions(_ line: Line, into field: inout Field) throws(DefinitionError) {
        var tokens = line.tokens.dropFirst(2)
        while let word = tokens.popFirst() {
            switch word {
            case "tag":
                field.tag = tokens.popFirst().flatMap { Int($0) }
                if field.tag == nil { throw failure(line, "`tag` needs a number") }
            case "=":
                guard let value = tokens.popFirst() else { throw failure(line, "`=` needs a value") }
                field.defaultText = String(value)
            case "ignorable": field.isIgnorable = true
            case "rigid": field.isRigid = true
            default:
                guard let span = VersionSpan(word) else { throw failure(line, "`\(word)` is not known here") }
                field.versions = span
            }
        }
    }

    private mutating func parseType(
        _ text: Substring, line: Line, within versions: VersionSpan
    ) throws(DefinitionError) -> FieldType {
        if text.hasPrefix("[]") {
            return .array(of: try parseType(text.dropFirst(2), line: line, within: versions))
        }
        if let primitive = Primitive(rawValue: String(text)) { return .primitive(primitive) }
        guard text.first?.isUppercase == true else { throw failure(line, "`\(text)` is no type") }
        guard structureNames.insert(text).inserted else { throw failure(line, "`\(text)` is there already") }
        let fields = try parseFields(level: line.level + 1, within: versions)
        if fields.isEmpty { throw failure(line, "`\(text)` has no fields") }
        return .structure(name: String(text), fields: fields)
    }

    private func check(_ field: Field, _ line: Line) throws(DefinitionError) {
        if field.nullable != nil {
            switch field.type {
            case .primitive(let primitive) where primitive.isNullable: break
            case .array, .structure: break
            case .primitive: throw failure(line, "this type has no null")
            }
        } else if field.defaultText == "null" {
            throw failure(line, "default null in a field that is not nullable")
        }
        if field.tag != nil, field.versions.first < firstFlexible ?? VersionSpan.unbounded {
            throw failure(line, "tags need a flexible version")
        }
        if case .primitive(.records) = field.type, field.nullable?.covers(field.versions) != true {
            throw failure(line, "records are nullable at every version")
        }
    }
}
