/// All metric, span and log-key names of this process's services, in one place.
///
/// A metric's unit ends its name (`_seconds`, `_bytes`), a counter's name ends in `_total`. Add a name here with
/// its sentence and, when it is a histogram, its buckets; then list it in `Metric.all`.
public enum TelemetryNames {
    /// Metrics: what `/metrics` shows.
    public enum Metric {
        // HTTP interface of any service.
        public static let httpRequests = MetricName(
            "http_server_requests_total", "HTTP requests answered, by method, route and status.")
        public static let httpRequestDuration = MetricName(
            "http_server_request_duration_seconds", "Time from an HTTP request's head to its response's head.",
            buckets: MetricBuckets.seconds)
        public static let sseClients = MetricName("http_sse_clients", "Server-sent event streams now open.")
        public static let sseEvents = MetricName("http_sse_events_total", "Server-sent events written to clients.")
        public static let sseClientsEnded = MetricName(
            "http_sse_clients_ended_total", "Event streams ended, by reason.")

        // Tracing.
        public static let spansExported = MetricName("tracing_spans_exported_total", "Spans handed to a sink.")
        public static let spansDropped = MetricName(
            "tracing_spans_dropped_total", "Finished spans thrown away, by reason.")

        // The metrics registry itself.
        public static let seriesDropped = MetricName(
            "metrics_series_dropped_total", "Time series refused, by reason: too many for one metric, or another kind.")

        // The process, from /proc.
        public static let processCPU = MetricName(
            "process_cpu_seconds_total", "User and system CPU time spent by the process.")
        public static let processResidentMemory = MetricName(
            "process_resident_memory_bytes", "Memory of the process in RAM.")
        public static let processVirtualMemory = MetricName(
            "process_virtual_memory_bytes", "Address space of the process.")
        public static let processOpenFiles = MetricName("process_open_fds", "File descriptors open.")
        public static let processMaximumFiles = MetricName("process_max_fds", "Limit of open file descriptors.")
        public static let processStartTime = MetricName(
            "process_start_time_seconds", "When the process started, in seconds since 1970.")

        /// Every name above; the registry takes sentences and buckets from here.
        public static let all: [MetricName] = [
            httpRequests, httpRequestDuration, sseClients, sseEvents, sseClientsEnded,
            spansExported, spansDropped, seriesDropped,
            processCPU, processResidentMemory, processVirtualMemory, processOpenFiles, processMaximumFiles,
            processStartTime,
        ]
    }

    /// Labels of metrics.
    public enum Label {
        public static let method = "method"
        public static let route = "route"
        public static let status = "status"
        public static let reason = "reason"
        public static let server = "server"
        public static let metric = "metric"
    }

    /// Names of spans.
    public enum Span {
        /// Followed by the route: `HTTP GET /board/{station}`.
        public static let httpPrefix = "HTTP "
    }

    /// Attributes of spans, after OpenTelemetry's conventions.
    public enum SpanAttribute {
        public static let httpMethod = "http.request.method"
        public static let httpRoute = "http.route"
        public static let httpStatus = "http.response.status_code"
        public static let errorMessage = "exception.message"
    }

    /// Keys of log metadata.
    public enum LogKey {
        public static let service = "service"
        public static let traceID = "trace_id"
        public static let spanID = "span_id"
        public static let error = "error"
        public static let method = "method"
        public static let path = "path"
        public static let status = "status"
        public static let duration = "duration"
        public static let address = "address"
        public static let count = "count"
    }
}

/// A metric's name with its sentence for `# HELP` and, for a histogram, its buckets.
public struct MetricName: Sendable, Hashable, CustomStringConvertible {
    public let name: String
    public let help: String
    /// Upper bounds in the metric's unit, ascending; empty when not a histogram or when the unit decides.
    public let buckets: [Double]

    public init(_ name: String, _ help: String, buckets: [Double] = []) {
        self.name = name
        self.help = help
        self.buckets = buckets
    }

    public var description: String { name }
}

/// Buckets for histograms by unit.
public enum MetricBuckets {
    /// 100 µs to 30 s.
    public static let seconds: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]
    /// 64 B to 64 MiB in steps of 4.
    public static let bytes: [Double] = (0...10).map { Double(64 << (2 * $0)) }
    /// 1 to 100,000.
    public static let counts: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000]
}
