import Metrics
import ServiceKit

/// Names of this service's own metrics.
enum NotificationsMetric {
    static let subscriptions = MetricName(
        "notifications_subscription_records", "Subscriptions that hold; limits.subscriptions bounds them.")
    static let refused = MetricName(
        "notifications_subscriptions_refused_total", "Subscriptions refused, by reason.")
    static let requested = MetricName("notifications_requested_total", "Notifications told for a subscriber.")
    static let repeated = MetricName(
        "notifications_repeated_total", "Notifications found to be in the log already and not told again.")
    static let delivered = MetricName(
        "notifications_delivered_total", "Notifications that have reached a page for the first time.")
    static let deliveriesLost = MetricName(
        "notifications_deliveries_untold_total", "Deliveries that were not told because too many were waiting.")
    static let held = MetricName(
        "notifications_history_messages",
        "Notifications held for pages that come back; limits.history_total bounds them.")
    static let streamsRefused = MetricName(
        "notifications_streams_refused_total", "Event streams refused because limits.sse_clients were open.")

    static let all = [subscriptions, refused, requested, repeated, delivered, deliveriesLost, held, streamsRefused]

    /// Counts one.
    static func count(_ name: MetricName, reason: String? = nil) {
        let dimensions = reason.map { [(TelemetryNames.Label.reason, $0)] } ?? []
        Counter(label: name.name, dimensions: dimensions).increment()
    }

    /// Notes a level.
    static func level(_ name: MetricName, _ value: Int) {
        Gauge(label: name.name).record(value)
    }
}
