import Railway
import Testing

@Suite("Recorded files")
struct ReplayTests {
    @Test("DEPARTURE in the file is DEPARTED")
    func line() throws {
        let line = try RecordedLine("17|NATION|DEPARTURE|2022-10-11 05:05:13\r", number: 1)
        #expect(line.train == 17)
        #expect(line.state == .departed)
        #expect(line.at.description == "2022-10-11 05:05:13")
        #expect(try RecordedLine("17|NATION|ARRIVED|2022-10-11 05:05:13", number: 1).state == .arrived)
    }

    @Test(
        "A line that cannot be read is refused with its number",
        arguments: [
            "", "17|NATION|ARRIVED", "17|NATION|ARRIVED|2022-10-11 05:05:13|", "x|NATION|ARRIVED|2022-10-11 05:05:13",
            "0|NATION|ARRIVED|2022-10-11 05:05:13", "017|NATION|ARRIVED|2022-10-11 05:05:13",
            "17||ARRIVED|2022-10-11 05:05:13", "17|NATION|arrived|2022-10-11 05:05:13",
            "17|NATION|ARRIVED|2022-10-11T05:05:13", String(repeating: "|", count: 300),
        ])
    func badLine(text: String) {
        do {
            _ = try RecordedLine(text, number: 42)
            Issue.record("read '\(text)'")
        } catch {
            #expect(error.description.hasPrefix("line 42: "))
        }
    }

    @Test("The service date holds over every midnight; each loop is later and so are its times")
    func calendar() throws {
        let railwayLine = try #require(try m1().line("M1"))
        let first = try RecordedLine("1|NATION|ARRIVED|2022-10-11 05:04:59", number: 1)
        let last = try RecordedLine("999|NATION|DEPARTURE|2022-10-14 12:25:15", number: 2)
        let calendar = ReplayCalendar(first: first.at, last: last.at)
        #expect(calendar.serviceDate.description == "2022-10-11")
        #expect(calendar.daysPerLoop == 4)
        let event = try calendar.event(last, loop: 0, on: railwayLine, offsets: try paris())
        #expect(event.trip.description == "2022-10-11/M1/999")
        #expect(event.at.description == "2022-10-14T12:25:15+02:00")
        #expect(event.sequence == 3)
        let later = try calendar.event(last, loop: 5, on: railwayLine, offsets: try paris())
        #expect(later.trip.description == "2022-10-31/M1/999")
        #expect(later.at.description == "2022-11-03T12:25:15+01:00")
        let stranger = try RecordedLine("1|OPERA|ARRIVED|2022-10-11 05:04:59", number: 1)
        #expect(throws: EventError.self) {
            try calendar.event(stranger, loop: 0, on: railwayLine, offsets: FixedUTCOffset.utc)
        }
    }

    @Test("A file that begins after midnight is the evening before's")
    func afterMidnight() throws {
        let first = try #require(LocalDateTime("2022-10-12 00:10:00"))
        #expect(ReplayCalendar(first: first, last: first).serviceDate.description == "2022-10-11")
        #expect(ReplayCalendar(first: first, last: first).daysPerLoop == 1)
    }
}
