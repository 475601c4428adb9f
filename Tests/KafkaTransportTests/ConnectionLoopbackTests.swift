import KafkaMessages
import KafkaWire
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import KafkaTransport

@Suite("KafkaConnection on loopback", .timeLimit(.minutes(5)))
struct ConnectionLoopbackTests {
    private let configuration = KafkaConnection.Configuration(
        clientID: "test", connectTimeout: .seconds(600), requestTimeout: .seconds(600))

    private func connect(
        _ server: ScriptedServer, _ configuration: KafkaConnection.Configuration? = nil
    ) async throws -> KafkaConnection {
        try await KafkaConnection.connect(
            host: "127.0.0.1", port: server.port, configuration: configuration ?? self.configuration,
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup)
    }

    @Test("versions are negotiated and the highest common one is used")
    func negotiation() async throws {
        try await ScriptedServer.with { request in
            switch request.apiKey {
            case .apiVersions: try request.answer(ScriptedServer.versions([.metadata: 1...5]))
            default: try request.answer(MetadataResponse(clusterId: "version \(request.version)"))
            }
        } _: { server in
            let connection = try await connect(server)
            let response = try await connection.send(MetadataRequest(topics: nil))
            #expect(response.clusterId == "version 5")
            let older = try await connection.send(MetadataRequest(topics: nil), maximumVersion: 3)
            #expect(older.clusterId == "version 3")
            await #expect(throws: ConnectionError.self) { try await connection.send(HeartbeatRequest()) }
            await connection.close()
        }
    }

    @Test("a broker without ApiVersions 3 answers error 35 with a body of version 0, and is asked again")
    func fallback() async throws {
        try await ScriptedServer.with { request in
            switch (request.apiKey, request.version) {
            case (.apiVersions, 3):
                let refusal = ApiVersionsResponse(
                    errorCode: .unsupportedVersion,
                    apiKeys: [ApiVersionsResponse.ApiVersion(apiKey: 18, minVersion: 0, maxVersion: 2)])
                try request.answer(refusal, version: 0)
            case (.apiVersions, _): try request.answer(ScriptedServer.versions([.metadata: 0...4]))
            default: try request.answer(MetadataResponse(clusterId: "\(request.version)"))
            }
        } _: { server in
            let connection = try await connect(server)
            #expect(try await connection.send(MetadataRequest(topics: nil)).clusterId == "4")
            await connection.close()
        }
    }

    @Test("a request without an answer times out, and everything behind it fails retriably")
    func timeout() async throws {
        try await ScriptedServer.with { request in
            if request.apiKey == .apiVersions {
                try request.answer(ScriptedServer.versions([.metadata: 0...4, .heartbeat: 0...3]))
            }
        } _: { server in
            let connection = try await connect(server)
            await #expect {
                _ = try await connection.send(MetadataRequest(topics: nil), timeout: .milliseconds(50))
            } throws: { error in
                if case ConnectionError.requestTimedOut(.metadata) = error { true } else { false }
            }
            await #expect { _ = try await connection.send(HeartbeatRequest()) } throws: { error in
                (error as? ConnectionError)?.isRetriable == true
            }
            #expect(!connection.isOpen)
        }
    }

    @Test("a cancelled request stops waiting and leaves the connection usable")
    func cancellation() async throws {
        let held = Mutex<[ScriptedServer.Request]>([])
        let box = Holder(held)
        try await ScriptedServer.with { request in
            switch request.apiKey {
            case .apiVersions: try request.answer(ScriptedServer.versions([.metadata: 0...4, .heartbeat: 0...3]))
            case .metadata: box.hold(request)
            default:
                try box.takeAll().forEach { try $0.answer(MetadataResponse()) }
                try request.answer(HeartbeatResponse())
            }
        } _: { server in
            let connection = try await connect(server)
            let task = Task { try await connection.send(MetadataRequest(topics: nil)) }
            while !box.isHolding { await Task.yield() }
            task.cancel()
            await #expect { _ = try await task.value } throws: { error in
                if case ConnectionError.cancelled = error { true } else { false }
            }
            #expect(try await connection.send(HeartbeatRequest()).errorCode == .none)
            await connection.close()
        }
    }

    @Test(
        "garbage, a frame that is too long and a closed socket fail what is pending",
        arguments: [Fault.garbage, .tooLong, .negative, .close])
    func faults(fault: Fault) async throws {
        try await ScriptedServer.with { request in
            if request.apiKey == .apiVersions {
                try request.answer(ScriptedServer.versions([.metadata: 0...4]))
            } else {
                fault.inject(request)
            }
        } _: { server in
            let connection = try await connect(server)
            await #expect(throws: ConnectionError.self) { try await connection.send(MetadataRequest(topics: nil)) }
            try await connection.closeFuture.get()
            #expect(!connection.isOpen)
        }
    }

    @Test("an address where nobody listens says which and why")
    func refused() async throws {
        // Nobody listens there, and no other test is given it meanwhile, as one that was just free may be.
        let free = 1
        await #expect {
            try await KafkaConnection.connect(
                host: "127.0.0.1", port: free, configuration: configuration,
                eventLoopGroup: .singletonMultiThreadedEventLoopGroup)
        } throws: { error in
            "\(error)".contains("127.0.0.1:\(free)") && (error as? ConnectionError)?.isRetriable == true
        }
    }

    enum Fault: Sendable {
        case garbage, tooLong, negative, close

        func inject(_ request: ScriptedServer.Request) {
            switch self {
            case .garbage: request.writeRaw([0, 0, 0, 6, 0x7f, 0x7f, 0x7f, 0x7f, 1, 2])
            case .tooLong: request.writeRaw([0x7f, 0xff, 0xff, 0xff])
            case .negative: request.writeRaw([0xff, 0xff, 0xff, 0xff])
            case .close: request.close()
            }
        }
    }

    /// Requests that a test has not answered yet.
    final class Holder: Sendable {
        private let requests: Mutex<[ScriptedServer.Request]>

        init(_ requests: consuming Mutex<[ScriptedServer.Request]>) { self.requests = requests }

        var isHolding: Bool { requests.withLock { !$0.isEmpty } }
        func hold(_ request: ScriptedServer.Request) { requests.withLock { $0.append(request) } }
        func takeAll() -> [ScriptedServer.Request] {
            requests.withLock { held in
                defer { held = [] }
                return held
            }
        }
    }
}
