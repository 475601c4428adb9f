import Railway
import Testing

@testable import NotificationsService

@Suite("What is asked with POST /subscriptions")
struct SubscriptionRequestTests {
    private func read(_ text: String) throws -> SubscriptionRequest {
        try SubscriptionRequest(body: Array(text.utf8), network: try Sample.network())
    }

    @Test("Station and threshold are enough")
    func least() throws {
        let request = try read(#"{"station": "NATION", "thresholdSeconds": 60}"#)
        let subscription = try request.subscription(id: "ana", at: Sample.at)
        #expect(subscription.station == "NATION")
        #expect(subscription.thresholdSeconds == 60)
        #expect(subscription.line == nil)
        #expect(subscription.key == "ana")
    }

    @Test("Line and hours narrow it")
    func narrow() throws {
        let request = try read(
            #"{"station":"NATION","thresholdSeconds":0,"line":"M9","hours":{"from":"07:00","to":"09:30"}}"#)
        #expect(request.line == "M9")
        #expect(request.hours?.from == "07:00")
    }

    @Test(
        "What is wrong is said in a sentence",
        arguments: [
            ("", "no JSON"), ("[]", "no JSON"), ("{", "no JSON"), ("{}", "'station' is missing"),
            (#"{"station":"NATION"}"#, "'thresholdSeconds' is missing"),
            (#"{"station":"NATION","thresholdSeconds":"60"}"#, "'thresholdSeconds'"),
            (#"{"station":"NATION","thresholdSeconds":1.5}"#, "thresholdSeconds"),
            (#"{"station":"ATLANTIS","thresholdSeconds":60}"#, "there is no station 'ATLANTIS'"),
            (#"{"station":"no id!","thresholdSeconds":60}"#, "no station id"),
            (#"{"station":"BUZENVAL","thresholdSeconds":60,"line":"M1"}"#, "does not stop"),
            (#"{"station":"NATION","thresholdSeconds":60,"lines":"M1"}"#, "field 'lines' is not known"),
            (#"{"station":"NATION","thresholdSeconds":60,"hours":{"from":"7","to":"9"}}"#, "no hours"),
        ])
    func refused(_ body: String, _ words: String) throws {
        let refusal = try #require(throws: SubscriptionRefusal.self) { try read(body) }
        #expect(refusal.description.contains(words), "\(refusal.description)")
    }

    @Test("A threshold outside 0 to a day is refused", arguments: [-1, 86_401])
    func threshold(_ seconds: Int) throws {
        let request = try read(#"{"station":"NATION","thresholdSeconds":\#(seconds)}"#)
        #expect(throws: SubscriptionRefusal.self) { try request.subscription(id: "ana", at: Sample.at) }
    }

    @Test("A body over the bound is refused before it is read")
    func tooLarge() throws {
        let refusal = try #require(throws: SubscriptionRefusal.self) { try read(String(repeating: " ", count: 5_000)) }
        #expect(refusal.description.contains("5000 bytes"))
    }
}

@Suite("Subscriptions")
struct SubscriptionsTests {
    @Test("The fold of the topic: the last one of a subscriber holds, a tombstone deletes")
    func fold() throws {
        let subscriptions = Subscriptions(network: try Sample.network(), limit: 10, delayLimit: 10)
        let near = try SubscriptionChanged(subscriber: "ana", station: "NATION", thresholdSeconds: 60, at: Sample.at)
        let far = try SubscriptionChanged(subscriber: "ana", station: "NATION", thresholdSeconds: 600, at: Sample.at)
        subscriptions.subscribe(near)
        subscriptions.subscribe(far)
        #expect(subscriptions.all == [far])
        #expect(subscriptions.take(try Sample.delay(trip: 1, seconds: 120)).isEmpty)
        subscriptions.subscribe(near)
        let told = subscriptions.take(try Sample.delay(trip: 2, seconds: 120))
        #expect(told.map(\.subscriber) == ["ana"])
        #expect(told.first?.text == "Train 2 arrived at Nation 2 min late.")
        subscriptions.unsubscribe("ana")
        #expect(subscriptions["ana"] == nil)
        #expect(subscriptions.take(try Sample.delay(trip: 3, seconds: 120)).isEmpty)
    }

    @Test("Over the bound a new subscriber is not taken, a known one still changes")
    func bound() throws {
        let subscriptions = Subscriptions(network: try Sample.network(), limit: 1, delayLimit: 10)
        let ana = try SubscriptionChanged(subscriber: "ana", station: "NATION", thresholdSeconds: 60, at: Sample.at)
        let ben = try SubscriptionChanged(subscriber: "ben", station: "NATION", thresholdSeconds: 60, at: Sample.at)
        #expect(subscriptions.subscribe(ana))
        #expect(!subscriptions.hasRoom)
        #expect(!subscriptions.subscribe(ben))
        #expect(subscriptions.subscribe(ana))
        #expect(subscriptions.count == 1)
    }

    @Test("The same delay read again requests nothing: a restart tells nothing twice")
    func repeated() throws {
        let subscriptions = Subscriptions(network: try Sample.network(), limit: 1, delayLimit: 10)
        subscriptions.subscribe(
            try SubscriptionChanged(subscriber: "ana", station: "NATION", thresholdSeconds: 60, at: Sample.at))
        let delay = try Sample.delay()
        #expect(subscriptions.take(delay).count == 1)
        #expect(subscriptions.take(delay).isEmpty)
    }
}
