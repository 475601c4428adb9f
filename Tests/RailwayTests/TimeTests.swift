import FoundationEssentials
import Railway
import Testing

@Suite("Dates and times")
struct TimeTests {
    @Test("Days from civil and back agree over four centuries and at the edges")
    func civil() throws {
        for day in stride(from: -150_000, through: 150_000, by: 7) {
            let date = CivilDate(daysSinceEpoch: day)
            let (year, month, dayOfMonth) = date.components
            #expect(CivilDate(year: year, month: month, day: dayOfMonth) == date)
        }
        #expect(CivilDate("1970-01-01")?.daysSinceEpoch == 0)
        #expect(CivilDate("2000-02-29")?.daysSinceEpoch == 11_016)
        #expect(CivilDate("2022-10-11")?.weekday == 2)
        #expect(CivilDate("9999-12-31")?.description == "9999-12-31")
    }

    @Test(
        "What is no date or time is refused",
        arguments: [
            "", "2022-10-11", "2022-10-11T05:00:00", "2022-02-29 05:00:00", "2022-10-11 24:00:00",
            "2022-13-01 05:00:00",
            "2022-10-11 05:00:60", "2022-10-11 5:00:00", " 2022-10-11 05:00:00", "2022-10-11 05:00:00 ",
            "2022-10-11 05:00:00\u{301}", "٢022-10-11 05:00:00", "-022-10-11 05:00:00",
        ])
    func noLocalTime(text: String) {
        #expect(LocalDateTime(text) == nil)
    }

    @Test(
        "RFC 3339 reads and prints",
        arguments: [
            ("2022-10-11T05:04:59+02:00", "2022-10-11T05:04:59+02:00", 1_665_457_499_000),
            ("2022-10-11t03:04:59.5Z", "2022-10-11T03:04:59.500+00:00", 1_665_457_499_500),
            ("1969-12-31T23:59:59.999-00:30", "1969-12-31T23:59:59.999-00:30", 1_799_999),
            ("1969-12-31T20:00:00.001-01:00", "1969-12-31T20:00:00.001-01:00", -10_799_999),
            ("2024-02-29T00:00:00.123456789+14:00", "2024-02-29T00:00:00.123+14:00", 1_709_114_400_123),
        ] as [(String, String, Int64)])
    func rfc3339(text: String, printed: String, milliseconds: Int64) throws {
        let time = try #require(OffsetDateTime(text))
        #expect(time.description == printed)
        #expect(time.instant.milliseconds == milliseconds)
        #expect(OffsetDateTime(printed) == time)
    }

    @Test(
        "What is no RFC 3339 is refused",
        arguments: [
            "2022-10-11T05:04:59", "2022-10-11 05:04:59Z", "2022-10-11T05:04:59+2:00", "2022-10-11T05:04:59.Z",
            "2022-10-11T05:04:60Z", "2022-10-11T05:04:59+24:00", "2022-10-11T05:04:59.1234567890Z", "Z",
        ])
    func noRFC3339(text: String) {
        #expect(OffsetDateTime(text) == nil)
    }

    @Test(
        "Until 04:00 the service date is the evening before's",
        arguments: [
            ("2022-10-12 00:30:00", "2022-10-11"), ("2022-10-12 03:59:59", "2022-10-11"),
            ("2022-10-12 04:00:00", "2022-10-12"), ("2023-01-01 01:00:00", "2022-12-31"),
        ])
    func serviceDate(local: String, date: String) throws {
        #expect(ServiceDate(containing: try #require(LocalDateTime(local))).description == date)
    }
}

@Suite("Time zones")
struct TimeZoneTests {
    @Test(
        "Paris by its rule: winter, summer, the two changes, the hour that is twice and the hour that is not",
        arguments: [
            ("2022-01-15 12:00:00", "2022-01-15T12:00:00+01:00"), ("2022-10-11 05:00:00", "2022-10-11T05:00:00+02:00"),
            ("2022-03-27 01:59:59", "2022-03-27T01:59:59+01:00"), ("2022-03-27 02:30:00", "2022-03-27T03:30:00+02:00"),
            ("2022-03-27 03:00:00", "2022-03-27T03:00:00+02:00"), ("2022-10-30 02:30:00", "2022-10-30T02:30:00+02:00"),
            ("2022-10-30 03:00:00", "2022-10-30T03:00:00+01:00"), ("2022-10-30 01:59:59", "2022-10-30T01:59:59+02:00"),
        ])
    func parisRule(local: String, expected: String) throws {
        let time = try #require(LocalDateTime(local))
        #expect(try paris().dateTime(time).description == expected)
    }

