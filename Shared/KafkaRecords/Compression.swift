import NIOCore

/// How the records of a batch are compressed; the number is that of the batch's attributes.
public enum Compression: Int16, CaseIterable, Hashable, Sendable {
    case none = 0
    case gzip = 1
    case snappy = 2
    case lz4 = 3
    case zstd = 4

    /// Kafka's name, as in `compression.type`.
    public var name: String {
        switch self {
        case .none: "none"
        case .gzip: "gzip"
        case .snappy: "snappy"
        case .lz4: "lz4"
        case .zstd: "zstd"
        }
    }

    /// The codec of that name, in lower case.
    public init?(name: String) {
        guard let match = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = match
    }
}

extension Compression: CustomStringConvertible {
    /// Kafka's name.
    public var description: String { name }
}

extension Compression {
    /// The bytes in the form that Kafka's clients read: gzip member, xerial's snappy blocks, LZ4 or Zstandard frame.
    ///
    /// - Parameter level: the codec's own scale (gzip 1 to 9, lz4 1 to 12, zstd -7 to 22; snappy has none); values
    ///   outside are moved to the nearest, `nil` is the codec's default.
    public func compress(_ input: ByteBuffer, level: Int? = nil) throws(RecordError) -> ByteBuffer {
        if self == .none { return input }
        var output = ByteBuffer()
        try compress(input, into: &output, level: level)
        return output
    }

    /// As ``compress(_:level:)``, added to what `output` holds.
    func compress(_ input: ByteBuffer, into output: inout ByteBuffer, level: Int?) throws(RecordError) {
        let status = input.withUnsafeReadableBytes { bytes -> CodecFailure? in
            switch self {
            case .none:
                output.writeBytes(bytes)
                return nil
            case .gzip: return GzipCodec.compress(bytes, into: &output, level: level)
            case .snappy: return SnappyCodec.compress(bytes, into: &output)
            case .lz4: return LZ4Codec.compress(bytes, into: &output, level: level)
            case .zstd: return ZstdCodec.compress(bytes, into: &output, level: level)
            }
        }
        if let status { throw error(status, limit: .max) }
    }

    /// The original bytes.
    ///
    /// Reads several members or frames one after the other, and snappy with and without xerial's framing. Memory stays
    /// below `limit`, rounded up to a power of two, and a window of at most 8 MiB or that; throws
    /// `decompressedTooLarge` where the bytes want more and `compressionFailed` where they are damaged.
    public func decompress(_ input: ByteBuffer, limit: Int) throws(RecordError) -> ByteBuffer {
        if self == .none {
            guard input.readableBytes <= limit else { throw .decompressedTooLarge(limit: limit) }
            return input
        }
        var output = BoundedOutput(limit: limit)
        let status = input.withUnsafeReadableBytes { bytes -> CodecFailure? in
            switch self {
            case .none: nil
            case .gzip: GzipCodec.decompress(bytes, into: &output)
            case .snappy: SnappyCodec.decompress(bytes, into: &output)
            case .lz4: LZ4Codec.decompress(bytes, into: &output)
            case .zstd: ZstdCodec.decompress(bytes, into: &output)
            }
        }
        if let status { throw error(status, limit: limit) }
        return output.buffer
    }

    private func error(_ failure: CodecFailure, limit: Int) -> RecordError {
        switch failure {
        case .tooLarge: .decompressedTooLarge(limit: limit)
        case .library(let reason): .compressionFailed(self, reason: reason)
        }
    }
}

/// Why a codec stopped.
enum CodecFailure {
    /// The output's bound is reached and there is more.
    case tooLarge
    /// The library's or our own reason.
    case library(String)

    static let endsEarly = CodecFailure.library("the compressed data ends early")
    static let noMemory = CodecFailure.library("no memory for the codec")
}
