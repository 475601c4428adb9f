/// By how much one simulated trip strays from its plan; follows from seed, trip and stop alone.
///
/// Most runs vary by seconds. About one trip in six meets a hold-up of under a minute and a half, one in sixty a long
/// one. Drivers make up for delays a little at every stop.
struct Disturbances {
    private var random: SplitMix64
    private var holdUpStop: Int?
    private var holdUpSeconds = 0

    init(seed: UInt64, trip: TripID, stops: Int) {
        var mixer = SplitMix64(seed: seed)
        var mixed = mixer.next() ^ UInt64(bitPattern: Int64(trip.serviceDate.date.daysSinceEpoch))
        for byte in trip.line.rawValue.utf8 { mixed = (mixed ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        mixer = SplitMix64(seed: mixed)
        random = SplitMix64(seed: mixer.next() ^ UInt64(trip.number))
        let luck = random.number(in: 0...239)
        let stop = random.number(in: 0...(stops - 2))
        let short = random.number(in: 30...85)
        let long = random.number(in: 120...260)
        if luck < 40 { (holdUpStop, holdUpSeconds) = (stop, luck < 4 ? long : short) }
    }

    /// Actual seconds of the run after `stop`.
    mutating func run(planned: Int, after stop: Int) -> Int {
        let jitter = random.number(in: -6...10) * min(planned, 300) / 300
        return max(planned / 2, planned + jitter + (stop == holdUpStop ? holdUpSeconds : 0))
    }

    /// Actual seconds at a platform, with `delay` to make up for.
    mutating func dwell(planned: Int, delay: Int) -> Int {
        let made = max(0, min(delay, planned / 4))
        return max(min(planned, 10), planned + random.number(in: -3...4) - made)
    }
}
