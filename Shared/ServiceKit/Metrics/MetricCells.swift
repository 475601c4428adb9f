import CoreMetrics
import Synchronization

/// A counter's value; one atomic addition per increment.
final class CounterCell: CounterHandler, Sendable {
    private let value = Atomic<Int64>(0)

    /// Counters only grow: a negative amount is ignored, as Prometheus wants.
    func increment(by amount: Int64) {
        if amount > 0 { value.wrappingAdd(amount, ordering: .relaxed) }
    }

    func reset() { value.store(0, ordering: .relaxed) }

    var current: Int64 { value.load(ordering: .relaxed) }
}

/// A floating-point number that many threads change: counters of seconds, and gauges.
final class DoubleCell: FloatingPointCounterHandler, MeterHandler, RecorderHandler, Sendable {
    private let bits = Atomic<UInt64>(0)

    var current: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ value: Double) { store(value) }
    func set(_ value: Int64) { store(Double(value)) }
    func record(_ value: Int64) { store(Double(value)) }
    func record(_ value: Double) { store(value) }
    func increment(by amount: Double) { add(amount) }
    func decrement(by amount: Double) { add(-amount) }
    func reset() { store(0) }

    private func store(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    private func add(_ amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = original
        }
    }
}

/// A histogram: counts per bucket, sum and count, under one small lock.
final class HistogramCell: RecorderHandler, TimerHandler, Sendable {
    struct Snapshot: Sendable {
        /// Per bucket and, last, above all of them; not cumulative.
        var counts: [UInt64]
        var sum: Double
    }

    let bounds: [Double]
    private let state: Mutex<Snapshot>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(Snapshot(counts: Array(repeating: 0, count: bounds.count + 1), sum: 0))
    }

    func record(_ value: Int64) { observe(Double(value)) }
    func record(_ value: Double) { observe(value) }
    func recordNanoseconds(_ duration: Int64) { observe(Double(duration) / 1e9) }

    var current: Snapshot { state.withLock { $0 } }

    private func observe(_ value: Double) {
        guard !value.isNaN else { return }
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if value <= bounds[middle] { high = middle } else { low = middle + 1 }
        }
        state.withLock { state in
            state.counts[low] += 1
            state.sum += value
        }
    }
}
