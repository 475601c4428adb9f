/// How long to wait before something is tried again: doubling up to a bound, with jitter so that clients that failed
/// together do not come back together.
struct BackoffRules: Sendable {
    /// The wait after the first failure.
    let initial: Duration
    /// The longest wait.
    let maximum: Duration
    /// By which share of itself a wait is shortened or lengthened at random.
    var jitter = 0.8...1.2

    /// The wait after `failures` failures in a row: 80 to 120 % of the doubled initial wait, never above 120 % of the
    /// maximum; zero for no failure.
    func delay(failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        guard failures > 0 else { return .zero }
        let doubled = initial * (1 << min(failures - 1, 20))
        return min(doubled, maximum) * Double.random(in: jitter, using: &generator)
    }

    func delay(failures: Int) -> Duration {
        var generator = SystemRandomNumberGenerator()
        return delay(failures: failures, using: &generator)
    }
}
