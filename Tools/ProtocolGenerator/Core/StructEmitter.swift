/// Writes one Swift struct: a message or a struct within one.
struct StructEmitter {
    enum Kind {
        case request(response: String, apiConstant: String)
        case message
        case nested
    }

    let kind: Kind
    let name: String
    let documentation: String
    let fields: [Field]
    let context: VersionSpan
    let firstFlexible: Int?

    private var codes: [FieldCode] {
        fields.map { FieldCode(field: $0, context: context, firstFlexible: firstFlexible) }
    }
    private var plain: [FieldCode] { codes.filter { $0.field.tag == nil } }
    private var tagged: [FieldCode] { codes.filter { $0.field.tag != nil }.sorted { $0.field.tag! < $1.field.tag! } }

    /// When the struct ends with tagged fields: never, at every version, or where the local `flexible` is true.
    private enum TagSection { case never, always, whenFlexible }
    private var tagSection: TagSection {
        guard let firstFlexible, context.last >= firstFlexible else { return .never }
        return context.first >= firstFlexible ? .always : .whenFlexible
    }

    private var declaresFlexible: Bool {
        tagSection == .whenFlexible || plain.contains { $0.needsFlexible }
    }

    // MARK: The struct

    func emit(into source: inout SourceText) {
        source.documentation(documentation)
        source.block("public struct \(name): \(conformances)") { source in
            emitStatics(into: &source)
            for code in codes {
                source.documentation(code.documentation)
                source.line("public var \(code.name): \(code.swiftType)")
            }
            emitInitialiser(into: &source)
            emitReading(into: &source)
            emitWriting(into: &source)
            if case .nested = kind { emitMinimumByteCount(into: &source) }
            if !isNested { emitNested(of: fields, path: "", into: &source) }
        }
    }

    /// All structs of the message, whatever their depth, stand side by side in it.
    private func emitNested(of fields: [Field], path: String, into source: inout SourceText) {
        for field in fields {
            guard let nested = field.type.nestedStructure else { continue }
            let owner = path + field.swiftName
            source.line()
            StructEmitter(
                kind: .nested, name: nested.name, documentation: "One value of `\(owner)`.",
                fields: nested.fields, context: field.versions, firstFlexible: firstFlexible
            ).emit(into: &source)
            emitNested(of: nested.fields, path: owner + ".", into: &source)
        }
    }

    private var conformances: String {
        switch kind {
        case .request: "KafkaRequest"
        case .message: "KafkaMessage"
        case .nested: "WireStruct, Equatable, Sendable"
        }
    }

    private func emitStatics(into source: inout SourceText) {
        switch kind {
        case .nested: return
        case .request(let response, let apiConstant):
            source.line("public typealias Response = \(response)")
            source.line()
            source.line("public static let apiKey = APIKey.\(apiConstant)")
        case .message: break
        }
        source.line("public static let versions: ClosedRange<Int16> = \(context.first)...\(context.last)")
        source.line("public static let firstFlexibleVersion: Int16? = \(firstFlexible.map(String.init) ?? "nil")")
        if !fields.isEmpty { source.line() }
    }

    private func emitInitialiser(into source: inout SourceText) {
        source.line()
        if codes.isEmpty { return source.line("public init() {}") }
        source.documentation("Fields not given have their defaults.")
        let parameters = codes.map { "\(unquoted($0.name)): \($0.swiftType) = \($0.defaultValue)" }
        source.list("public init(", parameters, ") {")
        source.indented { source in
            for code in codes { source.line("self.\(unquoted(code.name)) = \(code.name)") }
        }
        source.line("}")
    }

    private func unquoted(_ name: String) -> String { name.replacing("`", with: "") }

    private func emitPreamble(into source: inout SourceText) {
        if case .nested = kind {
        } else {
            source.line("guard Self.versions.contains(version) else { throw .unsupportedVersion(version) }")
        }
        if declaresFlexible, let firstFlexible { source.line("let flexible = version >= \(firstFlexible)") }
    }

    // MARK: Reading

    private func emitReading(into source: inout SourceText) {
        let access = isNested ? "" : "public "
        source.line()
        source.block("\(access)init(from reader: inout WireReader, version: Int16) throws(WireError)") { source in
            emitPreamble(into: &source)
            source.line("self.init()")
            for code in plain { emitRead(code, into: &source) }
            switch tagSection {
            case .never: break
            case .always: emitTaggedReading(into: &source)
            case .whenFlexible: source.block("if flexible", emitTaggedReading)
            }
        }
    }

    private func emitRead(_ code: FieldCode, into source: inout SourceText) {
        let statement = "\(code.name) = \(code.read(from: "reader"))"
        guard let condition = code.field.versions.condition(within: context) else { return source.statement(statement) }
        source.block("if \(condition)") { $0.statement(statement) }
    }

