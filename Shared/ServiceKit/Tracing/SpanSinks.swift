import Synchronization
import SystemPackage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Keeps the last spans in memory, for tests and for pages that show them; bounded, the oldest go first.
public final class MemorySpanSink: SpanSink {
    private let kept = Mutex<[FinishedSpan]>([])
    private let capacity: Int

    public init(capacity: Int = 10_000) {
        self.capacity = capacity
    }

    /// Oldest first.
    public var spans: [FinishedSpan] { kept.withLock { $0 } }

    public func export(_ spans: [FinishedSpan]) async throws {
        kept.withLock { kept in
            kept.append(contentsOf: spans)
            kept.removeFirst(max(0, kept.count - capacity))
        }
    }
}

/// Appends one JSON object per span and line to a file (`tracing.file`).
public final class JSONLinesSpanSink: SpanSink {
    private let file: FileDescriptor

    /// Opens or creates the file for appending.
    public init(path: String) throws(StartupError) {
        do {
            file = try FileDescriptor.open(
                FilePath(path), .writeOnly, options: [.create, .append], permissions: [.ownerReadWrite, .groupRead])
        } catch {
            throw StartupError("tracing: \(path) cannot be written: \(error)")
        }
    }

    deinit {
        do { try file.close() } catch { return }
    }

    public func export(_ spans: [FinishedSpan]) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var lines: [UInt8] = []
        for span in spans {
            lines.append(contentsOf: try encoder.encode(span))
            lines.append(UInt8(ascii: "\n"))
        }
        try file.writeAll(lines)
    }
}
