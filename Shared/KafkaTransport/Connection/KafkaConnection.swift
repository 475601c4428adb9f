import KafkaMessages
import KafkaWire
import NIOCore

/// One client connection to one broker.
///
/// An actor on its channel's event loop: a request is encoded and written on the loop without a switch of threads,
/// and requests submitted one after the other are written in that order. Responses are decoded by whoever waits.
/// When the connection breaks, or a request gets no response in time, everything pending fails with a retriable error
/// and the connection stays closed: make a new one.
public actor KafkaConnection {
    /// Bounds and names of a connection.
    public struct Configuration: Sendable {
        /// Sent with every request, for the broker's logs and quotas.
        public var clientID: String
        public var connectTimeout: Duration
        /// For requests that name none of their own.
        public var requestTimeout: Duration
        /// The largest response accepted.
        public var maximumResponseBytes: Int
        /// Requests written and unanswered at one time.
        public var maximumInFlight: Int
        /// Requests that may wait for a place behind those.
        public var maximumParked: Int

        public init(
            clientID: String, connectTimeout: Duration = .seconds(10), requestTimeout: Duration = .seconds(30),
            maximumResponseBytes: Int = 100 * 1024 * 1024, maximumInFlight: Int = 5, maximumParked: Int = 1024
        ) {
            self.clientID = clientID
            self.connectTimeout = connectTimeout
            self.requestTimeout = requestTimeout
            self.maximumResponseBytes = maximumResponseBytes
            self.maximumInFlight = maximumInFlight
            self.maximumParked = maximumParked
        }
    }

    private nonisolated let channel: any Channel
    private nonisolated let handler: NIOLoopBound<ClientChannelHandler>
    private nonisolated let configuration: Configuration
    /// What the broker speaks; only ApiVersions until the negotiation is done.
    public private(set) var versions = APIVersionTable([.apiVersions: ApiVersionsRequest.versions])

    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        channel.eventLoop.executor.asUnownedSerialExecutor()
    }

    init(channel: any Channel, handler: NIOLoopBound<ClientChannelHandler>, configuration: Configuration) {
        self.channel = channel
        self.handler = handler
        self.configuration = configuration
    }

    /// Whether requests can be sent; false for good once it was false.
    public nonisolated var isOpen: Bool { channel.isActive }

    /// Succeeds when the connection is closed.
    public nonisolated var closeFuture: EventLoopFuture<Void> { channel.closeFuture }

    func setVersions(_ versions: APIVersionTable) { self.versions = versions }

    /// Sends a request at the highest common version and waits for its response.
    ///
    /// - Parameters:
    ///   - timeout: until the response must be there; the configuration's when `nil`.
    ///   - maximumVersion: not to go above, where the caller cannot use a newer one.
    public nonisolated func send<Request: KafkaRequest>(
        _ request: Request, timeout: Duration? = nil, maximumVersion: Int16 = .max
    ) async throws(ConnectionError) -> Request.Response {
        try await submit(request, timeout: timeout, maximumVersion: maximumVersion).value()
    }

    /// Writes a request and returns without waiting for the response: calls one after the other keep their order.
    public func submit<Request: KafkaRequest>(
        _ request: Request, timeout: Duration? = nil, maximumVersion: Int16 = .max
    ) throws(ConnectionError) -> PendingResponse<Request> {
        let version = try versions.version(for: Request.self, maximum: maximumVersion)
        let handler = handler.value
        let correlationID = handler.nextCorrelationID()
        let frame = try encode(request, version: version, correlationID: correlationID)
        let promise = channel.eventLoop.makePromise(of: ByteBuffer.self)
        let pending = PendingRequest(
            apiKey: Request.apiKey, responseHeaderVersion: Request.responseHeaderVersion(version), promise: promise)
        do throws(ConnectionError) {
            try handler.submit(
                correlationID: correlationID, frame: frame, pending: pending, deadline: deadline(timeout))
        } catch {
            promise.fail(error)
            throw error
        }
        return PendingResponse(
            version: version, body: promise.futureResult, correlationID: correlationID, handler: self.handler)
    }

    /// Writes a request that the broker will not answer: Produce with acks = 0.
    public func sendWithoutResponse(
        _ request: ProduceRequest, maximumVersion: Int16 = .max
    ) throws(ConnectionError) {
        precondition(request.acks == 0, "the broker answers every request but Produce with acks = 0")
        let version = try versions.version(for: ProduceRequest.self, maximum: maximumVersion)
        let correlationID = handler.value.nextCorrelationID()
        let frame = try encode(request, version: version, correlationID: correlationID)
        try handler.value.submit(
            correlationID: correlationID, frame: frame, pending: nil, deadline: deadline(nil))
    }

    /// Fails everything pending and closes.
    public func close() {
        handler.value.close(.closed("by this client"))
    }

    private func deadline(_ timeout: Duration?) -> NIODeadline {
        .now() + TimeAmount(timeout ?? configuration.requestTimeout)
    }

    private func encode<Request: KafkaRequest>(
        _ request: Request, version: Int16, correlationID: Int32
    ) throws(ConnectionError) -> OutboundFrame {
        let header = RequestHeader(
            requestApiKey: Request.apiKey.rawValue, requestApiVersion: version, correlationId: correlationID,
            clientId: configuration.clientID)
        var writer = WireWriter()
        do throws(WireError) {
            try header.write(to: &writer, version: Request.requestHeaderVersion(version))
            try request.write(to: &writer, version: version)
        } catch {
            throw .invalidRequest(Request.apiKey, error)
        }
        return OutboundFrame(pieces: writer.finish())
    }
}

/// A response on its way.
public struct PendingResponse<Request: KafkaRequest>: Sendable {
    /// The version the request was written at.
    public let version: Int16
    let body: EventLoopFuture<ByteBuffer>
    let correlationID: Int32
    let handler: NIOLoopBound<ClientChannelHandler>

    /// The response's bytes once they are there; a cancelled task stops waiting at once.
    func bytes() async throws(ConnectionError) -> ByteBuffer {
        do {
            return try await withTaskCancellationHandler {
                try await body.get()
            } onCancel: {
                body.eventLoop.execute { [handler, correlationID] in
                    handler.value.cancel(correlationID: correlationID)
                }
            }
        } catch let error as ConnectionError {
            throw error
        } catch {
            throw .closed("\(error)")
        }
    }

    /// Waits for the response and decodes it on the caller's own thread.
    public func value() async throws(ConnectionError) -> Request.Response {
        var reader = WireReader(try await bytes())
        do throws(WireError) {
            let response = try Request.Response(from: &reader, version: version)
            try reader.finish()
            return response
        } catch {
            throw .malformedResponse("\(Request.apiKey) version \(version): \(error)")
        }
    }
}
