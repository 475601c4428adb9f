import KafkaTransport
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@Suite("Frame decoder")
struct FrameDecoderTests {
    /// Counts the reads that get through to the socket.
    private final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = Never
        var count = 0

        func read(context: ChannelHandlerContext) { count += 1 }
    }

    /// A channel of a broker, where the test is the socket.
    private struct Harness {
        let channel = EmbeddedChannel()
        let reads = ReadCounter()

        /// How many bytes the socket waits for before it is readable.
        var threshold: Int? {
            channel.options.last { ($0.option as? ChannelOptions.Types.SocketOption)?.optionLevel == .socket }
                .flatMap { $0.value as? SocketOptionValue }.map { Int($0) }
        }

        init(_ admission: MemoryAdmission?, limit: Int = 1000) throws {
            try channel.pipeline.syncOperations.addHandlers(
                reads, FrameDecoder(maximumFrameBytes: limit, admission: admission))
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            channel.embeddedEventLoop.run()
            reads.count = 0
        }

        func receive(_ bytes: ByteBuffer) throws {
            try channel.writeInbound(bytes)
        }

        func nextFrame() throws -> InboundFrame? { try channel.readInbound(as: InboundFrame.self) }

        /// How many reads asking for one gives.
        func read() -> Int {
            let before = reads.count
            channel.read()
            channel.embeddedEventLoop.run()
            return reads.count - before
        }
    }

    private func frame(_ length: Int, of total: Int? = nil) -> ByteBuffer {
        var bytes = ByteBuffer(integer: Int32(total ?? length))
        bytes.writeRepeatingByte(1, count: length)
        return bytes
    }

    @Test("frames are charged from their first byte until they are let go")
    func charging() throws {
        let admission = MemoryAdmission(limitBytes: 1000)
        let harness = try Harness(admission)
        try harness.receive(frame(60, of: 100))
        #expect(admission.usedBytes == 60)
        #expect(try harness.nextFrame() == nil)
        try harness.receive(ByteBuffer(repeating: 1, count: 40))
        #expect(admission.usedBytes == 100)
        do {
            let frame = try #require(try harness.nextFrame())
            #expect(frame.bytes.readableBytes == 100)
        }
        #expect(admission.usedBytes == 0)
        _ = try harness.channel.finish()
    }

    @Test("half a frame's charge ends with its connection")
    func closing() throws {
        let admission = MemoryAdmission(limitBytes: 1000)
        let harness = try Harness(admission)
        try harness.receive(frame(60, of: 100))
        _ = try harness.channel.finish()
        #expect(admission.usedBytes == 0)
    }

    @Test("reading stops while the memory is used up and goes on when there is room")
    func holding() throws {
        let admission = MemoryAdmission(limitBytes: 100)
        let harness = try Harness(admission)
        #expect(harness.read() == 1)
        var charge: MemoryCharge? = MemoryCharge(bytes: 100, to: admission)
        withExtendedLifetime(charge) {}
        #expect(harness.read() == 0)
        #expect(harness.read() == 0)
        charge = nil
        harness.channel.embeddedEventLoop.run()
        #expect(harness.reads.count == 2)
        #expect(harness.read() == 1)
        _ = try harness.channel.finish()
    }

    @Test("a connection that ends while its reading is held is not read again")
    func goneWhileHeld() throws {
        let admission = MemoryAdmission(limitBytes: 100)
        let harness = try Harness(admission)
        admission.change(by: 100)
        #expect(harness.read() == 0)
        #expect(admission.waitingCount == 1)
        _ = try harness.channel.finish()
        #expect(admission.waitingCount == 0)
        admission.change(by: -100)
        harness.channel.embeddedEventLoop.run()
        #expect(harness.reads.count == 0)
    }

    @Test("begun frames that use up all memory are finished one after the other")
    func noDeadlock() throws {
        let admission = MemoryAdmission(limitBytes: 100)
        let first = try Harness(admission)
        let second = try Harness(admission)
        let idle = try Harness(admission)
        try first.receive(frame(60, of: 200))
        try second.receive(frame(60, of: 200))
        #expect(admission.isExhausted)
        #expect(first.read() == 1)
        #expect(second.read() == 0)
        #expect(idle.read() == 0)
        try first.receive(ByteBuffer(repeating: 1, count: 140))
        second.channel.embeddedEventLoop.run()
        idle.channel.embeddedEventLoop.run()
        #expect(second.reads.count == 1, "the second may finish now")
        #expect(idle.reads.count == 0, "nothing new is begun")
        try second.receive(ByteBuffer(repeating: 1, count: 140))
        #expect(first.read() == 0)
        #expect(try first.nextFrame()?.bytes.readableBytes == 200)
        #expect(try second.nextFrame()?.bytes.readableBytes == 200)
        for harness in [first, second, idle] { harness.channel.embeddedEventLoop.run() }
        #expect(idle.reads.count == 1)
        #expect(admission.usedBytes == 0)
        for harness in [first, second, idle] { _ = try harness.channel.finish() }
    }

    @Test("a finisher that goes away leaves the way to the next")
    func finisherGone() throws {
        let admission = MemoryAdmission(limitBytes: 100)
        let first = try Harness(admission)
        let second = try Harness(admission)
        try first.receive(frame(60, of: 200))
        try second.receive(frame(110, of: 200))
        #expect(first.read() == 1)
        #expect(second.read() == 0)
        _ = try first.channel.finish()
        second.channel.embeddedEventLoop.run()
        #expect(second.reads.count == 1)
        _ = try second.channel.finish()
        #expect(admission.usedBytes == 0)
    }

    @Test("a bad length is told and closes; what comes after it is not looked at", arguments: [Int32(-1), 1001])
    func badLength(length: Int32) throws {
        let admission = MemoryAdmission(limitBytes: 1000)
        let harness = try Harness(admission)
        var bytes = frame(3)
        bytes.writeInteger(length)
        bytes.writeRepeatingByte(1, count: 10)
        #expect(throws: FrameError.self) { try harness.receive(bytes) }
        #expect(try harness.nextFrame()?.bytes.readableBytes == 3)
        #expect(!harness.channel.isActive)
        harness.channel.pipeline.fireChannelRead(frame(5))
        #expect(try harness.nextFrame() == nil)
        #expect(admission.usedBytes == 0)
    }

    @Test("while frames that are not complete hold all they may, the rest of one is read when all of it is there")
    func wholeRests() throws {
        let admission = MemoryAdmission(limitBytes: 1000, partialLimitBytes: 100)
        let stalled = try Harness(admission)
        try stalled.receive(frame(90, of: 200))
        #expect(!admission.room.partial && admission.room.new)
        #expect(stalled.read() == 1 && stalled.threshold == 110)
        let other = try Harness(admission)
        #expect(other.read() == 1 && other.threshold == nil, "a new frame is begun as ever")
        try other.receive(frame(20, of: 100))
        #expect(other.read() == 1 && other.threshold == 80)
        try other.receive(ByteBuffer(repeating: 1, count: 80))
        #expect(try other.nextFrame()?.bytes.readableBytes == 100)
        #expect(other.read() == 1 && other.threshold == 1)
        _ = try stalled.channel.finish()
        #expect(admission.partialBytes == 0)
        try other.receive(frame(20, of: 100))
        #expect(other.read() == 1 && other.threshold == 1, "there is room again")
        _ = try other.channel.finish()
    }

    @Test("one that lacks more goes on alone, and is closed when it stalls while others wait")
    func longRests() throws {
        let admission = MemoryAdmission(limitBytes: 1000, partialLimitBytes: 100)
        let length = 3 << 20
        let stalled = try Harness(admission, limit: length)
        let other = try Harness(admission, limit: length)
        try stalled.receive(frame(90, of: length))
        try other.receive(frame(20, of: length))
        #expect(stalled.read() == 1)
        stalled.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(stalled.channel.isActive, "nobody waits for it")
        #expect(other.read() == 0)
        try stalled.receive(ByteBuffer(repeating: 1, count: FrameDecoder.minimumProgressBytes))
        stalled.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(stalled.channel.isActive, "it has come forward")
        #expect(throws: FrameError.self) {
            stalled.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            try stalled.channel.throwIfErrorCaught()
        }
        #expect(!stalled.channel.isActive)
        other.channel.embeddedEventLoop.run()
        #expect(other.reads.count == 1)
        _ = try other.channel.finish()
        #expect(admission.usedBytes == 0 && admission.partialBytes == 0)
    }
}
