import NIOCore
import NIOHTTP1
import NIOPosix

/// One GET request over a connection of its own.
enum HTTPProbe {
    /// What a server answered; the body is cut at 64 KiB.
    struct Answer: Sendable, Equatable {
        var status: Int
        var body: String
    }

    private typealias Exchange = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    private static let maximumBodyBytes = 64 * 1024

    /// The answer; throws one sentence when there is none.
    static func get(_ address: HTTPAddress) async throws -> Answer {
        let exchange = try await connect(address)
        do {
            return try await exchange.executeThenClose { inbound, outbound in
                var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: address.path)
                head.headers.add(name: "Host", value: address.authority)
                head.headers.add(name: "Connection", value: "close")
                try await outbound.write(.head(head))
                try await outbound.write(.end(nil))
                return try await read(inbound, address)
            }
        } catch let error as CommandError {
            throw error
        } catch {
            throw CommandError("http://\(address.authority): the answer is not HTTP (\(error))")
        }
    }

    private static func connect(_ address: HTTPAddress) async throws -> Exchange {
        do {
            return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: address.host, port: address.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        return try Exchange(wrappingChannelSynchronously: channel)
                    }
                }
        } catch let error as IOError {
            throw CommandError("http://\(address.authority): cannot be reached (\(error.description))")
        } catch is NIOConnectionError {
            throw CommandError("http://\(address.authority): cannot be reached")
        }
    }

    private static func read(
        _ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>, _ address: HTTPAddress
    ) async throws -> Answer {
        var status: Int?
        var body = ByteBuffer()
        for try await part in inbound {
            switch part {
            case .head(let head): status = Int(head.status.code)
            case .body(var bytes):
                if body.readableBytes < maximumBodyBytes { body.writeBuffer(&bytes) }
            case .end:
                if let status { return Answer(status: status, body: String(buffer: body)) }
            }
        }
        throw CommandError("http://\(address.authority): closed the connection without an answer")
    }
}
