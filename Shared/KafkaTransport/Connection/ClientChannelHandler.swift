import KafkaMessages
import KafkaWire
import NIOCore

/// Who waits for a response.
struct PendingRequest {
    let apiKey: APIKey
    let responseHeaderVersion: Int16
    /// Succeeds with the response's body.
    let promise: EventLoopPromise<ByteBuffer>
}

/// Connects the state machine with the channel: frames in and out, one timer for the earliest deadline.
///
/// Lives on the channel's event loop only.
final class ClientChannelHandler: ChannelInboundHandler {
    typealias InboundIn = InboundFrame
    typealias OutboundOut = OutboundFrame

    private var machine: ConnectionStateMachine<PendingRequest, OutboundFrame>
    private var context: ChannelHandlerContext?
    private var timer: (deadline: NIODeadline, scheduled: Scheduled<Void>)?
    private let eventLoop: any EventLoop

    init(eventLoop: any EventLoop, maximumInFlight: Int, maximumParked: Int) {
        self.eventLoop = eventLoop
        machine = ConnectionStateMachine(maximumInFlight: maximumInFlight, maximumParked: maximumParked)
    }

    var isOpen: Bool { machine.isOpen }

    func nextCorrelationID() -> Int32 { machine.nextCorrelationID() }

    /// Writes a request, or parks it behind those in flight. Without a pending request no response is expected.
    func submit(
        correlationID: Int32, frame: OutboundFrame, pending: PendingRequest?, deadline: NIODeadline
    ) throws(ConnectionError) {
        let action = machine.submit(
            correlationID: correlationID, token: pending, frame: frame, deadline: deadline,
            expectsResponse: pending != nil)
        switch action {
        case .write(let frame): write([frame])
        case .wait: break
        case .reject(let error): throw error
        }
        scheduleTimer()
    }

    /// Fails the request as cancelled; its response, if it still comes, is dropped.
    func cancel(correlationID: Int32) {
        machine.cancel(correlationID: correlationID)?.promise.fail(ConnectionError.cancelled)
    }

    /// Fails everything that is pending and closes the channel.
    func close(_ error: ConnectionError) {
        for pending in machine.close(error) { pending.promise.fail(error) }
        timer?.scheduled.cancel()
        timer = nil
        context?.close(promise: nil)
    }

    private func write(_ frames: [OutboundFrame]) {
        guard let context else { return close(.closed("the channel is not there any more")) }
        for frame in frames { context.write(wrapOutboundOut(frame), promise: nil) }
        if !frames.isEmpty { context.flush() }
    }

    /// One timer at a time; it is only replaced by an earlier one, and looks again when it fires.
    private func scheduleTimer() {
        guard let deadline = machine.nextDeadline else { return }
        if let timer, timer.deadline <= deadline { return }
        timer?.scheduled.cancel()
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        timer = (deadline, eventLoop.scheduleTask(deadline: deadline) { bound.value.timerFired() })
    }

    private func timerFired() {
        timer = nil
        let closed = ConnectionError.closed("a request before this one had no response in time")
        guard let (late, others) = machine.expire(at: .now(), error: closed) else { return scheduleTimer() }
        if let late { late.promise.fail(ConnectionError.requestTimedOut(late.apiKey)) }
        for pending in others { pending.promise.fail(closed) }
        context?.close(promise: nil)
    }
}

extension ClientChannelHandler {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        close(.closed("the channel was torn down"))
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data).bytes
        guard let correlationID = bytes.getInteger(at: bytes.readerIndex, as: Int32.self) else {
            return close(.malformedResponse("a frame of \(bytes.readableBytes) bytes has no correlation id"))
        }
        switch machine.received(correlationID: correlationID) {
        case .complete(let pending, let frames):
            write(frames)
            guard let pending else { return }
            complete(pending, &bytes)
        case .fail(let all, let error):
            for pending in all { pending.promise.fail(error) }
            context.close(promise: nil)
        case .ignore:
            break
        }
    }

    private func complete(_ pending: PendingRequest, _ bytes: inout ByteBuffer) {
        var reader = WireReader(bytes)
        do throws(WireError) {
            _ = try ResponseHeader(from: &reader, version: pending.responseHeaderVersion)
            pending.promise.succeed(reader.buffer)
        } catch {
            let failure = ConnectionError.malformedResponse("header of \(pending.apiKey): \(error)")
            pending.promise.fail(failure)
            close(failure)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        close(.closed("by the broker"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? FrameError {
            close(.malformedResponse("\(error)"))
        } else {
            close(.closed("\(error)"))
        }
    }
}
