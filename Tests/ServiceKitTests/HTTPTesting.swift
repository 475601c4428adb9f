import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceKit
import ServiceLifecycle
import TestSupport

/// Runs a service in a group of its own, and stops it gracefully after the operation.
func withRunning<Value: Sendable>(
    _ service: any Service, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let group = ServiceGroup(
        configuration: ServiceGroupConfiguration(services: [service], logger: Logger(label: "test")))
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        let result: Result<Value, any Error>
        do {
            result = .success(try await operation())
        } catch {
            result = .failure(error)
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        return try result.get()
    }
}

/// An answer, with its body as text.
struct Answer: Sendable {
    var status: UInt
    var headers: [String: String]
    var body: String
}

/// Sends one request to a port of this machine.
func fetch(
    _ port: Int, _ path: String, method: String = "GET", headers: [(String, String)] = [], body: String? = nil
) async throws -> Answer {
    var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
    request.method = HTTPMethod(rawValue: method)
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if let body { request.body = .bytes(ByteBuffer(string: body)) }
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(600))
    let text = String(buffer: try await response.body.collect(upTo: 1 << 24))
    return Answer(status: response.status.code, headers: fields(response), body: text)
}

/// An answer whose body comes in pieces.
struct StreamedAnswer {
    var headers: [String: String]
    fileprivate var body: HTTPClientResponse.Body

    /// The body until it ends.
    func text() async throws -> String { String(buffer: try await body.collect(upTo: 1 << 24)) }

    /// Reads the body until it holds the text.
    func read(until text: String) async throws {
        var read = ""
        for try await part in body {
            read += String(buffer: part)
            if read.contains(text) { return }
        }
    }
}

/// Sends a request and hands over its answer once the head is there.
func stream(
    _ port: Int, _ path: String, isolation: isolated (any Actor)? = #isolation,
    _ operation: (StreamedAnswer) async throws -> Void
) async throws {
    let request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(600))
    try await operation(StreamedAnswer(headers: fields(response), body: response.body))
}

private func fields(_ response: HTTPClientResponse) -> [String: String] {
    Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { $1 })
}

/// A connection that sends a request and then reads nothing.
func connectWithoutReading(_ port: Int, _ path: String) async throws -> any Channel {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .channelOption(ChannelOptions.autoRead, value: false)
        .channelOption(ChannelOptions.socketOption(.so_rcvbuf), value: 8_192)
        .connect(host: "127.0.0.1", port: port).get()
    try await channel.writeAndFlush(ByteBuffer(string: "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n"))
    return channel
}

/// The port that a server listens on, once it does.
func boundPort(_ server: HTTPServer) async throws -> Int {
    try await eventuallyValue("the server listens") { server.port }
}
