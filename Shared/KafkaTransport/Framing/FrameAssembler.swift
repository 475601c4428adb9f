import NIOCore

/// Why a stream of bytes stopped being frames. The connection cannot be used any further.
public enum FrameError: Error, Hashable, Sendable {
    /// A length prefix below zero.
    case negativeLength(Int32)
    /// A length prefix above the bound; not one byte of that frame was buffered.
    case tooLarge(length: Int, limit: Int)
    /// Others waited for memory while this frame went on beyond the limits and brought less than it had to.
    case stalled(receivedBytes: Int, needed: Int, within: TimeAmount)
}

extension FrameError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .negativeLength(let length): "frame length \(length) is negative"
        case .tooLarge(let length, let limit): "frame of \(length) bytes is over the limit of \(limit)"
        case .stalled(let received, let needed, let time):
            "\(received) bytes of a begun frame within \(time.nanoseconds / 1_000_000) ms,"
                + " at least \(needed) are needed while others wait for memory"
        }
    }
}

/// Cuts a byte stream into frames: a 32-bit big-endian length, then that many bytes.
///
/// A frame that arrived within one read is a slice of that read; one that spans reads is collected in a buffer of
/// its own, which grows with what has really arrived and never with what the prefix claims.
public struct FrameAssembler: Sendable {
    /// The first reservation for a frame that spans reads; more is reserved as bytes come in.
    public static let firstReservationBytes = 1024 * 1024

    /// The largest length accepted.
    public let maximumFrameBytes: Int

    private var input = ByteBuffer()
    private var prefix = ByteBuffer()
    private var collected = ByteBuffer()
    /// The length of the frame being collected, if one is.
    private var collectedLength: Int?

    public init(maximumFrameBytes: Int) {
        self.maximumFrameBytes = maximumFrameBytes
    }

    /// Bytes held for a frame that is not complete.
    public var bufferedBytes: Int { collected.readableBytes }
    /// Whether a frame was begun whose length is known and which is not complete.
    public var isCollecting: Bool { collectedLength != nil }
    /// What the frame being collected lacks.
    public var missingBytes: Int { collectedLength.map { $0 - collected.readableBytes } ?? 0 }

    /// Gives the next read; ``next()`` must have returned `nil` before.
    public mutating func receive(_ bytes: ByteBuffer) {
        precondition(input.readableBytes == 0, "the previous read has to be cut before the next one is given")
        input = bytes
    }

    /// The next complete frame without its prefix, or `nil` when more bytes are needed.
    public mutating func next() throws(FrameError) -> ByteBuffer? {
        if let length = collectedLength { return collect(length: length) }
        guard let length = try nextLength() else { return nil }
        if let whole = input.readSlice(length: length) { return whole }
        collected.reserveCapacity(min(length, Self.firstReservationBytes))
        collectedLength = length
        return collect(length: length)
    }

    /// Lets `read` write the next bytes of the frame being collected to where they stay; ``next()`` tells whether that
    /// completed it.
    ///
    /// - Parameter read: is given room for at most `maxBytes` and says how many bytes it wrote there.
    /// - Returns: what `read` did.
    mutating func fill(upTo maxBytes: Int, _ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        let room = min(missingBytes, maxBytes)
        return collected.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
            max(0, read(UnsafeMutableRawBufferPointer(rebasing: target[..<room])))
        }
    }

    /// Moves what is there into the frame being collected; the frame when that completes it.
    private mutating func collect(length: Int) -> ByteBuffer? {
        if var part = input.readSlice(length: min(length - collected.readableBytes, input.readableBytes)) {
            collected.writeBuffer(&part)
        }
        guard collected.readableBytes == length else {
            input = ByteBuffer()
            return nil
        }
        collectedLength = nil
        defer { collected = ByteBuffer() }
        return collected
    }

    /// The next length prefix, which may itself be spread over reads.
    private mutating func nextLength() throws(FrameError) -> Int? {
        let width = MemoryLayout<Int32>.size
        if prefix.readableBytes == 0, let length = input.readInteger(as: Int32.self) {
            return try checked(length)
        }
        if var part = input.readSlice(length: min(width - prefix.readableBytes, input.readableBytes)) {
            prefix.writeBuffer(&part)
        }
        guard prefix.readableBytes == width, let length = prefix.readInteger(as: Int32.self) else {
            input = ByteBuffer()
            return nil
        }
        prefix.clear()
        return try checked(length)
    }

    private func checked(_ length: Int32) throws(FrameError) -> Int {
        if length < 0 { throw .negativeLength(length) }
        if Int(length) > maximumFrameBytes { throw .tooLarge(length: Int(length), limit: maximumFrameBytes) }
        return Int(length)
    }
}
