#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Gives a test a folder of its own, removed afterwards whatever happens.
public func withTemporaryDirectory<Value>(
    isolation: isolated (any Actor)? = #isolation,
    _ operation: (String) async throws -> Value
) async throws -> Value {
    let path = "\(FileManager.default.temporaryDirectory.path)/signalbox-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    do {
        let value = try await operation(path)
        try FileManager.default.removeItem(atPath: path)
        return value
    } catch {
        if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
        throw error
    }
}
