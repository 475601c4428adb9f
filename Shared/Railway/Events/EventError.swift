/// Why bytes, headers or a value are no event of ours. The description is a sentence for a log line.
public enum EventError: Error, Hashable, Sendable {
    /// The value is larger than an event may be.
    case tooLarge(bytes: Int, maximum: Int)
    /// The value cannot be read; the text names the field and what is wrong with it.
    case malformed(String)
    /// A CloudEvents attribute is missing or wrong; the text names the header.
    case invalidAttributes(String)
    /// The event is well-formed but names a line or a stop that this network does not have.
    case notInNetwork(String)
}

extension EventError: CustomStringConvertible {
    /// A sentence for a log line.
    public var description: String {
        switch self {
        case .tooLarge(let bytes, let maximum): "the event has \(bytes) bytes; at most \(maximum) are allowed"
        case .malformed(let reason): "the event cannot be read: \(reason)"
        case .invalidAttributes(let reason): "the event's attributes cannot be read: \(reason)"
        case .notInNetwork(let reason): "the event is not of this network: \(reason)"
        }
    }
}

extension Decoder {
    /// A decoding error at this place with our own sentence.
    func refusal(_ sentence: String) -> DecodingError {
        DecodingError.dataCorrupted(DecodingError.Context(codingPath: codingPath, debugDescription: sentence))
    }

    /// Checks a decoded text's length; throws a sentence that names what it is.
    func check(_ text: String, _ what: String, maximumBytes: Int = 1024) throws {
        guard text.utf8.count <= maximumBytes else {
            throw refusal("\(what) has \(text.utf8.count) bytes; at most \(maximumBytes) are allowed")
        }
    }
}
