import Hummingbird
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import TestSupport
import Testing

@testable import ServiceKit

private struct Train: Codable, ResponseEncodable {
    var number: Int
}

@Suite("HTTP server", .tags(.integration), .timeLimit(.minutes(5)))
struct HTTPServerTests {
    private let registry = PrometheusRegistry()

    private func server(
        maximumRequestBytes: Int = 1_024, check: HealthCheck? = nil, routes: (ServiceRouter) -> Void
    ) -> HTTPServer {
        HTTPServer(
            HTTPServerConfiguration(port: 0, maximumRequestBytes: maximumRequestBytes),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), check: check,
            metrics: registry, routes: routes)
    }

    @Test("Requests are counted and timed by method, route and status")
    func metrics() async throws {
        let server = server { router in
            router.get("/trains/:number") { _, context in
                Train(number: try context.parameters.require("number", as: Int.self))
            }
        }
        try await withRunning(server) {
            let port = try await boundPort(server)
            for number in 1...3 {
                #expect(try await fetch(port, "/trains/\(number)").body == "{\"number\":\(number)}")
            }
            #expect(try await fetch(port, "/nowhere").status == 404)
            #expect(try await fetch(port, "/nowhere", method: "PURGE").status == 404)
        }
        let text = registry.expose()
        #expect(
            text.contains(
                "http_server_requests_total{method=\"GET\",route=\"/trains/{number}\",status=\"200\"} 3\n"))
        #expect(text.contains("http_server_requests_total{method=\"GET\",route=\"NotFound\",status=\"404\"} 1\n"))
        #expect(text.contains("http_server_requests_total{method=\"other\",route=\"NotFound\",status=\"404\"} 1\n"))
        #expect(
            text.contains(
                "http_server_request_duration_seconds_count{method=\"GET\",route=\"/trains/{number}\"} 3\n"))
        #expect(try ParsedExposition(text).violations == [])
    }

    @Test("Every error has a JSON body; an unexpected one tells nothing of its inside")
    func errors() async throws {
        struct Secret: Error {}
        let server = server { router in
            router.get("/teapot") { _, _ -> Response in throw HTTPError(.conflict, message: "has \"left\"") }
            router.get("/broken") { _, _ -> Response in throw Secret() }
            router.post("/train") { request, context in try await request.decode(as: Train.self, context: context) }
        }
        try await withRunning(server) {
            let port = try await boundPort(server)
            let conflict = try await fetch(port, "/teapot")
            #expect(conflict.status == 409)
            #expect(conflict.body == "{\"error\": \"has \\\"left\\\"\"}")
            #expect(conflict.headers["content-type"] == "application/json")
            let broken = try await fetch(port, "/broken")
            #expect(broken.status == 500)
            #expect(broken.body == "{\"error\": \"internal error\"}")
            #expect(try await fetch(port, "/none").body == "{\"error\": \"Not Found\"}")
            let json = [("content-type", "application/json")]
            let wrong = try await fetch(port, "/train", method: "POST", headers: json, body: "{\"number\":\"x\"}")
            #expect(wrong.status == 400)
            #expect(wrong.body.hasPrefix("{\"error\": "))
        }
    }

    @Test("A body over the bound is refused, told or not told in advance")
    func bodyBound() async throws {
        let server = server(maximumRequestBytes: 16) { router in
            router.post("/echo") { request, context in
                Response.text(String(buffer: try await request.body.collect(upTo: context.maxUploadSize)))
            }
        }
        try await withRunning(server) {
            let port = try await boundPort(server)
            #expect(try await fetch(port, "/echo", method: "POST", body: "sixteen bytes ok").body == "sixteen bytes ok")
            let told = try await fetch(port, "/echo", method: "POST", body: "seventeen bytes!!")
            #expect(told.status == 413)
            #expect(told.body == "{\"error\": \"the body may have 16 bytes, not 17\"}")
            let chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                + "20\r\n\(String(repeating: "x", count: 32))\r\n0\r\n\r\n"
            #expect(try await exchange(port, chunked).hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test("What is no HTTP is answered with 400 or closed, and the server goes on")
    func garbage() async throws {
        let server = server { router in router.get("/") { _, _ in Response.text("ok") } }
        try await withRunning(server) {
            let port = try await boundPort(server)
            let answer = try await exchange(port, "\u{1}\u{2}garbage\r\n\r\n")
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400 "))
            #expect(try await fetch(port, "/").body == "ok")
        }
    }

    @Test("A port in use is one line, before anything runs and when binding")
    func portInUse() async throws {
        let blocker = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(blocker.localAddress?.port)
        let server = HTTPServer(
            HTTPServerConfiguration(port: port), logger: Logger(label: "test"), metrics: registry
        ) { _ in }
        let expected = StartupError("http: 127.0.0.1:\(port) is in use")
        await #expect(throws: expected) { try await server.checkStartup() }
        await #expect(throws: expected) { try await server.run() }
        try await blocker.close()
        // The port may be lent to another test's connection for a moment.
        try await eventually("the port is free") {
            do throws(StartupError) { try await server.checkStartup() } catch { return false }
            return true
        }
    }

    @Test("An idle connection does not hold up a graceful stop")
    func idleConnection() async throws {
        let health = HealthRegistry()
        let server = server(check: health.register("http")) { router in
            router.get("/") { _, _ in Response.text("ok") }
        }
        #expect(!health.isHealthy(.ready))
        try await withRunning(server) {
            let port = try await boundPort(server)
            #expect(health.isHealthy(.ready))
            _ = try await connectWithoutReading(port, "/")
            #expect(try await fetch(port, "/").body == "ok")
        }
        #expect(!health.isHealthy(.ready))
    }

    @Test("Files have a content type and an ETag, and 304 while unchanged")
    func staticResources() async throws {
        let resources = try await withTemporaryDirectory { directory in
            try writeFile("\(directory)/index.html", "<h1>Board</h1>")
            try makeDirectory("\(directory)/assets")
            try writeFile("\(directory)/assets/board.js", "let x = 1")
            try writeFile("\(directory)/.hidden", "secret")
            let resources = try StaticResources(directory: directory)
            #expect(resources.paths == ["assets/board.js", "index.html"])
            return resources
        }
        let server = server { resources.addRoutes(to: $0) }
        try await withRunning(server) {
            let port = try await boundPort(server)
            let page = try await fetch(port, "/")
            #expect(page.body == "<h1>Board</h1>")
            #expect(page.headers["content-type"] == "text/html; charset=utf-8")
            let script = try await fetch(port, "/assets/board.js")
            #expect(script.headers["content-type"] == "text/javascript; charset=utf-8")
            let tag = try #require(script.headers["etag"])
            let again = try await fetch(port, "/assets/board.js", headers: [("If-None-Match", "\"x\", \(tag)")])
            #expect(again.status == 304)
            #expect(again.body.isEmpty)
            #expect(try await fetch(port, "/index.html", method: "HEAD").status == 200)
            #expect(try await fetch(port, "/.hidden").status == 404)
            #expect(try await fetch(port, "/../etc/passwd").status == 404)
        }
    }
}

@Suite("Admin server", .tags(.integration), .timeLimit(.minutes(5)))
struct AdminServerTests {
    @Test("Health answers 200 or 503 with the reasons, metrics the text format")
    func health() async throws {
        let health = HealthRegistry()
        let registry = PrometheusRegistry()
        ProcessMetrics.register(in: registry)
        let consumer = health.register("delays/consumer")
        let loop = health.register("delays/loop", .live, initially: .healthy)
        let configuration = try AdminConfiguration(reader("[admin]\nport = 0"))
        let server = AdminServer.make(
            configuration, health: health, registry: registry, logger: Logger(label: "test"))
        try await withRunning(server) {
            let port = try await boundPort(server)
            let starting = try await fetch(port, "/health/ready")
            #expect(starting.status == 503)
            #expect(
                starting.body == "{\"status\":\"failed\",\"checks\":[{\"name\":\"delays/consumer\","
                    + "\"status\":\"failed\",\"reason\":\"starting\"}]}")
            consumer.set(.healthy)
            let ready = try await fetch(port, "/health/ready")
            #expect(ready.status == 200)
            #expect(
                ready.body == "{\"status\":\"ok\",\"checks\":[{\"name\":\"delays/consumer\",\"status\":\"ok\"}]}")
            #expect(try await fetch(port, "/health/live").status == 200)
            loop.set(.unhealthy("stuck\nsince 10 s"))
            let dead = try await fetch(port, "/health/live")
            #expect(dead.status == 503)
            #expect(dead.body.contains("\"reason\":\"stuck since 10 s\""))
            health.beginStopping()
            #expect(try await fetch(port, "/health/ready").status == 503)
            let metrics = try await fetch(port, "/metrics")
            #expect(metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(try ParsedExposition(metrics.body).violations == [])
            #expect(metrics.body.contains("process_resident_memory_bytes "))
        }
    }
}
