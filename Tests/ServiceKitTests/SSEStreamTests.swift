import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import TestSupport
import Testing

@testable import ServiceKit

@Suite("Server-sent events", .tags(.integration), .timeLimit(.minutes(5)))
struct SSEStreamTests {
    private let registry = PrometheusRegistry()

    private func server(
        _ broadcast: EventBroadcast, heartbeat: Duration = .seconds(15), queue: Int = 256,
        shutdownGrace: Duration = .milliseconds(200)
    ) -> HTTPServer {
        let sse = SSEStream(
            heartbeat: heartbeat, queueLimit: queue, shutdownGrace: shutdownGrace, metrics: registry)
        return HTTPServer(
            HTTPServerConfiguration(port: 0),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), metrics: registry
        ) { router in
            router.get("/events") { request, context in
                let subscription = broadcast.subscribe(after: request.lastEventID)
                return sse.response(to: request, context: context, events: subscription.events)
            }
        }
    }

    private func ended(_ reason: String) -> Bool {
        registry.expose().contains("http_sse_clients_ended_total{reason=\"\(reason)\"} 1\n")
    }

    @Test("Events arrive as they are told, with the headers that proxies need; the stream ends with its source")
    func events() async throws {
        let broadcast = EventBroadcast()
        let server = server(broadcast)
        try await withRunning(server) {
            let port = try await boundPort(server)
            try await stream(port, "/events") { response in
                #expect(response.headers["content-type"] == "text/event-stream")
                #expect(response.headers["cache-control"] == "no-cache")
                #expect(response.headers["x-accel-buffering"] == "no")
                try await eventually("a subscriber") { broadcast.subscriberCount == 1 }
                broadcast.publish(ServerSentEvent(id: "1", event: "delay", data: "{\"a\":1}"))
                broadcast.publish(ServerSentEvent(id: "2\n", data: "two\nlines\n"))
                broadcast.finish()
                let text = try await response.text()
                #expect(
                    text == """
                        retry: 2000

                        id: 1
                        event: delay
                        data: {"a":1}

                        id: 2
                        data: two
                        data: lines
                        data: 


                        """)
            }
        }
        #expect(ended("finished"))
        #expect(registry.expose().contains("http_sse_events_total 2\n"))
        #expect(registry.expose().contains("http_sse_clients 0\n"))
    }

    @Test("A returning client gets what it missed, by header or query")
    func lastEventID() async throws {
        let broadcast = EventBroadcast(history: 4)
        for number in 1...6 { broadcast.publish(ServerSentEvent(id: "\(number)", data: "d\(number)")) }
        broadcast.finish()
        let server = server(broadcast)
        try await withRunning(server) {
            let port = try await boundPort(server)
            let byHeader = try await fetch(port, "/events", headers: [("Last-Event-ID", "4")])
            #expect(byHeader.body == "retry: 2000\n\nid: 5\ndata: d5\n\nid: 6\ndata: d6\n\n")
            #expect(try await fetch(port, "/events?lastEventId=5").body == "retry: 2000\n\nid: 6\ndata: d6\n\n")
        }
        #expect(!broadcast.subscribe(after: "6").hasGap)
        #expect(broadcast.subscribe(after: "1").hasGap)
        #expect(!broadcast.subscribe().hasGap)
    }

    @Test("A quiet stream has heartbeats")
    func heartbeats() async throws {
        let broadcast = EventBroadcast()
        let server = server(broadcast, heartbeat: .milliseconds(5))
        try await withRunning(server) {
            let port = try await boundPort(server)
            try await stream(port, "/events") { response in
                try await response.read(until: ": keep-alive\n\n: keep-alive\n\n")
            }
            try await eventually("the client's end is seen") { ended("closed") }
            try await eventually("the subscription ends too") { broadcast.subscriberCount == 0 }
        }
    }

    @Test("A client that reads nothing is dropped and counted; others get every event")
    func slowReader() async throws {
        // Few and large events, so that the sockets' buffers are full after a handful of rounds.
        let broadcast = EventBroadcast(history: 0, subscriberLimit: 4)
        let server = server(broadcast, queue: 4)
        try await withRunning(server) {
            let port = try await boundPort(server)
            let slow = try await connectWithoutReading(port, "/events")
            try await eventually("the slow subscriber") { broadcast.subscriberCount == 1 }
            let data = String(repeating: "x", count: 1 << 20)
            try await eventually("the slow client is dropped") {
                broadcast.publish(ServerSentEvent(data: data))
                return ended("overflow")
            }
            try await eventually("no subscriber is left") { broadcast.subscriberCount == 0 }
            do { try await slow.close() } catch ChannelError.alreadyClosed {}
            try await stream(port, "/events") { response in
                try await eventually("the next subscriber") { broadcast.subscriberCount == 1 }
                broadcast.publish(ServerSentEvent(data: "hello"))
                broadcast.finish()
                #expect(try await response.text().hasSuffix("data: hello\n\n"))
            }
        }
    }

    /// Runs a server in a group that the operation stops.
    private func withGroup(
        _ server: HTTPServer, _ operation: (_ port: Int, ServiceGroup) async throws -> Void
    ) async throws {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [server], logger: Logger(label: "test")))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await operation(try await boundPort(server), group)
            try await tasks.waitForAll()
        }
        #expect(registry.expose().contains("http_sse_clients_ended_total{reason=\"shutdown\"} 1\n"))
    }

    @Test("An open stream ends when the service stops, with all that was sent before")
    func shutdown() async throws {
        let broadcast = EventBroadcast(history: 0, subscriberLimit: 1_000)
        try await withGroup(server(broadcast, queue: 1_000, shutdownGrace: .seconds(600))) { port, group in
            try await stream(port, "/events") { response in
                try await eventually("the subscriber") { broadcast.subscriberCount == 1 }
                broadcast.publish(ServerSentEvent(data: "last"))
                await group.triggerGracefulShutdown()
                let text = try await response.text()
                #expect(text.hasPrefix("retry: 2000\n\n") && text.hasSuffix("data: last\n\n"))
            }
        }
    }

    @Test("A stalled stream is ended by force when the service stops")
    func stalledShutdown() async throws {
        let broadcast = EventBroadcast(history: 0, subscriberLimit: 1_000)
        try await withGroup(server(broadcast, queue: 1_000, shutdownGrace: .milliseconds(200))) { port, group in
            _ = try await connectWithoutReading(port, "/events")
            try await eventually("the stalled subscriber") { broadcast.subscriberCount == 1 }
            let data = String(repeating: "x", count: 65_536)
            for _ in 0..<200 { broadcast.publish(ServerSentEvent(data: data)) }
            await group.triggerGracefulShutdown()
        }
    }
}

