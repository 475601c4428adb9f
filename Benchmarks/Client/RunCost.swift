#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Time on the clock and on the processors, at one moment of this process.
struct RunCost {
    /// What a run has moved.
    struct Tally {
        var records = 0
        var bytes = 0
    }

    private let clock: ContinuousClock.Instant
    private let user: Double
    private let system: Double

    static func now() -> RunCost {
        var usage = rusage()
        #if canImport(Darwin)
        getrusage(RUSAGE_SELF, &usage)
        #else
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        #endif
        return RunCost(clock: .now, user: seconds(usage.ru_utime), system: seconds(usage.ru_stime))
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    /// One line of `name=value` pairs; rates per second, processor time per record in nanoseconds.
    func line(since start: RunCost, _ tally: Tally) -> String {
        let seconds = start.clock.duration(to: clock) / .seconds(1)
        let records = Double(max(1, tally.records))
        let user = (user - start.user) / records * 1e9
        let system = (system - start.system) / records * 1e9
        return [
            "records=\(tally.records)", "bytes=\(tally.bytes)", "seconds=\(seconds)",
            "records_per_second=\(Int(records / seconds))", "user_ns=\(Int(user))", "system_ns=\(Int(system))",
        ].joined(separator: " ")
    }
}