    private func emitTaggedReading(into source: inout SourceText) {
        guard !tagged.isEmpty else { return source.line("try reader.skipTaggedFields()") }
        source.line("try reader.readTaggedFields { (tag, field) throws(WireError) in")
        source.indented { source in
            source.line("switch tag {")
            for code in tagged {
                let condition = code.field.versions.condition(within: flexibleContext).map { " where \($0)" } ?? ""
                source.line("case \(code.field.tag!)\(condition): \(code.name) = \(code.read(from: "field"))")
            }
            source.line("default: return false")
            source.line("}")
            source.line("return true")
        }
        source.line("}")
    }

    /// The struct's versions that have tagged fields at all.
    private var flexibleContext: VersionSpan {
        firstFlexible.flatMap { context.intersection(VersionSpan($0, context.last)) } ?? context
    }

    // MARK: Writing

    private func emitWriting(into source: inout SourceText) {
        let access = isNested ? "" : "public "
        source.line()
        source.block("\(access)func write(to writer: inout WireWriter, version: Int16) throws(WireError)") { source in
            emitPreamble(into: &source)
            for code in tagged {
                guard !code.field.isIgnorable, let absent = code.field.versions.oppositeCondition(within: context)
                else { continue }
                source.block("if \(absent), \(code.isSet)") { $0.line(refusal(code)) }
            }
            for code in plain { emitWrite(code, into: &source) }
            switch tagSection {
            case .never: break
            case .always: emitTaggedWriting(into: &source)
            case .whenFlexible: source.block("if flexible", emitTaggedWriting)
            }
        }
    }

    private func refusal(_ code: FieldCode) -> String {
        "throw .fieldNotInVersion(\"\(unquoted(code.name))\", version)"
    }

    private func emitWrite(_ code: FieldCode, into source: inout SourceText) {
        let statements = code.write(to: "writer")
        guard let condition = code.field.versions.condition(within: context) else {
            for statement in statements { source.line(statement) }
            return
        }
        source.line("if \(condition) {")
        source.indented { source in
            for statement in statements { source.line(statement) }
        }
        if !code.field.isIgnorable {
            source.line("} else if \(code.isSet) {")
            source.indented { $0.line(refusal(code)) }
        }
        source.line("}")
    }

    private func emitTaggedWriting(into source: inout SourceText) {
        guard !tagged.isEmpty else { return source.line("writer.writeNoTaggedFields()") }
        source.line("try writer.writeTaggedFields { fields throws(WireError) in")
        source.indented { source in
            for code in tagged {
                let version = code.field.versions.condition(within: flexibleContext).map { "\($0), " } ?? ""
                source.block("if \(version)\(code.isSet)") { source in
                    let statements = code.write(to: "field")
                    let throwing = statements.contains { $0.hasPrefix("try ") } ? " throws(WireError)" : ""
                    source.line("try fields.add(tag: \(code.field.tag!)) { field\(throwing) in")
                    source.indented { source in
                        for statement in statements { source.line(statement) }
                    }
                    source.line("}")
                }
            }
        }
        source.line("}")
    }

    private var isNested: Bool {
        if case .nested = kind { true } else { false }
    }

    // MARK: Sizes

    private func emitMinimumByteCount(into source: inout SourceText) {
        var runs: [(last: Int, bytes: Int)] = []
        for version in context.first...context.last {
            let bytes = Self.minimumBytes(of: fields, at: version, firstFlexible: firstFlexible)
            if runs.last?.bytes == bytes { runs.removeLast() }
            runs.append((version, bytes))
        }
        source.line()
        source.block("static func minimumByteCount(at version: Int16) -> Int") { source in
            if runs.count == 1 { return source.line("\(runs[0].bytes)") }
            source.line("switch version {")
            for run in runs.dropLast() { source.line("case ...\(run.last): \(run.bytes)") }
            source.line("default: \(runs[runs.count - 1].bytes)")
            source.line("}")
        }
    }

    private static func minimumBytes(of fields: [Field], at version: Int, firstFlexible: Int?) -> Int {
        let flexible = firstFlexible.map { version >= $0 } ?? false
        var bytes = flexible ? 1 : 0
        for field in fields where field.tag == nil && field.versions.contains(version) {
            switch field.type {
            case .primitive(let primitive): bytes += primitive.minimumBytes(flexible: flexible && !field.isRigid)
            case .array: bytes += flexible && !field.isRigid ? 1 : 4
            case .structure where field.nullable != nil: bytes += 1
            case .structure(_, let nested):
                bytes += minimumBytes(of: nested, at: version, firstFlexible: firstFlexible)
            }
        }
        return bytes
    }
}