@Suite("Event broadcast", .tags(.unit))
struct EventBroadcastTests {
    @Test("A subscriber gets only the events it wants, in order")
    func filter() async throws {
        let broadcast = EventBroadcast()
        let subscription = broadcast.subscribe { $0.event == "delay" }
        for (id, name) in [("1", "delay"), ("2", "arrival"), ("3", "delay")] {
            broadcast.publish(ServerSentEvent(id: id, event: name, data: ""))
        }
        broadcast.finish()
        var ids: [String?] = []
        for try await event in subscription.events { ids.append(event.id) }
        #expect(ids == ["1", "3"])
    }

    @Test("A subscriber past its bound is ended with an error; the others go on")
    func tooSlow() async throws {
        let broadcast = EventBroadcast(subscriberLimit: 3)
        let slow = broadcast.subscribe()
        for number in 0..<4 { broadcast.publish(ServerSentEvent(data: "\(number)")) }
        #expect(broadcast.subscriberCount == 0)
        var data: [String] = []
        await #expect(throws: SubscriberTooSlow.self) {
            for try await event in slow.events { data.append(event.data) }
        }
        #expect(data == ["0", "1", "2"])
    }

    @Test("History keeps the newest events only")
    func history() async throws {
        let broadcast = EventBroadcast(history: 3)
        for number in 1...20 { broadcast.publish(ServerSentEvent(id: "\(number)", data: "")) }
        #expect(broadcast.subscribe(after: "17").hasGap)
        let subscription = broadcast.subscribe(after: "18")
        #expect(!subscription.hasGap)
        broadcast.finish()
        var ids: [String?] = []
        for try await event in subscription.events { ids.append(event.id) }
        #expect(ids == ["19", "20"])
    }
}
