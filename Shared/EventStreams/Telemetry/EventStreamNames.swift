import Metrics
import Railway
import ServiceKit

/// Names of the metrics, labels and log keys that all services share because all tell and hear events.
public enum EventStreamNames {
    /// Metrics: what `/metrics` shows.
    public enum Metric {
        public static let eventsTold = MetricName(
            "signalbox_events_told_total", "Events that the log has acknowledged, by topic.")
        public static let eventsReceived = MetricName(
            "signalbox_events_received_total", "Events read from the log, by topic and service.")
        public static let eventsRejected = MetricName(
            "signalbox_events_rejected_total", "Records that are no event of their topic, by topic and reason.")
        public static let eventsTaken = MetricName(
            "signalbox_events_taken_total", "What became of events at a service's rules, by service and outcome.")
        public static let spansLost = MetricName(
            "signalbox_spans_lost_total", "Finished spans that could not be told to the topic spans.")

        /// Every name above.
        public static let all = [eventsTold, eventsReceived, eventsRejected, eventsTaken, spansLost]
    }

    /// Labels of metrics.
    public enum Label {
        public static let topic = "topic"
        public static let reason = "reason"
        public static let service = "service"
        public static let outcome = "outcome"
    }

    /// Keys of log metadata.
    public enum LogKey {
        public static let topic = "topic"
        public static let partition = "partition"
        public static let offset = "offset"
        public static let source = "source"
        public static let servers = "bootstrap_servers"
        public static let group = "group"
        public static let events = "events"
    }
}

extension EventError {
    /// One word for a metric's label.
    var label: String {
        switch self {
        case .tooLarge: "too_large"
        case .malformed: "malformed"
        case .invalidAttributes: "attributes"
        case .notInNetwork: "not_in_network"
        }
    }
}

extension TakenEvent {
    /// One word for a metric's label.
    public var label: String {
        switch self {
        case .placed: "placed"
        case .held: "held"
        case .repeated: "repeated"
        case .tooLate: "too_late"
        case .refused: "refused"
        }
    }
}
