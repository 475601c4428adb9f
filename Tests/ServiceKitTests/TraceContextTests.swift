import ServiceKit
import Testing

@Suite("W3C trace context", .tags(.unit))
struct TraceContextTests {
    private static let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test("A valid traceparent is read and written back")
    func roundTrip() throws {
        let context = try #require(TraceContext(traceparent: Self.valid, tracestate: "rojo=00f067aa0ba902b7"))
        #expect(context.traceID == TraceID(high: 0x0af7_6519_16cd_43dd, low: 0x8448_eb21_1c80_319c))
        #expect(context.spanID == SpanID(0xb7ad_6b71_6920_3331))
        #expect(context.isSampled)
        #expect(context.state == "rojo=00f067aa0ba902b7")
        #expect(context.traceparent == Self.valid)
    }

    @Test(
        "Only the sampled flag is kept",
        arguments: [("00", false), ("01", true), ("02", false), ("03", true), ("ff", true)])
    func flags(flags: String, sampled: Bool) throws {
        let text = String(Self.valid.dropLast(2)) + flags
        #expect(try #require(TraceContext(traceparent: text)).isSampled == sampled)
    }

    @Test(
        "A higher version is read as version 00, with or without more parts",
        arguments: ["", "-", "-what-the-future-will-be-like", "-00"])
    func futureVersions(rest: String) throws {
        let text = "cc" + Self.valid.dropFirst(2) + rest
        #expect(try #require(TraceContext(traceparent: text)).traceparent == Self.valid)
    }

    @Test(
        "An invalid traceparent is ignored, and its tracestate with it",
        arguments: [
            // Version: ff is refused, 00 has no more parts, only two lower-case digits.
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-will-be-like",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what-the-future-will-not-be-like",
            ".0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "000-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            // Trace id: all zero, wrong signs, upper case, too long, too short.
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-.af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c0-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            // Span id likewise.
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-.7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b71692033310-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01",
            "00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01",
            // Flags likewise.
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-.0",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0.",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-001",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            // Separators, spaces and nothing at all.
            "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "", "-", "---", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-é",
        ])
    func invalidParents(text: String) {
        #expect(TraceContext(traceparent: text, tracestate: "a=1") == nil)
    }

    @Test(
        "A valid tracestate is passed on, members trimmed and empty ones left out",
        arguments: [
            ("foo=1,bar=2", "foo=1,bar=2"), ("foo=1 \t, \tbar=2", "foo=1,bar=2"), ("foo=1,", "foo=1"),
            ("foo=1,,bar=2", "foo=1,bar=2"), ("foo@bar=1", "foo@bar=1"), ("0tenant@sys=1", "0tenant@sys=1"),
            ("a_-*/=! ~", "a_-*/=! ~"), ("", ""), ("\(String(repeating: "z", count: 256))=1", nil),
        ] as [(String, String?)])
    func validStates(text: String, expected: String?) throws {
        let context = try #require(TraceContext(traceparent: Self.valid, tracestate: text))
        #expect(context.state == expected ?? text)
    }

    @Test(
        "An invalid tracestate is dropped as a whole; the traceparent stays",
        arguments: [
            "foo=1,foo=2", "foo", "foo =1", "FOO=1", "foo.bar=1", "foo@=1", "@foo=1", "foo@@bar=1", "foo@bar@baz=1",
            "foo@1bar=1", "1foo=1", "foo=", "foo=bar=baz", "foo=é", "foo=a\u{1}b",
            "\(String(repeating: "z", count: 257))=1", "\(String(repeating: "t", count: 242))@v=1",
            "t@\(String(repeating: "v", count: 15))=1", "foo=\(String(repeating: "v", count: 257))",
            (0..<33).map { "k\($0)=\($0)" }.map { "a" + $0 }.joined(separator: ","),
        ])
    func invalidStates(text: String) throws {
        let context = try #require(TraceContext(traceparent: Self.valid, tracestate: text))
        #expect(context.state == "")
    }

    @Test("32 members of tracestate are kept")
    func manyMembers() throws {
        let text = (0..<32).map { "k\($0)=\($0)" }.joined(separator: ",")
        #expect(try #require(TraceContext(traceparent: Self.valid, tracestate: text)).state == text)
    }
}
