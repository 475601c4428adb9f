import Tracing

/// A trace's id: 16 bytes, not all zero.
public struct TraceID: Sendable, Hashable, CustomStringConvertible {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// 32 lower-case hexadecimal digits.
    public var description: String { hexadecimal(high, digits: 16) + hexadecimal(low, digits: 16) }
}

/// A span's id inside its trace: 8 bytes, not all zero.
public struct SpanID: Sendable, Hashable, CustomStringConvertible {
    public var value: UInt64

    public init(_ value: UInt64) {
        self.value = value
    }

    /// 16 lower-case hexadecimal digits.
    public var description: String { hexadecimal(value, digits: 16) }
}

/// The position in a trace that travels from service to service, as W3C Trace Context (level 1) defines it.
public struct TraceContext: Sendable, Hashable {
    /// The header (of a record or an HTTP request) that carries ids and flags.
    public static let parentHeader = "traceparent"
    /// The header that carries other systems' own data, passed on as it is.
    public static let stateHeader = "tracestate"

    public var traceID: TraceID
    /// The span that works now; the parent of the next.
    public var spanID: SpanID
    /// True when whoever started the trace chose to record it.
    public var isSampled: Bool
    /// The `tracestate` text, valid or empty.
    public var state: String

    public init(traceID: TraceID, spanID: SpanID, isSampled: Bool, state: String = "") {
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
        self.state = state
    }

    /// `00-<trace id>-<span id>-<flags>`.
    public var traceparent: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }

    /// Reads the two headers; `nil` when `traceparent` is not valid, an empty state when only `tracestate` is not.
    ///
    /// W3C Trace Context 3.2: lower-case hexadecimal only, no all-zero ids, version ff refused; a version above 00
    /// may have more parts after the flags.
    public init?(traceparent: String, tracestate: String? = nil) {
        let text = Array(traceparent.utf8)
        let dash = UInt8(ascii: "-")
        guard text.count >= 55, text[2] == dash, text[35] == dash, text[52] == dash,
            let version = Self.hexadecimal(text[0..<2]), version != 0xff,
            let high = Self.hexadecimal(text[3..<19]), let low = Self.hexadecimal(text[19..<35]),
            let span = Self.hexadecimal(text[36..<52]), let flags = Self.hexadecimal(text[53..<55]),
            high != 0 || low != 0, span != 0
        else { return nil }
        if text.count > 55, version == 0 || text[55] != dash { return nil }
        self.init(
            traceID: TraceID(high: high, low: low), spanID: SpanID(span), isSampled: flags & 1 == 1,
            state: Self.validState(tracestate ?? ""))
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }

    /// The members joined by commas, or nothing when any is wrong, doubled, or there are more than 32.
    private static func validState(_ text: String) -> String {
        var keys: Set<Substring> = []
        var members: [Substring] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: true) {
            let member = trimmed(part)
            if member.isEmpty { continue }
            guard let equals = member.firstIndex(of: "=") else { return "" }
            let key = member[..<equals]
            let value = member[member.index(after: equals)...]
            guard isStateKey(key), isStateValue(value), keys.insert(key).inserted else { return "" }
            members.append(member)
        }
        return members.count > 32 ? "" : members.joined(separator: ",")
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }

    /// `vendor` or `tenant@vendor`, of lower-case letters, digits and `_-*/`.
    private static func isStateKey(_ key: Substring) -> Bool {
        let parts = key.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { return false }
        let limits = parts.count == 2 ? [241, 14] : [256]
        for (index, part) in parts.enumerated() {
            guard let first = part.utf8.first, part.utf8.count <= limits[index] else { return false }
            let isLetter = first >= UInt8(ascii: "a") && first <= UInt8(ascii: "z")
            let isDigit = first >= UInt8(ascii: "0") && first <= UInt8(ascii: "9")
            guard isLetter || (isDigit && parts.count == 2 && index == 0) else { return false }
            guard part.utf8.allSatisfy({ "abcdefghijklmnopqrstuvwxyz0123456789_-*/".utf8.contains($0) }) else {
                return false
            }
        }
        return true
    }

    private static func isStateValue(_ value: Substring) -> Bool {
        !value.isEmpty && value.utf8.count <= 256 && value.utf8.last != 0x20
            && value.utf8.allSatisfy { $0 >= 0x20 && $0 <= 0x7e && $0 != UInt8(ascii: "=") }
    }
}

private enum TraceContextKey: ServiceContextKey {
    typealias Value = TraceContext
    static var nameOverride: String? { "trace-context" }
}

extension ServiceContext {
    /// The trace that this context's work belongs to; `nil` when it belongs to none.
    public var traceContext: TraceContext? {
        get { self[TraceContextKey.self] }
        set { self[TraceContextKey.self] = newValue }
    }
}
