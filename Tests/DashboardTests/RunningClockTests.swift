import Railway
import Testing

@testable import DashboardService

@Suite("The clock between events")
struct RunningClockTests {
    private func time(_ seconds: Int) -> OffsetDateTime {
        OffsetDateTime(Instant(seconds: 1_665_457_200 + Int64(seconds)), offsetSeconds: 7200)
    }

    @Test("It has no time before the first event, and stands still between events told at once")
    func start() {
        var clock = RunningClock()
        #expect(clock.now(at: 5_000) == nil)
        clock.take(time(0), toldAt: 1_000)
        #expect(clock.now(at: 1_000) == time(0))
    }

    @Test("It runs as fast as events were told", arguments: [1, 30, 60, 600])
    func rate(_ speed: Int) {
        var clock = RunningClock()
        for second in 0..<20 { clock.take(time(second * speed), toldAt: Int64(second) * 1000) }
        #expect(abs(clock.rate - Double(speed)) < 0.01)
        #expect(clock.now(at: 19_500) == time(19 * speed + speed / 2))
    }

    @Test("Without news it goes on for a while only")
    func stands() {
        var clock = RunningClock()
        for second in 0..<20 { clock.take(time(second * 60), toldAt: Int64(second) * 1000) }
        #expect(clock.now(at: 10_000_000) == time(19 * 60 + RunningClock.maximumAheadSeconds))
    }

    @Test("A recording told as fast as possible has no rate")
    func asFastAsPossible() {
        var clock = RunningClock()
        for step in 0..<20 { clock.take(time(step * 3600), toldAt: Int64(step) * 50) }
        #expect(clock.rate == 0)
        #expect(clock.now(at: 60_000) == time(19 * 3600))
    }

    @Test("A burst in which half a day is caught up is forgotten after the window")
    func catchUp() {
        var clock = RunningClock()
        for step in 0..<100 { clock.take(time(step * 432), toldAt: Int64(step) * 5) }
        #expect(clock.rate == 0)
        for second in 1...8 { clock.take(time(43_200 + second * 30), toldAt: 500 + Int64(second) * 1000) }
        #expect(abs(clock.rate - 30) < 0.01)
    }

    @Test("What comes a little late does not turn it back; another run of events begins anew")
    func disorder() {
        var clock = RunningClock()
        clock.take(time(7200), toldAt: 1_000)
        clock.take(time(7100), toldAt: 1_100)
        #expect(clock.now(at: 1_100) == time(7200))
        clock.take(time(0), toldAt: 2_000)
        #expect(clock.now(at: 2_000) == time(0))
    }
}

@Suite("Rates of topics")
struct TopicRatesTests {
    @Test("The rate is what was added over the last seconds")
    func rate() {
        var rates = TopicRates()
        rates.take(["delays": 0], at: 0)
        #expect(rates.rate(of: "delays") == 0)
        for second in 1...10 { rates.take(["delays": Int64(second) * 50], at: Int64(second) * 1000) }
        #expect(abs(rates.rate(of: "delays") - 50) < 0.01)
    }

    @Test("It goes back to nothing within the window when nothing is added")
    func stops() {
        var rates = TopicRates()
        for second in 0...5 { rates.take(["delays": Int64(second) * 50], at: Int64(second) * 1000) }
        for second in 6...9 { rates.take(["delays": 250], at: Int64(second) * 1000) }
        #expect(rates.rate(of: "delays") == 0)
    }

    @Test("A topic that was made anew begins anew, one that is gone is forgotten")
    func anew() {
        var rates = TopicRates()
        rates.take(["delays": 1_000], at: 0)
        rates.take(["delays": 5], at: 1_000)
        #expect(rates.rate(of: "delays") == 0)
        rates.take([:], at: 2_000)
        rates.take(["delays": 1_000_000], at: 3_000)
        #expect(rates.rate(of: "delays") == 0)
    }
}
