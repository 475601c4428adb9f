import Railway
import Testing

@Suite("Events")
struct EventTests {
    static let json = #"""
        {"at":"2022-10-11T05:04:59+02:00","line":"M1","platform":"1","sequence":2,"state":"ARRIVED",\#
        "station":"NATION","train":"17","trip":"2022-10-11/M1/17"}
        """#

    @Test("A station event has the interface's fields, and reads back")
    func stationEvent() throws {
        let told = try event(17, "NATION", .arrived, "05:04:59")
        let bytes = try EventCodec.encode(told)
        #expect(String(decoding: bytes, as: UTF8.self) == EventTests.json)
        #expect(try EventCodec.decode(StationEvent.self, from: bytes) == told)
        #expect(told.eventID == "station:2022-10-11/M1/17:NATION:ARRIVED")
        #expect(told.key == "2022-10-11/M1/17")
        #expect(told.sequence == 2)
    }

    @Test("Cut at every byte it throws and never traps")
    func truncated() {
        let bytes = Array(EventTests.json.utf8)
        for count in bytes.indices {
            #expect(throws: EventError.self) { try EventCodec.decode(StationEvent.self, from: bytes.prefix(count)) }
        }
    }

    @Test(
        "Bad values are refused with a sentence that names the field",
        arguments: [
            (#""line":"M1""#, #""line":"M2""#, "line M2 is not the line of trip"),
            (#""ARRIVED""#, #""FLOWN""#, "state"), (#""NATION""#, #""NA:TION""#, "station"),
            ("/17", "/017", "trip"), ("T05:04:59+02:00", " 05:04:59", "at"),
            (#""train":"17""#, #""train":17"#, "train"), (#""platform":"1","#, "", "'platform' is missing"),
            (#""sequence":2"#, #""sequence":-1"#, "sequence"), (#""sequence":2"#, #""sequence":null"#, "sequence"),
        ])
    func badValues(good: String, bad: String, sentence: String) throws {
        let text = try #require(
            EventTests.json.firstRange(of: good).map { EventTests.json.replacingCharacters($0, bad) })
        do {
            _ = try EventCodec.decode(StationEvent.self, from: Array(text.utf8))
            Issue.record("read \(text)")
        } catch {
            #expect(error.description.contains(sentence), "\(error)")
        }
    }

    @Test("A value over the bound is not parsed", arguments: [Array("[]".utf8), Array("7".utf8), [0xFF, 0xFE]])
    func noObject(bytes: [UInt8]) {
        #expect(throws: EventError.self) { try EventCodec.decode(StationEvent.self, from: bytes) }
        let large = Array(repeating: UInt8(ascii: " "), count: EventCodec.maximumValueBytes) + bytes
        #expect(throws: EventError.tooLarge(bytes: large.count, maximum: EventCodec.maximumValueBytes)) {
            try EventCodec.decode(StationEvent.self, from: large)
        }
    }

    @Test("Attributes go through headers and back")
    func attributes() throws {
        let attributes = try event(17, "NATION", .departed, "05:05:13").attributes(source: "/stations/NATION")
        let headers = Dictionary(uniqueKeysWithValues: attributes.headers.map { ($0.name, $0.value) })
        #expect(headers["ce_type"] == "station.departed")
        #expect(headers["ce_specversion"] == "1.0")
        #expect(headers["content-type"] == "application/json")
        #expect(try EventAttributes { headers[$0] } == attributes)
        for name in ["ce_id", "ce_type", "ce_source", "ce_time", "ce_specversion"] {
            #expect(throws: EventError.self) { try EventAttributes { $0 == name ? nil : headers[$0] } }
        }
    }

    @Test("Trips print and parse in one form only")
    func tripID() throws {
        #expect(TripID("2022-10-11/M1/17")?.description == "2022-10-11/M1/17")
        for text in [
            "", "2022-10-11/M1", "2022-10-11/M1/0", "2022-10-11/M1/+7", "2022-10-11//7", "2022-10-11/M1/7/", "x/M1/7",
            "2022-10-11/M1/4294967296",
        ] {
            #expect(TripID(text) == nil)
        }
    }

    @Test("Every topic is there once, and keeps facts for ever but spans")
    func catalogue() {
        #expect(TopicCatalogue.all.count == 7)
        #expect(Set(TopicCatalogue.all.flatMap(\.eventTypes)) == Set(EventType.allCases))
        #expect(Topic.stationEvents.partitions == 6)
        for topic in TopicCatalogue.all { #expect((topic.retentionMilliseconds == -1) == (topic != .spans)) }
        #expect(TopicCatalogue.topic(named: "arrivals")?.cleanupPolicy == .compact)
        #expect(TopicCatalogue.topic(named: "nope") == nil)
    }

    @Test("A subscription outside its bounds is refused, in code and in JSON")
    func subscription() throws {
        let at = try #require(OffsetDateTime("2022-10-11T05:00:00+02:00"))
        let good = try SubscriptionChanged(
            subscriber: "anna", station: "NATION", line: "M1", thresholdSeconds: 60,
            hours: DailyHours(from: "22:00", to: "02:00"), pushEndpoint: "https://push.example/1", at: at)
        let bytes = try EventCodec.encode(good)
        #expect(try EventCodec.decode(SubscriptionChanged.self, from: bytes) == good)
        #expect(throws: EventError.self) {
            try SubscriptionChanged(subscriber: "", station: "NATION", thresholdSeconds: 60, at: at)
        }
        #expect(throws: EventError.self) {
            try SubscriptionChanged(subscriber: "a", station: "NATION", thresholdSeconds: -1, at: at)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let range = try #require(text.firstRange(of: #""thresholdSeconds":60"#))
        let bad = text.replacingCharacters(range, #""thresholdSeconds":90000"#)
        #expect(throws: EventError.self) { try EventCodec.decode(SubscriptionChanged.self, from: Array(bad.utf8)) }
    }

    @Test("The facts of the other topics read back as they were told")
    func roundTrips() throws {
        var arrivals = ArrivalRules(network: try m1())
        var delays = TripDelayRules(network: try m1())
        for told in [try event(1, "VINCENNES", .departed, "05:00:00"), try event(1, "NATION", .arrived, "05:05:40")] {
            for fact in arrivals.take(told).facts { try expectRoundTrip(fact) }
            for fact in delays.take(told).facts {
                try expectRoundTrip(fact)
                let wanted = NotificationRequested(subscriber: "anna", channel: .page, delay: fact, text: "late")
                try expectRoundTrip(wanted)
                try expectRoundTrip(
                    NotificationDelivered(
                        notification: wanted.notification, subscriber: "anna", channel: .page, at: fact.at))
                try expectRoundTrip(
                    NotificationFailed(
                        notification: wanted.notification, subscriber: "anna", channel: .push, reason: "gone",
                        at: fact.at))
            }
        }
        try expectRoundTrip(
            SpanEnded(
                traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", parentSpanId: nil,
                name: "publish", kind: 4, service: "station", startTimeUnixNano: 1, endTimeUnixNano: .max,
                attributes: ["messaging.system": "kafka"], isError: false))
    }

    private func expectRoundTrip<Event: RailwayEvent>(_ event: Event) throws {
        #expect(try EventCodec.decode(Event.self, from: try EventCodec.encode(event)) == event)
        #expect(Event.topic.eventTypes.contains(event.eventType))
    }
}

extension String {
    /// The text with one range replaced.
    func replacingCharacters(_ range: Range<Index>, _ text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}
