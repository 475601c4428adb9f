import Railway

/// The event time between events, and how fast it runs: what the page's trains move by. Pure.
///
/// Each event says when it happened and when it was told; over the last ``window`` of telling the two give the rate:
/// 30 when the simulation runs at thirty times life. Between events the clock goes on at that rate, at most
/// ``maximumAheadSeconds`` past the newest event. A recording told as fast as possible has no rate worth moving by:
/// over ``maximumRate`` the clock stands at the newest event.
struct RunningClock: Sendable {
    /// Milliseconds of telling that the rate is taken from; short, so that the burst in which a station catches up at
    /// its start is soon forgotten.
    static let window: Int64 = 5_000
    /// Telling that takes less time than this says nothing of the rate.
    static let minimumSpan: Int64 = 400
    static let maximumAheadSeconds = 900
    static let maximumRate = 2_000.0
    private static let maximumSamples = 256

    private struct Sample {
        var told: Int64
        var event: Int64
    }

    private var samples: [Sample] = []
    private var newest: OffsetDateTime?
    /// Seconds of event time in a second of life; 0 when the clock stands.
    private(set) var rate = 1.0

    /// Takes an event's time and when it was told, both in milliseconds since 1970.
    mutating func take(_ time: OffsetDateTime, toldAt told: Int64) {
        let event = time.instant.milliseconds
        if let last = samples.last {
            let behind = last.event - event
            // Another run of events: a recording after a simulation, or the next loop of one.
            if behind > Int64(EventClock.maximumDisorderSeconds) * 1000 { self = RunningClock() }
            // What comes late says nothing of now.
            if behind >= 0, behind <= Int64(EventClock.maximumDisorderSeconds) * 1000 { return }
            if told < last.told { return }
        }
        newest = time
        samples.append(Sample(told: told, event: event))
        while let first = samples.first, told - first.told > Self.window, samples.count > 2 { samples.removeFirst() }
        if samples.count > Self.maximumSamples { samples.removeFirst(Self.maximumSamples / 2) }
        measure()
    }

    private mutating func measure() {
        guard let first = samples.first, let last = samples.last, last.told - first.told >= Self.minimumSpan else {
            return
        }
        let measured = Double(last.event - first.event) / Double(last.told - first.told)
        rate = measured > Self.maximumRate ? 0 : measured
    }

    /// The event time at `milliseconds` of the machine's clock; nil before the first event.
    func now(at milliseconds: Int64) -> OffsetDateTime? {
        guard let newest, let last = samples.last else { return nil }
        let ahead = Double(max(0, milliseconds - last.told)) * rate / 1000
        return newest.adding(seconds: Int(min(ahead, Double(Self.maximumAheadSeconds))))
    }
}
