import KafkaWire
import NIOCore

/// One frame on its way out: the pieces after the length prefix.
public struct OutboundFrame: Sendable {
    public var pieces: [WirePiece]

    public init(pieces: [WirePiece]) {
        self.pieces = pieces
    }

    /// Bytes after the prefix.
    public var byteCount: Int { pieces.reduce(0) { $0 + $1.byteCount } }
}

/// Writes frames: the prefix, then each piece as bytes or, for a range of a file, by `sendfile`.
public final class FrameEncoder: ChannelOutboundHandler {
    public typealias OutboundIn = OutboundFrame
    public typealias OutboundOut = IOData

    public init() {}

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let frame = unwrapOutboundIn(data)
        guard let length = Int32(exactly: frame.byteCount) else {
            promise?.fail(FrameError.tooLarge(length: frame.byteCount, limit: Int(Int32.max)))
            context.close(promise: nil)
            return
        }
        var rest = frame.pieces[...]
        var head = context.channel.allocator.buffer(capacity: 64)
        head.writeInteger(length)
        if case .bytes(let first)? = rest.first, first.readableBytes <= 4096 {
            head.writeImmutableBuffer(first)
            rest = rest.dropFirst()
        }
        context.write(wrapOutboundOut(.byteBuffer(head)), promise: rest.isEmpty ? promise : nil)
        for (index, piece) in zip(rest.indices, rest) {
            let isLast = index == rest.endIndex - 1
            write(piece, context: context, promise: isLast ? promise : nil)
        }
    }

    private func write(_ piece: WirePiece, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        switch piece {
        case .bytes(let bytes):
            context.write(wrapOutboundOut(.byteBuffer(bytes)), promise: promise)
        case .file(let slice):
            guard let descriptor = slice.source.descriptor else {
                return writeFromMemory(slice, context: context, promise: promise)
            }
            send(slice, descriptor: descriptor, context: context, promise: promise)
        }
    }

    /// The descriptor is lent for the write and never closed here; the slice keeps the file open until then.
    private func send(
        _ slice: FileSlice, descriptor: CInt, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?
    ) {
        let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
        let start = Int(slice.position)
        let region = FileRegion(fileHandle: handle, readerIndex: start, endIndex: start + slice.byteCount)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { result in
            withExtendedLifetime(slice) {
                do {
                    _ = try handle.takeDescriptorOwnership()
                    promise?.completeWith(result)
                } catch {
                    promise?.fail(error)
                }
            }
        }
        context.write(wrapOutboundOut(.fileRegion(region)), promise: written)
    }

    private func writeFromMemory(
        _ slice: FileSlice, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?
    ) {
        do {
            let bytes = try slice.source.read(at: slice.position, byteCount: slice.byteCount)
            context.write(wrapOutboundOut(.byteBuffer(bytes)), promise: promise)
        } catch {
            promise?.fail(error)
            context.close(promise: nil)
        }
    }
}
