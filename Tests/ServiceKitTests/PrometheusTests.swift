import CoreMetrics
import Metrics
import Testing

@testable import ServiceKit

@Suite("Prometheus text", .tags(.unit))
struct PrometheusTests {
    @Test("Counters, gauges and histograms are shown with HELP, TYPE and sorted labels")
    func exposition() throws {
        let registry = PrometheusRegistry(names: [
            MetricName("trains_total", "Trains seen."), MetricName("wait_seconds", "Waiting.", buckets: [0.1, 1]),
        ])
        let labels = [("station", "Nation"), ("line", "A")]
        let counter = Counter(label: "trains_total", dimensions: labels, factory: registry)
        counter.increment(by: 2)
        counter.increment()
        Meter(label: "platforms", factory: registry).set(4)
        let timer = Metrics.Timer(label: "wait_seconds", factory: registry)
        timer.recordMilliseconds(50)
        timer.recordMilliseconds(100)
        timer.recordSeconds(3)
        #expect(
            registry.expose() == """
                # TYPE platforms gauge
                platforms 4
                # HELP trains_total Trains seen.
                # TYPE trains_total counter
                trains_total{line="A",station="Nation"} 3
                # HELP wait_seconds Waiting.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{le="0.1"} 2
                wait_seconds_bucket{le="1"} 2
                wait_seconds_bucket{le="+Inf"} 3
                wait_seconds_sum 3.15
                wait_seconds_count 3

                """)
    }

    @Test("Whatever the names and labels, the text follows the format's rules")
    func oddNames() throws {
        let registry = PrometheusRegistry()
        ProcessMetrics.register(in: registry)
        let odd = "back\\slash \"quote\" new\nline é"
        Counter(label: "9.odd-name", dimensions: [("a.b", odd), ("", "x")], factory: registry).increment()
        FloatingPointCounter(label: "seconds", factory: registry).increment(by: 0.5)
        Recorder(label: "size_bytes", factory: registry).record(1_000)
        Recorder(label: "level", dimensions: [], aggregate: false, factory: registry).record(Double.infinity)
        Gauge(label: "nan", factory: registry).record(Double.nan)
        Metrics.Timer(label: "request", factory: registry).recordNanoseconds(1_500)
        let text = registry.expose()
        let parsed = try ParsedExposition(text)
        #expect(parsed.violations == [])
        #expect(text.contains("_9_odd_name_total{_=\"x\",a_b=\"back\\\\slash \\\"quote\\\" new\\nline é\"} 1\n"))
        #expect(text.contains("seconds_total 0.5\n"))
        #expect(text.contains("level +Inf\n"))
        #expect(parsed.kinds["request_seconds"] == "histogram")
        #expect(parsed.kinds["process_cpu_seconds_total"] == "counter")
    }

    @Test("The same name and labels are the same series; another kind under its name is dropped and counted")
    func sameSeries() throws {
        let registry = PrometheusRegistry()
        Counter(label: "a_total", factory: registry).increment()
        Counter(label: "a", factory: registry).increment()
        Meter(label: "a_total", factory: registry).set(7)
        let text = registry.expose()
        #expect(text.contains("a_total 2\n"))
        #expect(text.contains("metrics_series_dropped_total{metric=\"a_total\",reason=\"kind\"} 1\n"))
    }

    @Test("More label combinations than the bound are dropped and counted, and their handles do nothing")
    func bound() throws {
        let registry = PrometheusRegistry(seriesLimit: 3)
        for number in 0..<10 {
            Counter(label: "seen_total", dimensions: [("n", "\(number)")], factory: registry).increment()
        }
        let parsed = try ParsedExposition(registry.expose())
        #expect(parsed.samples.filter { $0.name == "seen_total" }.count == 3)
        #expect(parsed.samples.first { $0.name == "metrics_series_dropped_total" }?.value == 7)
        #expect(parsed.violations == [])
    }

    @Test("Increments from many tasks are all counted")
    func concurrency() async throws {
        let registry = PrometheusRegistry()
        let counter = Counter(label: "c_total", factory: registry)
        let meter = Meter(label: "m", factory: registry)
        let recorder = Recorder(label: "r", factory: registry)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 {
                        counter.increment()
                        meter.increment()
                        recorder.record(1)
                    }
                }
            }
        }
        let text = registry.expose()
        #expect(text.contains("c_total 8000\n"))
        #expect(text.contains("\nm 8000\n"))
        #expect(text.contains("r_count 8000\n"))
    }

    @Test("A counter never goes down")
    func monotonic() {
        let cell = CounterCell()
        cell.increment(by: 5)
        cell.increment(by: -3)
        #expect(cell.current == 5)
    }

    @Test("Every declared name has its unit's or counter's ending, a sentence, and is declared once")
    func declaredNames() {
        let names = TelemetryNames.Metric.all
        #expect(Set(names.map(\.name)).count == names.count)
        for name in names {
            #expect(PrometheusText.metricName(name.name) == name.name)
            #expect(name.help.hasSuffix("."))
            #expect(name.buckets.isEmpty || name.name.hasSuffix("_seconds") || name.name.hasSuffix("_bytes"))
        }
    }

    #if os(Linux)
    @Test("The process's own figures are read from /proc")
    func process() throws {
        let metrics = try #require(ProcessMetrics.read())
        #expect(metrics.residentBytes > 1_000_000)
        #expect(metrics.openFiles > 2)
        #expect(metrics.cpuSeconds > 0)
        #expect(metrics.startSeconds > 1_600_000_000)
    }
    #endif

    @Test("A stat line whose command has spaces and parentheses is read; a short one is not")
    func statLine() throws {
        let fields = (3...24).map { "\($0 == 3 ? "S" : String($0))" }.joined(separator: " ")
        let metrics = ProcessMetrics.parse(stat: "1 (a b) c) \(fields)", bootSeconds: 1_000, openFiles: 3)
        #expect(metrics?.virtualBytes == 23)
        #expect(metrics?.openFiles == 3)
        #expect(ProcessMetrics.parse(stat: "1 (x) S 1 2", bootSeconds: 0, openFiles: 0) == nil)
        #expect(ProcessMetrics.parse(stat: "", bootSeconds: 0, openFiles: 0) == nil)
    }
}
