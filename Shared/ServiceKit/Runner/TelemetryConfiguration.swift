import Logging

/// What the process logs, counts and traces, and how it stops: the keys that every service has.
public struct TelemetryConfiguration: Sendable {
    public var logLevel: Logger.Level
    public var logFormat: LogFormat
    public var seriesLimit: Int
    public var samplingRatio: Double
    public var spanFile: String?
    public var spanBufferSize: Int
    public var spanInterval: Duration
    public var shutdownDeadline: Duration
    public var admin: AdminConfiguration

    /// Reads `[logging]`, `[metrics]`, `[tracing]`, `[shutdown]` and `[admin]`.
    public init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        logLevel = try reader.choice("logging.level", default: .info, doc: "Least level that is logged.")
        logFormat = try reader.choice("logging.format", default: .human, doc: "Lines for people or for machines.")
        seriesLimit = try reader.int(
            "metrics.series_limit", default: 1_000, in: 1...1_000_000, doc: "Label combinations kept per metric.")
        samplingRatio = try reader.double(
            "tracing.ratio", default: 1, in: 0...1, doc: "Part of new traces that is recorded.")
        spanFile = try reader.optionalString("tracing.file", doc: "Appends finished spans to this file as JSON lines.")
        spanBufferSize = try reader.int(
            "tracing.buffer_spans", default: 4_096, in: 1...1_000_000, doc: "Finished spans that may wait.")
        spanInterval = try reader.duration(
            "tracing.interval", default: .seconds(1), in: .milliseconds(10) ... .seconds(3_600),
            doc: "How often finished spans are handed on.")
        shutdownDeadline = try reader.duration(
            "shutdown.deadline", default: .seconds(10), in: .milliseconds(10) ... .seconds(3_600),
            doc: "Time that services get to stop.")
        admin = try AdminConfiguration(reader)
    }
}
