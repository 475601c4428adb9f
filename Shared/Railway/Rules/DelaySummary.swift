/// The answer of `GET /delays/summary`; its coded form is exactly that JSON.
public struct DelaySummary: Codable, Hashable, Sendable {
    /// Trips with any event.
    public let trips: Int
    /// Trips with any late arrival.
    public let late: Int
    /// The largest delay of any arrival in seconds; 0 if none is behind.
    public let maxDelaySeconds: Int
    /// By station id; a station without a countable arrival is not there.
    public let byStation: [String: StationSummary]

    /// Arrivals at one station of trips whose schedule is known, each (trip, station) once.
    public struct StationSummary: Codable, Hashable, Sendable {
        /// How many.
        public let arrivals: Int
        /// How many of them were late.
        public let late: Int
        /// Mean delay in seconds, early ones below zero, rounded to three decimals, halves away from zero.
        public let meanDelaySeconds: Double
    }

    /// The summary of a tally.
    public init(_ tally: DelayTally) {
        trips = tally.trips
        late = tally.late
        maxDelaySeconds = tally.maxDelaySeconds
        byStation = Dictionary(
            uniqueKeysWithValues: tally.stations.map { id, station in
                let mean = DelaySummary.roundedMean(sum: station.delaySeconds, count: station.arrivals)
                let summary = StationSummary(arrivals: station.arrivals, late: station.late, meanDelaySeconds: mean)
                return (id.rawValue, summary)
            })
    }

    /// In whole thousandths first, so that no order of additions and no machine rounds differently.
    static func roundedMean(sum: Int, count: Int) -> Double {
        guard count > 0 else { return 0 }
        let thousandths = (abs(sum) * 2000 + count) / (2 * count)
        return Double(sum < 0 ? -thousandths : thousandths) / 1000
    }
}
