/// One file of definitions: an API with its two messages, or a schema that is no request.
struct Definition {
    /// Where it came from, without a folder: `Produce.kdef`.
    var fileName: String
    var name: String
    var apiKey: Int?
    var versions: VersionSpan
    /// The first version with compact lengths and tagged fields; `nil` for never.
    var firstFlexible: Int?
    var documentation: [String]
    var messages: [Message]
}

/// One request, response or schema.
struct Message {
    enum Role {
        case request, response, schema
    }

    var role: Role
    /// The Swift type's name, such as `ProduceRequest`.
    var typeName: String
    var fields: [Field]
}

/// One field of a message or of a nested struct.
struct Field {
    var name: String
    var type: FieldType
    var versions: VersionSpan
    /// The versions at which the field may be null.
    var nullable: VersionSpan?
    var tag: Int?
    /// The default as the definition writes it; `nil` for the type's own.
    var defaultText: String?
    /// A version without this field drops it silently, whatever its value.
    var isIgnorable: Bool
    /// Encoded with fixed-width lengths even where the message is flexible.
    var isRigid: Bool
    var documentation: String?
    /// The line of the definition, for errors.
    var line: Int

    /// The name in Swift: Kafka's with a small first letter.
    var swiftName: String {
        let name = name.prefix(1).lowercased() + name.dropFirst()
        return Self.keywords.contains(name) ? "`\(name)`" : name
    }

    private static let keywords: Set = [
        "protocol", "default", "in", "is", "as", "let", "var", "self", "init", "case", "switch", "return", "import",
        "public", "internal", "private", "static", "struct", "class", "enum", "extension", "func", "repeat", "where",
    ]
}

/// What a field holds.
indirect enum FieldType {
    case primitive(Primitive)
    case structure(name: String, fields: [Field])
    case array(of: FieldType)

    /// The Swift type without the `?` of a nullable field.
    var swiftName: String {
        switch self {
        case .primitive(let primitive): primitive.swiftName
        case .structure(let name, _): name
        case .array(let element): "[\(element.swiftName)]"
        }
    }

    /// The nested struct that the field holds, alone or in an array.
    var nestedStructure: (name: String, fields: [Field])? {
        switch self {
        case .primitive: nil
        case .structure(let name, let fields): (name, fields)
        case .array(let element): element.nestedStructure
        }
    }
}

/// The protocol's primitive types, by the names that definitions use.
enum Primitive: String {
    case bool, int8, int16, int32, int64, uint16, uint32, float64, string, bytes, records, uuid, error

    var swiftName: String {
        switch self {
        case .bool: "Bool"
        case .int8: "Int8"
        case .int16: "Int16"
        case .int32: "Int32"
        case .int64: "Int64"
        case .uint16: "UInt16"
        case .uint32: "UInt32"
        case .float64: "Double"
        case .string: "String"
        case .bytes: "ByteBuffer"
        case .records: "RecordsPayload"
        case .uuid: "KafkaUUID"
        case .error: "ErrorCode"
        }
    }

    /// Whether the type has a length in front, and with it a null.
    var isNullable: Bool {
        switch self {
        case .string, .bytes, .records: true
        case .bool, .int8, .int16, .int32, .int64, .uint16, .uint32, .float64, .uuid, .error: false
        }
    }

    /// The fewest bytes a value takes.
    func minimumBytes(flexible: Bool) -> Int {
        switch self {
        case .bool, .int8: 1
        case .int16, .uint16, .error: 2
        case .int32, .uint32: 4
        case .int64, .float64: 8
        case .uuid: 16
        case .string: flexible ? 1 : 2
        case .bytes, .records: flexible ? 1 : 4
        }
    }
}
