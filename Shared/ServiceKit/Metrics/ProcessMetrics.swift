import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The process's CPU time, memory, file descriptors and start time, read from `/proc` at each scrape.
///
/// Where there is no `/proc`, nothing is shown.
public struct ProcessMetrics: Sendable, Equatable {
    public var cpuSeconds: Double
    public var residentBytes: Double
    public var virtualBytes: Double
    public var openFiles: Int
    public var maximumFiles: Double
    public var startSeconds: Double

    /// Adds the process's metrics to every scrape of `registry`.
    public static func register(in registry: PrometheusRegistry) {
        registry.addCollector { text in
            guard let metrics = ProcessMetrics.read() else { return }
            text.counter(TelemetryNames.Metric.processCPU, metrics.cpuSeconds)
            text.gauge(TelemetryNames.Metric.processResidentMemory, metrics.residentBytes)
            text.gauge(TelemetryNames.Metric.processVirtualMemory, metrics.virtualBytes)
            text.gauge(TelemetryNames.Metric.processOpenFiles, Double(metrics.openFiles))
            text.gauge(TelemetryNames.Metric.processMaximumFiles, metrics.maximumFiles)
            text.gauge(TelemetryNames.Metric.processStartTime, metrics.startSeconds)
        }
    }

    /// The figures now; `nil` when `/proc` is absent or not as proc(5) says.
    public static func read(process: String = "self") -> ProcessMetrics? {
        guard let stat = contents("/proc/\(process)/stat"), let boot = bootSeconds() else { return nil }
        return parse(stat: stat, bootSeconds: boot, openFiles: openFileCount(process: process))
    }

    /// Reads proc(5)'s stat line: fields are counted after the command's closing parenthesis (it may hold spaces).
    static func parse(stat: String, bootSeconds: Double, openFiles: Int) -> ProcessMetrics? {
        guard let close = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
            let start = Double(fields[19]), let virtual = Double(fields[20]), let pages = Double(fields[21]),
            ticks > 0
        else { return nil }
        return ProcessMetrics(
            cpuSeconds: (user + system) / ticks,
            residentBytes: pages * Double(sysconf(Int32(_SC_PAGESIZE))),
            virtualBytes: virtual, openFiles: openFiles, maximumFiles: fileLimit(),
            startSeconds: bootSeconds + start / ticks)
    }

    private static func bootSeconds() -> Double? {
        contents("/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }
            .flatMap { Double($0.dropFirst("btime ".count)) }
    }

    private static func fileLimit() -> Double {
        var limit = rlimit()
        #if canImport(Glibc)
        let result = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #else
        let result = getrlimit(RLIMIT_NOFILE, &limit)
        #endif
        return result == 0 ? Double(limit.rlim_cur) : 0
    }

    private static func openFileCount(process: String) -> Int {
        guard let directory = opendir("/proc/\(process)/fd") else { return 0 }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        // The directory's own descriptor is one of them.
        return max(0, count - 1)
    }

    private static func contents(_ path: String) -> String? {
        do {
            return String(decoding: try readFile(path, limitBytes: 1 << 20), as: UTF8.self)
        } catch {
            return nil  // No such file where there is no /proc: the caller shows nothing.
        }
    }
}
