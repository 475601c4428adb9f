import Metrics

/// What happens on a broker's connections.
struct NetworkProbe: Sendable {
    private let open = Gauge(label: "kafka_server_connections")
    private let refused = Counter(label: "kafka_server_connections_refused_total")
    private let receivedBytes = Counter(label: "kafka_server_received_bytes_total")
    private let sentBytes = Counter(label: "kafka_server_sent_bytes_total")
    private let refusedRequests = Counter(label: "kafka_server_refused_requests_total")
    private let partialRequestBytes = Gauge(label: "kafka_server_partial_request_bytes")
    private let queuedRequestBytes = Gauge(label: "kafka_server_queued_request_bytes")

    func connections(_ count: Int, queuedBytes: Int, partialBytes: Int) {
        open.record(count)
        partialRequestBytes.record(partialBytes)
        queuedRequestBytes.record(queuedBytes)
    }
    func refusedConnection() { refused.increment() }
    func received(bytes: Int) { receivedBytes.increment(by: bytes + 4) }
    func sent(bytes: Int) { sentBytes.increment(by: bytes + 4) }
    /// A frame that is no request this broker can answer; its connection was closed.
    func refusedRequest() { refusedRequests.increment() }
}
