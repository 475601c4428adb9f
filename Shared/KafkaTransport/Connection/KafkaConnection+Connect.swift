import KafkaMessages
import KafkaWire
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension KafkaConnection {
    /// Connects over TCP and learns the broker's versions.
    ///
    /// Both within the connect timeout; otherwise nothing is left open.
    public static func connect(
        host: String, port: Int, configuration: Configuration, eventLoopGroup: any EventLoopGroup
    ) async throws(ConnectionError) -> KafkaConnection {
        let connection = try await openChannel(
            host: host, port: port, configuration: configuration, eventLoopGroup: eventLoopGroup)
        do throws(ConnectionError) {
            try await connection.negotiate(timeout: configuration.connectTimeout)
            return connection
        } catch {
            await connection.close()
            throw error
        }
    }

    /// The most that is read at once. Large responses come in few reads, each still within the second-level cache.
    private static let maximumReadBytes = 256 * 1024

    private static func openChannel(
        host: String, port: Int, configuration: Configuration, eventLoopGroup: any EventLoopGroup
    ) async throws(ConnectionError) -> KafkaConnection {
        do {
            return try await ClientBootstrap(group: eventLoopGroup)
                .connectTimeout(TimeAmount(configuration.connectTimeout))
                .channelOption(.socketOption(.so_keepalive), value: 1)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: maximumReadBytes)
                )
                .connect(host: host, port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try make(on: channel, configuration: configuration)
                    }
                }
        } catch {
            throw .connectFailed("cannot connect to \(host):\(port): \(reason(error))")
        }
    }

    /// Adds the handlers to a channel; on its event loop.
    static func make(on channel: any Channel, configuration: Configuration) throws -> KafkaConnection {
        let handler = ClientChannelHandler(
            eventLoop: channel.eventLoop, maximumInFlight: configuration.maximumInFlight,
            maximumParked: configuration.maximumParked)
        try channel.pipeline.syncOperations.addHandlers(
            FrameDecoder(maximumFrameBytes: configuration.maximumResponseBytes), FrameEncoder(), handler)
        return KafkaConnection(
            channel: channel, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop),
            configuration: configuration)
    }

    /// One line out of NIO's list of attempts.
    private static func reason(_ error: any Error) -> String {
        guard let error = error as? NIOConnectionError else { return "\(error)" }
        if let attempt = error.connectionErrors.first {
            let code = (attempt.error as? IOError)?.errnoCode
            return code.map { String(cString: strerror($0)) } ?? "\(attempt.error)"
        }
        if error.dnsAError != nil || error.dnsAAAAError != nil { return "the name cannot be resolved" }
        return "no address"
    }

    /// Asks at version 3, or lower where the broker's answer says so (KIP-511): an unsupported version is answered
    /// with error 35 in a body of version 0 that lists the range of ApiVersions itself.
    private func negotiate(timeout: Duration) async throws(ConnectionError) {
        let first = try await apiVersions(version: 3, timeout: timeout)
        if first.errorCode == .none { return setVersions(APIVersionTable(first)) }
        guard first.errorCode == .unsupportedVersion else {
            throw .malformedResponse("ApiVersions was answered with \(first.errorCode)")
        }
        let theirs = APIVersionTable(first)[.apiVersions]?.upperBound ?? 0
        let second = try await apiVersions(version: max(0, min(2, theirs)), timeout: timeout)
        guard second.errorCode == .none else {
            throw .malformedResponse("ApiVersions was answered with \(second.errorCode)")
        }
        setVersions(APIVersionTable(second))
    }

    private func apiVersions(version: Int16, timeout: Duration) async throws(ConnectionError) -> ApiVersionsResponse {
        let request = ApiVersionsRequest(clientSoftwareName: "signalbox", clientSoftwareVersion: "1.0.0")
        let pending = try submit(request, timeout: timeout, maximumVersion: version)
        var reader = WireReader(try await pending.bytes())
        let code = reader.buffer.getInteger(at: reader.buffer.readerIndex, as: Int16.self)
        let isRefused = code == ErrorCode.unsupportedVersion.rawValue
        do throws(WireError) {
            return try ApiVersionsResponse(from: &reader, version: isRefused ? 0 : pending.version)
        } catch {
            throw .malformedResponse("ApiVersions version \(version): \(error)")
        }
    }
}
