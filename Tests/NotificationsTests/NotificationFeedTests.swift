import Railway
import ServiceKit
import Testing

@testable import NotificationsService

@Suite("The feed of notifications")
struct NotificationFeedTests {
    /// The ids that a stream holds once the feed has forgotten its subscriber, which ends it; -1 for a gap.
    private func ids(_ stream: NotificationFeed.Stream, ending feed: NotificationFeed) async throws -> [Int64] {
        feed.forget("ana")
        var ids: [Int64] = []
        for try await item in stream {
            switch item {
            case .gap: ids.append(-1)
            case .entry(let entry): ids.append(entry.id)
            }
        }
        return ids
    }

    @Test("A page gets what was before it came, then what comes, in order and once")
    func historyThenLive() async throws {
        let feed = NotificationFeed()
        feed.take(try Sample.entry(0, trip: 1))
        feed.take(try Sample.entry(4, trip: 2))
        let stream = try #require(feed.listen("ana", after: 0))
        feed.take(try Sample.entry(9, trip: 3))
        #expect(try await ids(stream, ending: feed) == [1, 5, 10])
    }

    @Test(
        "A page that comes back gets what it missed, also while the history is still being read",
        arguments: [true, false])
    func resumes(_ isReadBefore: Bool) async throws {
        let feed = NotificationFeed()
        let entries = [try Sample.entry(0, trip: 1), try Sample.entry(4, trip: 2), try Sample.entry(9, trip: 3)]
        if isReadBefore { entries.forEach(feed.take) }
        let stream = try #require(feed.listen("ana", after: 5))
        if !isReadBefore { entries.forEach(feed.take) }
        #expect(try await ids(stream, ending: feed) == [10])
    }

    @Test("A notification told twice is shown once, and is known as told")
    func once() async throws {
        let feed = NotificationFeed()
        let entry = try Sample.entry(0, trip: 1)
        #expect(!feed.isTold(entry.request.notification))
        feed.take(entry)
        feed.take(try Sample.entry(1, trip: 1))
        #expect(feed.isTold(entry.request.notification))
        #expect(feed.count == 1)
        let stream = try #require(feed.listen("ana", after: 0))
        #expect(try await ids(stream, ending: feed) == [1])
    }

    @Test("Subscribers hear of their own notifications only")
    func apart() async throws {
        let feed = NotificationFeed()
        let stream = try #require(feed.listen("ana", after: 0))
        feed.take(try Sample.entry(0, trip: 1, subscriber: "ben"))
        feed.take(try Sample.entry(1, trip: 1))
        #expect(try await ids(stream, ending: feed) == [2])
    }

    @Test("Over its bound the oldest goes, a page that asks for it is told of the gap, and it is not told again")
    func bound() async throws {
        let feed = NotificationFeed(historyLimit: 2)
        for number in 0..<4 { feed.take(try Sample.entry(Int64(number), trip: UInt32(number + 1))) }
        #expect(feed.count == 2)
        #expect(feed.isTold(try Sample.entry(0, trip: 1).request.notification))
        let early = try #require(feed.listen("ana", after: 1))
        let late = try #require(feed.listen("ana", after: 2))
        #expect(try await ids(early, ending: feed) == [-1, 3, 4])
        #expect(try await ids(late, ending: feed) == [3, 4])
    }

    @Test("The bound over all subscribers takes from whoever has most")
    func boundOverAll() throws {
        let feed = NotificationFeed(historyLimit: 10, entryLimit: 3)
        for number in 0..<3 { feed.take(try Sample.entry(Int64(number), trip: UInt32(number + 1))) }
        feed.take(try Sample.entry(0, trip: 1, subscriber: "ben"))
        #expect(feed.count == 3)
        #expect(feed.listen("ben", after: 0) != nil)
    }

    @Test("Streams over the bound are refused; one that ends makes room")
    func streams() throws {
        let feed = NotificationFeed(streamLimit: 1)
        var first = feed.listen("ana", after: 0)
        #expect(first != nil)
        #expect(feed.listen("ben", after: 0) == nil)
        first = nil
        #expect(feed.streamCount == 0)
        #expect(feed.listen("ben", after: 0) != nil)
    }

    @Test("A page that does not take its events in time loses its stream, not the others")
    func tooSlow() async throws {
        let feed = NotificationFeed()
        let stream = try #require(feed.listen("ana", after: 0))
        for number in 0..<(NotificationFeed.waitingLimit + 2) {
            feed.take(try Sample.entry(Int64(number), trip: UInt32(number + 1)))
        }
        #expect(feed.streamCount == 0)
        await #expect(throws: SubscriberTooSlow.self) { for try await _ in stream {} }
    }

    @Test("A delivery is told once")
    func delivered() throws {
        let feed = NotificationFeed()
        #expect(feed.markDelivered("one"))
        #expect(!feed.markDelivered("one"))
    }
}

@Suite("Ids seen lately")
struct RecentIDsTests {
    @Test("The last ones are known, whatever came before them; what is held is bounded")
    func bounded() {
        var ids = RecentIDs(limit: 10)
        for number in 0..<100 {
            let isNew = ids.insert("\(number)")
            #expect(isNew)
            for known in max(0, number - 9)...number { #expect(ids.contains("\(known)")) }
        }
        #expect(!ids.contains("0"))
        let isNew = ids.insert("99")
        #expect(!isNew)
    }
}
