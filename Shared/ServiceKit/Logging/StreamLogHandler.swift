import Logging
import Synchronization
import SystemPackage
import Tracing

/// Where finished log lines go.
public protocol LogSink: Sendable {
    /// Takes one whole line with its line break; called from any thread.
    func write(_ line: [UInt8])
}

/// Writes each line to standard error with one call, so that lines of several threads do not mix.
public final class StandardErrorSink: LogSink {
    private let lost = Atomic<Int>(0)

    public init() {}

    /// Lines that could not be written, because standard error is closed.
    public var lostLines: Int { lost.load(ordering: .relaxed) }

    public func write(_ line: [UInt8]) {
        do {
            _ = try FileDescriptor.standardError.writeAll(line)
        } catch {
            lost.wrappingAdd(1, ordering: .relaxed)
        }
    }
}

/// A swift-log backend: human or JSON lines, with the service's name and the current trace's ids.
public struct StreamLogHandler: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    public var logLevel: Logger.Level

    private let label: String
    private let service: String
    private let format: LogFormat
    private let sink: any LogSink
    private let now: @Sendable () -> UInt64

    /// `service` is the process's name; a logger's own `service` metadata replaces it. `now` tells nanoseconds
    /// since 1970.
    public init(
        label: String, service: String, format: LogFormat, level: Logger.Level, sink: any LogSink,
        metadataProvider: Logger.MetadataProvider? = nil,
        now: @escaping @Sendable () -> UInt64 = { DefaultTracerClock.now.nanosecondsSinceEpoch }
    ) {
        self.label = label
        self.service = service
        self.format = format
        self.sink = sink
        self.metadataProvider = metadataProvider
        self.now = now
        logLevel = level
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var merged = metadata
        if let provided = metadataProvider?.get(), !provided.isEmpty {
            merged.merge(provided) { $1 }
        }
        if let own = event.metadata { merged.merge(own) { $1 } }
        if let error = event.error { merged[TelemetryNames.LogKey.error] = "\(error)" }
        let service = merged.removeValue(forKey: TelemetryNames.LogKey.service)?.description ?? service
        let line = LogLine(
            format: format, nanosecondsSinceEpoch: now(), level: event.level, service: service, label: label,
            message: event.message.description, metadata: merged)
        sink.write(line.bytes)
    }
}

extension Logger.MetadataProvider {
    /// The ids of the trace that the current task works for, when there is one.
    public static let traceContext = Logger.MetadataProvider {
        guard let trace = ServiceContext.current?.traceContext else { return [:] }
        return [
            TelemetryNames.LogKey.traceID: "\(trace.traceID)",
            TelemetryNames.LogKey.spanID: "\(trace.spanID)",
        ]
    }
}
