import Railway

/// What the control room shows of the line: where every train is and how late it is, in event time. Pure.
struct LineState: Sendable {
    /// A train counts as late from so many seconds.
    let lateSeconds: Int
    private(set) var clock = RunningClock()
    private(set) var positions: TrainPositions
    private var delays = RecentDelays()

    init(network: Network, lateSeconds: Int) {
        self.lateSeconds = lateSeconds
        positions = TrainPositions(network: network)
    }

    /// Takes a station event; true when a train has moved.
    mutating func take(_ event: StationEvent, toldAt: Int64) -> Bool {
        clock.take(event.at, toldAt: toldAt)
        return positions.take(event)
    }

    /// Takes a delay; true when it is news.
    mutating func take(_ delay: DelayChanged) -> Bool {
        delays.take(delay)
    }

    /// The picture at `milliseconds` of the machine's clock.
    func document(at milliseconds: Int64) -> LineDocument {
        let now = clock.now(at: milliseconds)
        let trains = positions.positions(at: now?.instant).map { position in
            let delay = delays[position.trip]
            return TrainDocument(position, delaySeconds: delay, isLate: (delay ?? 0) >= lateSeconds)
        }
        return LineDocument(
            now: now, nowMilliseconds: now?.instant.milliseconds, rate: clock.rate, lateSeconds: lateSeconds,
            trains: trains)
    }
}

/// The last delay of each trip; the trips heard of lately are kept, at most twice ``limit``.
struct RecentDelays: Sendable {
    static let limit = 4_096
    private var new: [TripID: DelayChanged] = [:]
    private var old: [TripID: DelayChanged] = [:]

    /// Seconds behind the schedule as of the trip's last arrival; nil when none is known.
    subscript(_ trip: TripID) -> Int? { (new[trip] ?? old[trip])?.delaySeconds }

    /// Takes a delay; what is older than the known one of its trip changes nothing.
    mutating func take(_ delay: DelayChanged) -> Bool {
        if let known = new[delay.trip] ?? old[delay.trip], known.at > delay.at || known == delay { return false }
        if new.count >= Self.limit { (old, new) = (new, [:]) }
        new[delay.trip] = delay
        return true
    }
}
