import Railway

extension FuzzTarget {
    static let railwayTargets = [stationEvent, subscription, timeZoneFile, timeZoneRule, times, recordedLine]

    private static let stationEvent = FuzzTarget(
        "station-event",
        seeds: [text(#"{"trip":"T1","station":"VIN","state":"arrived","at":"2026-03-02T05:00:00+01:00","line":"1"}"#)]
    ) { bytes in
        _ = try? EventCodec.decode(StationEvent.self, from: bytes)
        _ = try? EventCodec.decode(DelayChanged.self, from: bytes)
        _ = try? EventCodec.decode(ArrivalPrediction.self, from: bytes)
    }

    private static let subscription = FuzzTarget(
        "subscription", seeds: [text(#"{"id":"s","station":"VIN","minimumDelaySeconds":60}"#)]
    ) { bytes in
        _ = try? EventCodec.decode(SubscriptionChanged.self, from: bytes)
        _ = try? EventCodec.decode(NotificationRequested.self, from: bytes)
    }

    private static let timeZoneFile = FuzzTarget(
        "time-zone-file", seeds: [text("TZif2") + [UInt8](repeating: 0, count: 39)]
    ) { bytes in
        guard let zone = try? TimeZoneFile(bytes: bytes) else { return }
        for seconds in [0, 1_700_000_000, 4_000_000_000] as [Int64] {
            _ = zone.offsetSeconds(at: Instant(seconds: seconds))
        }
    }

    private static let timeZoneRule = FuzzTarget("time-zone-rule", seeds: [text("CET-1CEST,M3.5.0,M10.5.0/3")]) {
        guard let zone = try? PosixTimeZone(String(decoding: $0, as: UTF8.self)) else { return }
        _ = zone.offsetSeconds(at: Instant(seconds: 1_700_000_000))
    }

    private static let times = FuzzTarget(
        "times", seeds: [text("2026-03-02T05:00:00+01:00"), text("2026-03-02 05:00:00"), text("2026-03-02")]
    ) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        if let time = OffsetDateTime(text) { _ = time.adding(seconds: 60) }
        if let time = LocalDateTime(text) { _ = time.adding(days: 1) }
        if let date = ServiceDate(text) { _ = date.adding(days: 1) }
    }

    private static let recordedLine = FuzzTarget(
        "recorded-line", seeds: [text("1,T1,VIN,arrived,2026-03-02 05:00:00")]
    ) {
        _ = try? RecordedLine(String(decoding: $0, as: UTF8.self), number: 1)
    }

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }
}
