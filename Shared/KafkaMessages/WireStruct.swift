import KafkaWire

/// A struct within a message, as generated code reads and writes it.
protocol WireStruct {
    init(from reader: inout WireReader, version: Int16) throws(WireError)
    func write(to writer: inout WireWriter, version: Int16) throws(WireError)

    /// The fewest bytes one value takes at a version.
    static func minimumByteCount(at version: Int16) -> Int
}

/// What decoding allows itself.
enum DecodingBounds {
    /// Elements an array reserves room for before it has read any; what a peer claims beyond that is only believed
    /// element by element, so that nested counts cannot multiply.
    static let reservedElements = 1024
}

extension WireReader {
    mutating func readStructs<Element: WireStruct>(
        version: Int16, flexible: Bool
    ) throws(WireError) -> [Element] {
        guard let elements: [Element] = try readNullableStructs(version: version, flexible: flexible) else {
            throw .unexpectedNull
        }
        return elements
    }

    mutating func readNullableStructs<Element: WireStruct>(
        version: Int16, flexible: Bool
    ) throws(WireError) -> [Element]? {
        let minimum = Element.minimumByteCount(at: version)
        guard let count = try readNullableCount(flexible: flexible, minimumElementBytes: minimum) else { return nil }
        var elements: [Element] = []
        elements.reserveCapacity(min(count, DecodingBounds.reservedElements))
        for _ in 0..<count { elements.append(try Element(from: &self, version: version)) }
        return elements
    }

    /// A byte in front says whether the struct follows: negative is null.
    mutating func readNullableStruct<Value: WireStruct>(version: Int16) throws(WireError) -> Value? {
        try readInt8() < 0 ? nil : try Value(from: &self, version: version)
    }

    mutating func readInt32s(flexible: Bool) throws(WireError) -> [Int32] {
        try Self.required(try readNullableInt32s(flexible: flexible))
    }

    mutating func readNullableInt32s(flexible: Bool) throws(WireError) -> [Int32]? {
        try readElements(flexible: flexible, minimumBytes: 4) { reader throws(WireError) in try reader.readInt32() }
    }

    mutating func readInt64s(flexible: Bool) throws(WireError) -> [Int64] {
        try Self.required(
            try readElements(flexible: flexible, minimumBytes: 8) { reader throws(WireError) in
                try reader.readInt64()
            })
    }

    mutating func readStrings(flexible: Bool) throws(WireError) -> [String] {
        try Self.required(try readNullableStrings(flexible: flexible))
    }

    mutating func readNullableStrings(flexible: Bool) throws(WireError) -> [String]? {
        try readElements(flexible: flexible, minimumBytes: flexible ? 1 : 2) { reader throws(WireError) in
            try reader.readString(flexible: flexible)
        }
    }

    private mutating func readElements<Element>(
        flexible: Bool, minimumBytes: Int, _ read: (inout WireReader) throws(WireError) -> Element
    ) throws(WireError) -> [Element]? {
        guard let count = try readNullableCount(flexible: flexible, minimumElementBytes: minimumBytes) else {
            return nil
        }
        var elements: [Element] = []
        elements.reserveCapacity(min(count, DecodingBounds.reservedElements))
        for _ in 0..<count { elements.append(try read(&self)) }
        return elements
    }

    private static func required<Value>(_ value: Value?) throws(WireError) -> Value {
        guard let value else { throw .unexpectedNull }
        return value
    }
}

extension WireWriter {
    mutating func writeStructs<Element: WireStruct>(
        _ elements: [Element]?, version: Int16, flexible: Bool
    ) throws(WireError) {
        writeCount(elements?.count, flexible: flexible)
        guard let elements else { return }
        for element in elements { try element.write(to: &self, version: version) }
    }

    mutating func writeNullableStruct<Value: WireStruct>(_ value: Value?, version: Int16) throws(WireError) {
        write(Int8(value == nil ? -1 : 1))
        try value?.write(to: &self, version: version)
    }

    mutating func writeInt32s(_ elements: [Int32]?, flexible: Bool) {
        writeCount(elements?.count, flexible: flexible)
        for element in elements ?? [] { write(element) }
    }

    mutating func writeInt64s(_ elements: [Int64], flexible: Bool) {
        writeCount(elements.count, flexible: flexible)
        for element in elements { write(element) }
    }

    mutating func writeStrings(_ elements: [String]?, flexible: Bool) throws(WireError) {
        writeCount(elements?.count, flexible: flexible)
        for element in elements ?? [] { try write(element, flexible: flexible) }
    }
}
