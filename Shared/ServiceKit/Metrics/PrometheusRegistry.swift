import CoreMetrics
import Synchronization

/// A swift-metrics backend that Prometheus can read: `expose()` is the body of `/metrics`.
///
/// Creating a metric takes the registry's lock and a dictionary look-up; using the handle afterwards takes neither.
/// Names become valid Prometheus names; a counter gains `_total`, a timer `_seconds` (it records seconds). Each
/// metric holds at most `seriesLimit` label combinations: past that, new ones are counted in
/// `metrics_series_dropped_total` and not kept.
public final class PrometheusRegistry: MetricsFactory, Sendable {
    /// A metric's kind, as in `# TYPE`.
    enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// One label combination's value.
    enum Cell: Sendable {
        case counter(CounterCell)
        case double(DoubleCell)
        case histogram(HistogramCell)
    }

    struct Family: Sendable {
        var kind: Kind
        /// By label text, such as `method="GET",status="200"`.
        var cells: [String: Cell] = [:]
    }

    struct State {
        var families: [String: Family] = [:]
        var names: [String: MetricName] = [:]
        var drops: [String: UInt64] = [:]
        var collectors: [@Sendable (inout PrometheusText) -> Void] = []
    }

    private let state: Mutex<State>
    private let seriesLimit: Int

    /// Label combinations per metric are bounded by `seriesLimit`; `names` give sentences and buckets.
    public init(seriesLimit: Int = 1_000, names: [MetricName] = TelemetryNames.Metric.all) {
        self.seriesLimit = seriesLimit
        state = Mutex(
            State(names: Dictionary(names.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })))
    }

    /// Adds sentences and buckets for more metrics; has no effect on histograms that exist already.
    public func describe(_ names: [MetricName]) {
        state.withLock { state in
            for name in names { state.names[name.name] = name }
        }
    }

    /// Adds values that are only read when Prometheus asks, such as the process's memory. Runs on each scrape.
    public func addCollector(_ collector: @escaping @Sendable (inout PrometheusText) -> Void) {
        state.withLock { $0.collectors.append(collector) }
    }

    /// All metrics in the text format 0.0.4, families and label combinations sorted.
    public func expose() -> String {
        let (families, names, drops, collectors) = state.withLock {
            ($0.families, $0.names, $0.drops, $0.collectors)
        }
        var text = PrometheusText(names: names)
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text.begin(name, family.kind)
            for (labels, cell) in family.cells.sorted(by: { $0.key < $1.key }) {
                text.add(name, labels: labels, cell)
            }
        }
        if !drops.isEmpty {
            let name = TelemetryNames.Metric.seriesDropped.name
            text.begin(name, .counter)
            for (labels, count) in drops.sorted(by: { $0.key < $1.key }) {
                text.sample(name, labels: labels, value: Double(count))
            }
        }
        for collector in collectors { collector(&text) }
        return text.text
    }

    /// The cell of a label combination, new or existing; `nil` when it may not be kept.
    private func cell(
        _ rawName: String, _ dimensions: [(String, String)], _ kind: Kind, make: (MetricName?) -> Cell
    ) -> Cell? {
        let name = PrometheusText.metricName(rawName)
        let labels = PrometheusText.labels(dimensions)
        return state.withLock { state in
            var family = state.families[name] ?? Family(kind: kind)
            if family.kind != kind {
                state.drops[PrometheusText.labels([("metric", name), ("reason", "kind")]), default: 0] += 1
                return nil
            }
            if let cell = family.cells[labels] { return cell }
            if family.cells.count >= seriesLimit {
                state.drops[PrometheusText.labels([("metric", name), ("reason", "limit")]), default: 0] += 1
                return nil
            }
            let cell = make(state.names[name])
            family.cells[labels] = cell
            state.families[name] = family
            return cell
        }
    }
}

extension PrometheusRegistry {
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let name = label.hasSuffix("_total") ? label : label + "_total"
        if case .counter(let cell) = cell(name, dimensions, .counter, make: { _ in .counter(CounterCell()) }) {
            return cell
        }
        return CounterCell()
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        let name = label.hasSuffix("_total") ? label : label + "_total"
        if case .double(let cell) = cell(name, dimensions, .counter, make: { _ in .double(DoubleCell()) }) {
            return cell
        }
        return DoubleCell()
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, dimensions)
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        aggregate ? histogram(label, dimensions) : gauge(label, dimensions)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(label.hasSuffix("_seconds") ? label : label + "_seconds", dimensions)
    }

    private func gauge(_ label: String, _ dimensions: [(String, String)]) -> DoubleCell {
        if case .double(let cell) = cell(label, dimensions, .gauge, make: { _ in .double(DoubleCell()) }) {
            return cell
        }
        return DoubleCell()
    }

    private func histogram(_ label: String, _ dimensions: [(String, String)]) -> HistogramCell {
        let found = cell(label, dimensions, .histogram) { name in
            .histogram(HistogramCell(bounds: Self.bounds(for: label, described: name)))
        }
        if case .histogram(let cell) = found { return cell }
        return HistogramCell(bounds: [])
    }

    private static func bounds(for label: String, described name: MetricName?) -> [Double] {
        if let name, !name.buckets.isEmpty { return name.buckets }
        if label.hasSuffix("_seconds") { return MetricBuckets.seconds }
        return label.hasSuffix("_bytes") ? MetricBuckets.bytes : MetricBuckets.counts
    }

    // A destroyed handle keeps its series: Prometheus wants counters to stay.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}
}
