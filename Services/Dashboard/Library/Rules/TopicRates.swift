/// Records per second of each topic, from its end offsets seen again and again. Pure.
///
/// The rate is over the last ``window``, so that it neither jumps with each look nor lags behind for long.
struct TopicRates: Sendable {
    /// Milliseconds that the rate is taken over.
    static let window: Int64 = 3_000
    private static let maximumTopics = 500

    private struct Sample {
        var at: Int64
        var records: Int64
    }

    private var samples: [String: [Sample]] = [:]

    /// Takes the sums of the end offsets, seen at `milliseconds` of a clock that only goes forward.
    mutating func take(_ records: [String: Int64], at milliseconds: Int64) {
        samples = samples.filter { records[$0.key] != nil }
        for (topic, count) in records.sorted(by: { $0.key < $1.key }).prefix(Self.maximumTopics) {
            var seen = samples[topic] ?? []
            // Fewer than before: the topic was deleted and made again.
            if let last = seen.last, last.records > count { seen = [] }
            seen.append(Sample(at: milliseconds, records: count))
            // The oldest that is kept lies at or before the window's start.
            while seen.count > 2, milliseconds - seen[1].at >= Self.window { seen.removeFirst() }
            samples[topic] = seen
        }
    }

    /// Records per second of the topic; 0 before it was seen twice.
    func rate(of topic: String) -> Double {
        guard let seen = samples[topic], let first = seen.first, let last = seen.last, last.at > first.at else {
            return 0
        }
        return Double(last.records - first.records) * 1000 / Double(last.at - first.at)
    }
}
