import KafkaWire
import NIOCore
import SystemPackage

/// The log start, once it has moved. Written before segments are deleted, so that a deletion which a crash undoes in
/// part leaves no gap: what is below goes at the next start.
///
/// `1000 crc32c=…`, the checksum being that of the offset's digits: a flipped bit must not delete records. An offset
/// alone, as it was written once, is taken as it is.
enum LogStartCheckpoint {
    /// `nil` where there is none or it is damaged: the segments' own start is the safe answer then.
    static func read(_ folder: FilePath, _ files: any FileSystem) throws(StorageError) -> Offset? {
        let bytes = try files.contents(of: folder.appending(LogFileName.logStartCheckpoint))
        return bytes.flatMap { decode(String(buffer: $0)) }
    }

    static func write(_ offset: Offset, _ folder: FilePath, _ files: any FileSystem) throws(StorageError) {
        let path = folder.appending(LogFileName.logStartCheckpoint)
        try files.replace(path, with: ByteBuffer(string: encode(offset)))
    }

    private static let mark = " crc32c="

    static func encode(_ offset: Offset) -> String {
        let digits = offset.description
        return digits + mark + String(CRC32C.checksum(ByteBuffer(string: digits)))
    }

    static func decode(_ text: String) -> Offset? {
        let parts = text.split(separator: mark, omittingEmptySubsequences: false)
        guard let digits = parts.first, let offset = Int64(digits), offset >= 0, parts.count <= 2 else { return nil }
        if parts.count == 2, UInt32(parts[1]) != CRC32C.checksum(ByteBuffer(substring: digits)) { return nil }
        return Offset(offset)
    }
}
