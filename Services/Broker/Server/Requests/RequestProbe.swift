import KafkaMessages
import KafkaWire
import Metrics

/// Counts and times the requests of one API.
struct RequestProbe: Sendable {
    private let requests: Counter
    private let seconds: Metrics.Timer

    init(api: APIKey) {
        let dimensions = [("api", api.name)]
        requests = Counter(label: "kafka_server_requests_total", dimensions: dimensions)
        seconds = Metrics.Timer(label: "kafka_server_request_duration_seconds", dimensions: dimensions)
    }

    /// From the complete frame to the response handed to the socket; long polls count with their wait.
    func answered(after duration: Duration) {
        requests.increment()
        seconds.record(duration: duration)
    }
}
