import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import Metrics
import NIOCore
import Synchronization
import Tracing

/// Counts and times requests, logs them at debug, and continues the trace of a request that carries one.
///
/// The time is until the response's head: a stream's body does not count. A request without a trace starts none:
/// pages poll, and their traces would bury those of the trains.
struct TelemetryMiddleware: RouterMiddleware {
    typealias Context = ServiceRequestContext

    private let handles: HTTPMetricHandles
    private let logLevel: Logger.Level

    /// `logLevel` is that of the requests' loggers; the server's own lines have a higher one.
    init(metrics: any MetricsFactory, logLevel: Logger.Level) {
        handles = HTTPMetricHandles(factory: metrics)
        self.logLevel = logLevel
    }

    func handle(
        _ request: Request, context: ServiceRequestContext,
        next: (Request, ServiceRequestContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var context = context
        context.logger.logLevel = logLevel
        let response = try await traced(request, context, next)
        let elapsed = ContinuousClock.now - start
        let metrics = handles.handles(
            method: request.method, route: context.endpointPath ?? "NotFound", status: response.status.code)
        metrics.requests.increment()
        metrics.duration.record(duration: elapsed)
        context.logger.debug(
            "request",
            metadata: [
                TelemetryNames.LogKey.method: .string(request.method.rawValue),
                TelemetryNames.LogKey.path: .string(request.head.path ?? ""),
                TelemetryNames.LogKey.status: .stringConvertible(response.status.code),
                TelemetryNames.LogKey.duration: .stringConvertible(elapsed),
            ])
        return response
    }

    private func traced(
        _ request: Request, _ context: ServiceRequestContext,
        _ next: (Request, ServiceRequestContext) async throws -> Response
    ) async throws -> Response {
        var parent = ServiceContext.current ?? .topLevel
        InstrumentationSystem.instrument.extract(request.headers, into: &parent, using: HeaderExtractor())
        guard parent.traceContext != nil else { return try await next(request, context) }
        return try await withSpan(
            TelemetryNames.Span.httpPrefix + request.method.rawValue, context: parent, ofKind: .server
        ) { span in
            let response = try await next(request, context)
            span.operationName += " " + (context.endpointPath ?? "NotFound")
            span.attributes.set(TelemetryNames.SpanAttribute.httpMethod, value: .string(request.method.rawValue))
            span.attributes.set(TelemetryNames.SpanAttribute.httpStatus, value: .int(Int64(response.status.code)))
            return response
        }
    }
}

/// Reads trace headers of an HTTP request.
private struct HeaderExtractor: Extractor {
    func extract(key: String, from carrier: HTTPFields) -> String? {
        HTTPField.Name(key).flatMap { carrier[$0] }
    }
}

/// The metric handles of each method, route and status seen.
private final class HTTPMetricHandles: Sendable {
    struct Key: Hashable {
        var method: String
        var route: String
        var status: Int
    }

    struct Handles: Sendable {
        var requests: Counter
        var duration: Metrics.Timer
    }

    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    private let known = Mutex<[Key: Handles]>([:])
    private let factory: any MetricsFactory

    init(factory: any MetricsFactory) {
        self.factory = factory
    }

    func handles(method: HTTPRequest.Method, route: String, status: Int) -> Handles {
        let name = Self.methods.contains(method.rawValue) ? method.rawValue : "other"
        let key = Key(method: name, route: route, status: status)
        return known.withLock { known in
            if let handles = known[key] { return handles }
            let dimensions = [
                (TelemetryNames.Label.method, name), (TelemetryNames.Label.route, route),
                (TelemetryNames.Label.status, String(status)),
            ]
            let handles = Handles(
                requests: Counter(
                    label: TelemetryNames.Metric.httpRequests.name, dimensions: dimensions, factory: factory),
                duration: Metrics.Timer(
                    label: TelemetryNames.Metric.httpRequestDuration.name,
                    dimensions: Array(dimensions.prefix(2)), factory: factory))
            known[key] = handles
            return handles
        }
    }
}

/// Refuses bodies that are too long and turns every error into `{"error": "…"}`.
struct ErrorBodyMiddleware: RouterMiddleware {
    typealias Context = ServiceRequestContext

    let maximumRequestBytes: Int

    func handle(
        _ request: Request, context: ServiceRequestContext,
        next: (Request, ServiceRequestContext) async throws -> Response
    ) async throws -> Response {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > maximumRequestBytes {
            return .error(.contentTooLarge, "the body may have \(maximumRequestBytes) bytes, not \(length)")
        }
        var context = context
        context.maxUploadSize = maximumRequestBytes
        do {
            return try await next(request, context)
        } catch let error as HTTPError {
            var response = Response.error(error.status, error.body ?? error.status.reasonPhrase)
            response.headers.append(contentsOf: error.headers)
            return response
        } catch is NIOTooManyBytesError {
            return .error(.contentTooLarge, "the body may have \(maximumRequestBytes) bytes")
        } catch let error as any HTTPResponseError {
            return .error(error.status, error.status.reasonPhrase)
        } catch {
            context.logger.error("request failed", metadata: [TelemetryNames.LogKey.error: "\(error)"])
            return .error(.internalServerError, "internal error")
        }
    }
}
