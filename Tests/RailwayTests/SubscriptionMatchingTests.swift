import Railway
import Testing

@Suite("SubscriptionMatching")
struct SubscriptionMatchingTests {
    private func delay(_ number: UInt32, _ station: StationID, _ seconds: Int) throws -> DelayChanged {
        let at = try #require(OffsetDateTime("2022-10-11T05:05:00+02:00"))
        return DelayChanged(
            trip: try trip(number), train: "\(number)", station: station, scheduled: at,
            at: at.adding(seconds: seconds),
            delaySeconds: seconds)
    }

    private func subscription(
        _ subscriber: String, threshold: Int = 60, line: LineID? = nil, hours: DailyHours? = nil
    ) throws -> SubscriptionChanged {
        try SubscriptionChanged(
            subscriber: subscriber, station: "NATION", line: line, thresholdSeconds: threshold, hours: hours,
            at: try #require(OffsetDateTime("2022-10-11T05:00:00+02:00")))
    }

    @Test(
        "Late or early by the threshold matches at that station only",
        arguments: [(59, 0), (60, 1), (-60, 1), (-59, 0)])
    func threshold(seconds: Int, count: Int) throws {
        var matching = SubscriptionMatching()
        #expect(matching.subscribe(try subscription("anna")) == true)
        #expect(matching.take(try delay(1, "BASTILLE", seconds)).isEmpty)
        #expect(matching.take(try delay(1, "NATION", seconds)).count == count)
    }

    @Test("Once per crossing: a repeat tells nothing, coming back over the threshold tells again")
    func crossing() throws {
        var matching = SubscriptionMatching()
        _ = matching.subscribe(try subscription("anna"))
        let first = matching.take(try delay(1, "NATION", 70))
        #expect(first.map(\.notification) == ["notification:anna:delay:2022-10-11/M1/1:NATION:70"])
        #expect(first.first?.text == "Train 1 arrived at NATION 1 min 10 s late.")
        #expect(matching.take(try delay(1, "NATION", 70)).isEmpty)
        #expect(matching.take(try delay(1, "NATION", 90)).isEmpty)
        #expect(matching.take(try delay(1, "NATION", 10)).isEmpty)
        #expect(matching.take(try delay(1, "NATION", 65)).count == 1)
        #expect(matching.take(try delay(2, "NATION", 65)).count == 1)
    }

    @Test("Line and hours narrow it; a tombstone ends it")
    func narrowing() throws {
        var matching = SubscriptionMatching()
        _ = matching.subscribe(try subscription("line", line: "M2"))
        _ = matching.subscribe(try subscription("night", hours: DailyHours(from: "22:00", to: "05:00")))
        _ = matching.subscribe(try subscription("morning", hours: DailyHours(from: "05:00", to: "09:00")))
        #expect(matching.take(try delay(1, "NATION", 70)).map(\.subscriber) == ["morning"])
        matching.unsubscribe("morning")
        #expect(matching.take(try delay(2, "NATION", 70)).isEmpty)
        #expect(matching.count == 2)
    }

    @Test("Extreme numbers from a foreign writer do not trap", arguments: [Int.min, Int.max])
    func extremes(seconds: Int) throws {
        let text = """
            {"at":"2022-10-11T05:05:00+02:00","causeEventId":"x","delaySeconds":\(seconds),"station":"NATION",\
            "scheduled":"2022-10-11T05:05:00+02:00","train":"1","trip":"2022-10-11/M1/1"}
            """
        var matching = SubscriptionMatching()
        _ = matching.subscribe(try subscription("anna"))
        #expect(matching.take(try EventCodec.decode(DelayChanged.self, from: Array(text.utf8))).count == 1)
    }

    @Test("Both bounds hold")
    func bounds() throws {
        var matching = SubscriptionMatching(maximumDelays: 10, maximumSubscriptions: 1)
        #expect(matching.subscribe(try subscription("anna")) == true)
        #expect(matching.subscribe(try subscription("bob")) == false)
        #expect(matching.subscribe(try subscription("anna", threshold: 30)) == true)
        for number in 1...100 as ClosedRange<UInt32> {
            #expect(matching.take(try delay(number, "NATION", 40)).count == 1)
        }
        #expect(matching.take(try delay(100, "NATION", 40)).isEmpty)
    }
}
