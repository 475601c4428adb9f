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

    mutating func readInt32s(flexible: Bool) throws(WireError) -> [Int32] {
        let count = try readCount(flexible: flexible, minimumElementBytes: MemoryLayout<Int32>.size)
        var elements: [Int32] = []
        elements.reserveCapacity(min(count, DecodingBounds.reservedElements))
        for _ in 0..<count { elements.append(try readInt32()) }
        return elements
    }

    mutating func readStrings(flexible: Bool) throws(WireError) -> [String] {
        let count = try readCount(flexible: flexible, minimumElementBytes: flexible ? 1 : 2)
        var elements: [String] = []
        elements.reserveCapacity(min(count, DecodingBounds.reservedElements))
        for _ in 0..<count { elements.append(try readString(flexible: flexible)) }
        return elements
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

    mutating func writeInt32s(_ elements: [Int32], flexible: Bool) {
        writeCount(elements.count, flexible: flexible)
        for element in elements { write(element) }
    }

    mutating func writeStrings(_ elements: [String], flexible: Bool) throws(WireError) {
        writeCount(elements.count, flexible: flexible)
        for element in elements { try write(element, flexible: flexible) }
    }
}
