import KafkaTransport
import KafkaWire
import NIOCore
import NIOPosix
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#endif

@Suite("Frame encoder", .timeLimit(.minutes(5)))
struct FrameEncoderTests {
    private struct Unreadable: Error {}

    /// Bytes that are sent from memory, as a file that has no descriptor.
    private final class MemorySource: FileSliceSource {
        let descriptor: CInt? = nil
        let bytes: ByteBuffer

        init(_ bytes: ByteBuffer) { self.bytes = bytes }

        func read(at position: Int64, byteCount: Int) throws -> ByteBuffer {
            guard let slice = bytes.getSlice(at: Int(position), length: byteCount) else { throw Unreadable() }
            return slice
        }
    }

    private final class DiskSource: FileSliceSource {
        let descriptor: CInt?

        init(path: String, _ bytes: ByteBuffer) throws {
            let opened = open(path, O_RDWR | O_CREAT, 0o600)
            try #require(opened >= 0)
            descriptor = opened
            let written = bytes.withUnsafeReadableBytes { pwrite(opened, $0.baseAddress, $0.count, 0) }
            try #require(written == bytes.readableBytes)
        }

        deinit {
            if let descriptor { Glibc.close(descriptor) }
        }

        func read(at position: Int64, byteCount: Int) throws -> ByteBuffer { throw Unreadable() }
    }

    /// What a client receives of the frames before the connection closes.
    private func received(_ frames: [OutboundFrame]) async throws -> ByteBuffer {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FrameEncoder())
                    return try NIOAsyncChannel<ByteBuffer, OutboundFrame>(wrappingChannelSynchronously: channel)
                }
            }
        return try await server.executeThenClose { accepted in
            let port = try #require(server.channel.localAddress?.port)
            async let bytes = Self.readAll(port: port)
            for try await connection in accepted {
                try await connection.executeThenClose { _, _ in
                    // To the end, or until one cannot be read: a close would drop what the socket has not taken.
                    for frame in frames {
                        do { try await connection.channel.writeAndFlush(frame).get() } catch is Unreadable { break }
                    }
                }
                break
            }
            return try await bytes
        }
    }

    private static func readAll(port: Int) async throws -> ByteBuffer {
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await client.executeThenClose { inbound, _ in
            var all = ByteBuffer()
            for try await part in inbound { all.writeImmutableBuffer(part) }
            return all
        }
    }

    private static func pattern(_ count: Int) -> ByteBuffer {
        ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
    }

    @Test("prefix and pieces arrive byte for byte: small and large bytes, files by descriptor and by memory")
    func pieces() async throws {
        try await withTemporaryDirectory { folder in
            let content = Self.pattern(3_000_000)
            let disk = try DiskSource(path: "\(folder)/log", content)
            let memory = MemorySource(content)
            let small = ByteBuffer(string: "head")
            let large = Self.pattern(5000)
            let frames = [
                OutboundFrame(pieces: []),
                OutboundFrame(pieces: [.bytes(small)]),
                OutboundFrame(pieces: [.bytes(large)]),
                OutboundFrame(pieces: [
                    .bytes(small), .file(FileSlice(source: disk, position: 17, byteCount: 2_900_000)), .bytes(large),
                    .file(FileSlice(source: memory, position: 3, byteCount: 70_000)), .bytes(small),
                ]),
                OutboundFrame(pieces: [.file(FileSlice(source: disk, position: 0, byteCount: 1))]),
            ]
            var expected = ByteBuffer()
            for frame in frames {
                expected.writeInteger(Int32(frame.byteCount))
                for piece in frame.pieces {
                    switch piece {
                    case .bytes(let bytes): expected.writeImmutableBuffer(bytes)
                    case .file(let slice):
                        let part = content.getSlice(at: Int(slice.position), length: slice.byteCount)
                        expected.writeImmutableBuffer(try #require(part))
                    }
                }
            }
            #expect(try await received(frames) == expected)
        }
    }

    @Test("a file that cannot be read closes the connection instead of sending something else")
    func unreadable() async throws {
        let source = MemorySource(ByteBuffer(string: "short"))
        let frame = OutboundFrame(pieces: [.file(FileSlice(source: source, position: 0, byteCount: 100))])
        let bytes = try await received([frame])
        #expect(bytes.readableBytes <= 4, "no more than the prefix")
    }
}
