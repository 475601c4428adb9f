import EventStreams
import Metrics
import Railway
import ServiceKit

/// Names of a station's own metrics and log keys.
enum StationNames {
    static let linesRejected = MetricName(
        "signalbox_station_lines_rejected_total", "Lines of recordings that could not be read.")

    enum LogKey {
        static let file = "file"
        static let loop = "loop"
    }
}

/// Counts what a station meets.
struct StationProbe: Sendable {
    private let lines: Counter

    init(station: StationID) {
        lines = Counter(label: StationNames.linesRejected.name, dimensions: [("station", station.rawValue)])
    }

    func rejectedLine() { lines.increment() }
}
