import NIOCore

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
/// A bad length closes the connection after the error was told to the pipeline.
public final class FrameDecoder: ChannelDuplexHandler {
    public typealias InboundIn = ByteBuffer
    public typealias InboundOut = InboundFrame
    public typealias OutboundIn = Never

    private var assembler: FrameAssembler
    private let admission: MemoryAdmission?
    private var admittedBytes = 0
    private var isReadHeld = false
    private var isWaiting = false
    private var waitID: UInt64?
    /// Whether the frame being collected may pass the limit.
    private var isOverdrawn = false
    private var isBroken = false

    /// - Parameters:
    ///   - maximumFrameBytes: the largest frame; Kafka's `socket.request.max.bytes` on a broker.
    ///   - admission: what frames are charged to from their first byte until they are let go, if anything.
    public init(maximumFrameBytes: Int, admission: MemoryAdmission? = nil) {
        assembler = FrameAssembler(maximumFrameBytes: maximumFrameBytes)
        self.admission = admission
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Where frames begin is not known any more.
        if isBroken { return }
        assembler.receive(unwrapInboundIn(data))
        do {
            while let frame = try assembler.next() {
                endOverdraft()
                let charge = admission.map { MemoryCharge(bytes: frame.readableBytes, to: $0) }
                context.fireChannelRead(wrapInboundOut(InboundFrame(bytes: frame, charge: charge)))
            }
        } catch {
            isBroken = true
            context.fireErrorCaught(error)
            context.close(promise: nil)
        }
        charge(assembler.bufferedBytes)
    }

    public func read(context: ChannelHandlerContext) {
        guard let admission, admission.isExhausted, !mayFinishFrame(admission) else { return context.read() }
        isReadHeld = true
        guard !isWaiting else { return }
        isWaiting = true
        let loop = context.eventLoop
        let bound = NIOLoopBound((self, context), eventLoop: loop)
        waitID = admission.whenAvailable(orOverdraft: assembler.isCollecting) {
            loop.execute {
                let (handler, context) = bound.value
                handler.resume(context: context)
            }
        }
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        isBroken = true
        charge(0)
        endOverdraft()
        isReadHeld = false
        if let waitID { admission?.stopWaiting(waitID) }
    }

    private func mayFinishFrame(_ admission: MemoryAdmission) -> Bool {
        if !isOverdrawn, assembler.isCollecting { isOverdrawn = admission.beginOverdraft() }
        return isOverdrawn
    }

    private func endOverdraft() {
        guard isOverdrawn else { return }
        isOverdrawn = false
        admission?.endOverdraft()
    }

    private func resume(context: ChannelHandlerContext) {
        isWaiting = false
        guard isReadHeld, context.channel.isActive else { return }
        isReadHeld = false
        read(context: context)
    }

    private func charge(_ bytes: Int) {
        admission?.change(by: bytes - admittedBytes)
        admittedBytes = bytes
    }
}
