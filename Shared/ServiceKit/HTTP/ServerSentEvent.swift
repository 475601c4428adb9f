import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// One event of an event stream, as the HTML standard's server-sent events define it.
public struct ServerSentEvent: Sendable, Equatable {
    /// What a client repeats as `Last-Event-ID` when it comes back; without line breaks.
    public var id: String?
    /// The event's name that a page listens for; `message` when absent.
    public var event: String?
    /// Any text, most often JSON.
    public var data: String

    public init(id: String? = nil, event: String? = nil, data: String) {
        self.id = id
        self.event = event
        self.data = data
    }

    /// The event's lines with the empty line that ends it.
    var buffer: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(data.utf8.count + 64)
        if let id { buffer.writeString("id: \(Self.line(id))\n") }
        if let event { buffer.writeString("event: \(Self.line(event))\n") }
        for part in data.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            buffer.writeString("data: ")
            buffer.writeSubstring(part)
            buffer.writeString("\n")
        }
        buffer.writeString("\n")
        return buffer
    }

    private static func line(_ text: String) -> String {
        text.filter { !$0.isNewline && $0 != "\0" }
    }
}

extension Request {
    /// The last event that a returning client has seen: the `Last-Event-ID` header, or `lastEventId` in the query,
    /// which pages use that opened the stream anew.
    public var lastEventID: String? {
        if let name = HTTPField.Name("Last-Event-ID"), let id = headers[name], !id.isEmpty { return id }
        return queryValue("lastEventId")
    }

    /// The decoded value of a query parameter, if there is one that is not empty.
    public func queryValue(_ name: String) -> String? {
        uri.queryParameters[name[...]].flatMap { $0.isEmpty ? nil : String($0) }
    }
}