    @Test(
        "Rules of other places",
        arguments: [
            ("UTC0", 1_665_457_499, 0), ("<+0530>-5:30", 1_665_457_499, 19_800),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_672_531_200, 39_600),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_656_633_600, 36_000),
            ("EST5EDT,M3.2.0,M11.1.0", 1_656_633_600, -14_400), ("IST-1GMT0,M10.5.0,M3.5.0/1", 1_672_531_200, 0),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1_656_633_600, -3600), ("XXX3EDT4,0/0,J365/23", 1_656_633_600, -14_400),
        ] as [(String, Int64, Int)])
    func rules(rule: String, seconds: Int64, offset: Int) throws {
        #expect(try PosixTimeZone(rule).offsetSeconds(at: Instant(seconds: seconds)) == offset)
    }

    @Test(
        "What is no rule is refused with a sentence",
        arguments: [
            "", "CET", "C-1", "CET-1CEST", "CET-25", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.5.0", "<CET-1",
            "CET-1:99",
        ])
    func noRule(rule: String) {
        #expect(throws: TimeZoneError.self) { try PosixTimeZone(rule) }
    }

    @Test("A TZif file's transitions, first type and footer are used; cut at every byte it throws")
    func file() throws {
        let bytes = tzif()
        let zone = try TimeZoneFile(bytes: bytes)
        #expect(zone.offsetSeconds(at: Instant(seconds: -5_000_000_000)) == 561)
        #expect(zone.offsetSeconds(at: Instant(seconds: 1000)) == 7200)
        #expect(zone.offsetSeconds(at: Instant(seconds: 2000)) == 3600)
        #expect(zone.offsetSeconds(at: Instant(seconds: 1_656_633_600)) == 7200)
        #expect(zone.offsetSeconds(at: Instant(seconds: 1_672_531_200)) == 3600)
        for count in bytes.indices {
            #expect(throws: TimeZoneError.self) { try TimeZoneFile(bytes: Array(bytes.prefix(count))) }
        }
        for index in bytes.indices {
            var broken = bytes
            broken[index] ^= 0xFF
            _ = try? TimeZoneFile(bytes: broken).offsetSeconds(at: Instant(seconds: 1500))
        }
    }

    static let zonePath = "/usr/share/zoneinfo/Europe/Paris"

    @Test("This machine's Paris agrees with the rule", .enabled(if: FileManager.default.fileExists(atPath: zonePath)))
    func machineFile() throws {
        let zone = try TimeZoneFile(bytes: Array(try Data(contentsOf: URL(filePath: TimeZoneTests.zonePath))))
        let rule = try paris()
        for seconds in stride(from: Int64(1_000_000_000), to: 4_000_000_000, by: 1_234_567) {
            let instant = Instant(seconds: seconds)
            #expect(zone.offsetSeconds(at: instant) == rule.offsetSeconds(at: instant))
        }
        #expect(zone.offsetSeconds(at: Instant(seconds: -1_800_000_000)) == 0)
    }

    /// A version 2 file: an empty 32-bit block, then two transitions, then the footer of Paris.
    private func tzif() -> [UInt8] {
        func header(_ counts: [UInt8]) -> [UInt8] {
            Array("TZif2".utf8) + Array(repeating: 0, count: 15) + counts.flatMap { [0, 0, 0, $0] }
        }
        func long(_ value: Int64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) } }
        func type(_ offset: Int32) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: offset >> (24 - 8 * $0)) } + [0, 0]
        }
        let first = header([0, 0, 0, 0, 1, 4]) + type(0) + Array("LMT\0".utf8)
        let second =
            header([0, 0, 0, 2, 3, 4]) + long(1000) + long(2000) + [2, 1] + type(561) + type(3600) + type(7200)
        return first + second + Array("LMT\0".utf8) + Array("\nCET-1CEST,M3.5.0,M10.5.0/3\n".utf8)
    }
}
