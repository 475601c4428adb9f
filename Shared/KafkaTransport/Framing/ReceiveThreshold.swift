import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How many bytes have to have come before a socket counts as readable (`SO_RCVLOWAT`).
///
/// The kernel keeps them until then, grows the socket's buffer for them, and wakes us sooner when it cannot.
struct ReceiveThreshold {
    /// The kernel keeps half of its largest receive buffer: 3 MiB where nobody changed `net.ipv4.tcp_rmem`.
    static let maximumBytes = 2 * 1024 * 1024

    private(set) var bytes = 1

    /// Does nothing when it is so already.
    mutating func set(_ bytes: Int, on channel: any Channel) throws {
        guard bytes != self.bytes, let options = channel.syncOptions else { return }
        try options.setOption(
            ChannelOptions.Types.SocketOption(level: .socket, name: .init(rawValue: SO_RCVLOWAT)),
            value: SocketOptionValue(bytes))
        self.bytes = bytes
    }
}
