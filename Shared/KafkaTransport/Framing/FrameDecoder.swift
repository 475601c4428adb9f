import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// One frame as it arrived, without its prefix.
public struct InboundFrame: Sendable {
    public var bytes: ByteBuffer
    /// Gives the frame's memory back when the last copy of the frame is gone.
    public var charge: MemoryCharge?

    public init(bytes: ByteBuffer, charge: MemoryCharge? = nil) {
        self.bytes = bytes
        self.charge = charge
    }
}

/// Turns reads into frames and stops reading while the memory for requests is used up.
///
/// While frames that are not complete hold all they may, the rest of a begun frame is read when the kernel has all of
/// it: who stalls half way costs nothing more and holds up nobody. A frame that lacks more than
/// ``ReceiveThreshold/maximumBytes``, or any while there is no memory at all, goes on when it is the only one that
/// does so; it has to come forward, or its connection is closed.
///
/// A bad length closes the connection after the error was told to the pipeline.
public final class FrameDecoder: ChannelDuplexHandler {
    public typealias InboundIn = ByteBuffer
    public typealias InboundOut = InboundFrame
    public typealias OutboundIn = Never

    /// What a socket's read buffer may grow to while a frame comes in: each connection has one.
    public static let readBufferBytes = 64 * 1024
    /// What a frame that goes on beyond the limits has to bring within the time of
    /// ``init(maximumFrameBytes:admission:stallTime:)`` while others wait.
    public static let minimumProgressBytes = 64 * 1024
    /// Frames that lack less are left to the channel's own reads.
    static let directReadBytes = 32 * 1024
    /// The most that one read takes: the memory for requests is looked at in between.
    static let largestReadBytes = 256 * 1024

    private var assembler: FrameAssembler
    private let admission: MemoryAdmission?
    private let stallTime: TimeAmount
    private var admittedBytes = 0
    private var partialBytes = 0
    private var threshold = ReceiveThreshold()
    private var isReadHeld = false
    private var isWaiting = false
    private var waitID: UInt64?
    private var isBroken = false

    /// Whether the frame being collected may pass the limits, what it brought since the last look, and the next look.
    private var isOverdrawn = false
    private var overdraftBytes = 0
    private var overdraftCheck: Scheduled<Void>?

    /// - Parameters:
    ///   - maximumFrameBytes: the largest frame; Kafka's `socket.request.max.bytes` on a broker.
    ///   - admission: what frames are charged to from their first byte until they are let go, if anything.
    ///   - stallTime: how long one that goes on beyond the limits may bring too little while others wait.
    public init(
        maximumFrameBytes: Int, admission: MemoryAdmission? = nil, stallTime: TimeAmount = .seconds(1)
    ) {
        assembler = FrameAssembler(maximumFrameBytes: maximumFrameBytes)
        self.admission = admission
        self.stallTime = stallTime
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Where frames begin is not known any more.
        if isBroken { return }
        let bytes = unwrapInboundIn(data)
        overdraftBytes += bytes.readableBytes
        assembler.receive(bytes)
        do {
            try cutFrames(context: context)
            while takeMore(context: context) { try cutFrames(context: context) }
        } catch {
            fail(error, context: context)
        }
        charge(assembler.bufferedBytes)
    }

    private func cutFrames(context: ChannelHandlerContext) throws(FrameError) {
        while let frame = try assembler.next() {
            endOverdraft()
            let charge = admission.map { MemoryCharge(bytes: frame.readableBytes, to: $0) }
            context.fireChannelRead(wrapInboundOut(InboundFrame(bytes: frame, charge: charge)))
        }
    }

    /// Reads what the kernel has of a large frame to where it stays, without the channel's read buffer between; `false`
    /// where there is nothing to take. Ends and errors of the connection are left for the channel to find.
    private func takeMore(context: ChannelHandlerContext) -> Bool {
        guard !isBroken, assembler.missingBytes >= Self.directReadBytes else { return false }
        charge(assembler.bufferedBytes)
        if let admission, admission.room != (new: true, partial: true) { return false }
        do {
            let taken = try context.pipeline.syncOperations.withUnsafeTransportIfAvailable {
                (socket: CInt) in
                assembler.fill(upTo: Self.largestReadBytes) { recv(socket, $0.baseAddress, $0.count, 0) }
            }
            overdraftBytes += taken ?? 0
            return (taken ?? 0) > 0
        } catch {
            return false
        }
    }

    public func read(context: ChannelHandlerContext) {
        do {
            guard let admission, try !mayRead(admission, context: context) else { return context.read() }
            hold(admission, context: context)
        } catch {
            fail(error, context: context)
        }
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        isBroken = true
        charge(0)
        endOverdraft()
        isReadHeld = false
        if let waitID { admission?.stopWaiting(waitID) }
    }

    private func fail(_ error: any Error, context: ChannelHandlerContext) {
        isBroken = true
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    // MARK: Admission

    private func mayRead(_ admission: MemoryAdmission, context: ChannelHandlerContext) throws -> Bool {
        let room = admission.room
        guard assembler.isCollecting else {
            try threshold.set(1, on: context.channel)
            return room.new
        }
        let missing = assembler.missingBytes
        if room.new, !room.partial, missing <= ReceiveThreshold.maximumBytes {
            try threshold.set(missing, on: context.channel)
            return true
        }
        try threshold.set(1, on: context.channel)
        return room.partial || mayOverdraw(admission, context: context)
    }

    private func hold(_ admission: MemoryAdmission, context: ChannelHandlerContext) {
        isReadHeld = true
        guard !isWaiting else { return }
        isWaiting = true
        let loop = context.eventLoop
        let bound = NIOLoopBound((self, context), eventLoop: loop)
        waitID = admission.whenAvailable(isPartial: assembler.isCollecting) {
            loop.execute {
                let (handler, context) = bound.value
                handler.resume(context: context)
            }
        }
    }

    private func resume(context: ChannelHandlerContext) {
        isWaiting = false
        guard isReadHeld, context.channel.isActive else { return }
        isReadHeld = false
        read(context: context)
    }

    private func charge(_ buffered: Int) {
        // The socket's read buffer has grown with the frame and stays as large.
        let partial = buffered + min(buffered, Self.readBufferBytes)
        admission?.change(by: buffered - admittedBytes, partial: partial - partialBytes)
        admittedBytes = buffered
        partialBytes = partial
    }

    // MARK: Beyond the limits

    private func mayOverdraw(_ admission: MemoryAdmission, context: ChannelHandlerContext) -> Bool {
        if !isOverdrawn, admission.beginOverdraft() {
            isOverdrawn = true
            expectProgress(admission, context: context)
        }
        return isOverdrawn
    }

    private func endOverdraft() {
        guard isOverdrawn else { return }
        isOverdrawn = false
        overdraftCheck?.cancel()
        overdraftCheck = nil
        admission?.endOverdraft()
    }

    private func expectProgress(_ admission: MemoryAdmission, context: ChannelHandlerContext) {
        overdraftBytes = 0
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        overdraftCheck = context.eventLoop.scheduleTask(in: stallTime) {
            let (handler, context) = bound.value
            handler.checkProgress(admission, context: context)
        }
    }

    private func checkProgress(_ admission: MemoryAdmission, context: ChannelHandlerContext) {
        guard isOverdrawn, !isBroken else { return }
        guard overdraftBytes < Self.minimumProgressBytes, admission.waitingCount > 0 else {
            return expectProgress(admission, context: context)
        }
        let stalled = FrameError.stalled(
            receivedBytes: overdraftBytes, needed: Self.minimumProgressBytes, within: stallTime)
        fail(stalled, context: context)
    }
}
