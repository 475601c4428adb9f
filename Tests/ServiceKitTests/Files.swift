import NIOCore
import NIOPosix
import Synchronization
import SystemPackage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

func writeFile(_ path: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
}

func makeDirectory(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
}

/// Sends bytes to a port and returns all that comes back until the other side closes.
func exchange(_ port: Int, _ text: String) async throws -> String {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
    return try await channel.executeThenClose { inbound, outbound in
        try await outbound.write(ByteBuffer(string: text))
        var answer = ByteBuffer()
        for try await var part in inbound { answer.writeBuffer(&part) }
        return String(buffer: answer)
    }
}
