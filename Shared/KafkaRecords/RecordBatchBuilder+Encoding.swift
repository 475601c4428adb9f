import NIOCore

extension RecordBatchBuilder {
    /// The bytes of a buffer, or `nil` for none, as raw memory.
    @inline(__always)
    static func withBytes(of buffer: ByteBuffer?, _ body: (UnsafeRawBufferPointer?) -> Void) {
        if let buffer {
            buffer.withUnsafeReadableBytes(body)
        } else {
            body(nil)
        }
    }

    /// The bytes of a key or value with its length in front.
    @inline(__always)
    static func framedBytes(_ bytes: UnsafeRawBufferPointer?) -> Int {
        guard let bytes else { return 1 }
        return Varint.byteCount(bytes.count) + bytes.count
    }

    @inline(__always)
    static func store(_ bytes: UnsafeRawBufferPointer?, at pointer: inout UnsafeMutableRawPointer) {
        Varint.store(bytes?.count ?? -1, at: &pointer)
        guard let bytes, let source = bytes.baseAddress else { return }
        pointer.copyMemory(from: source, byteCount: bytes.count)
        pointer += bytes.count
    }

    /// The bytes of a record's headers with their number in front.
    @inline(__always)
    static func byteCount(of headers: [RecordHeader]) -> Int {
        headers.isEmpty ? 1 : byteCountOfSome(headers)
    }

    private static func byteCountOfSome(_ headers: [RecordHeader]) -> Int {
        var sum = Varint.byteCount(headers.count)
        for header in headers {
            let name = header.name.utf8.count
            sum += Varint.byteCount(name) + name
            let value = header.value?.readableBytes
            sum += Varint.byteCount(value ?? -1) + (value ?? 0)
        }
        return sum
    }

    @inline(__always)
    static func store(_ headers: [RecordHeader], at pointer: inout UnsafeMutableRawPointer) {
        Varint.store(headers.count, at: &pointer)
        if !headers.isEmpty { storeSome(headers, at: &pointer) }
    }

    private static func storeSome(_ headers: [RecordHeader], at pointer: inout UnsafeMutableRawPointer) {
        for header in headers {
            var name = header.name
            name.withUTF8 { store(UnsafeRawBufferPointer($0), at: &pointer) }
            withBytes(of: header.value) { store($0, at: &pointer) }
        }
    }
}
