import Metadata
import Testing

@Suite("Patterns of names")
struct NamePatternTests {
    @Test(
        "a pattern matches whole names",
        arguments: [
            ("a", "a", true), ("a", "ab", false), ("", "", true), ("", "a", false), ("a.c", "abc", true),
            ("a.*", "a", true), ("a.*c", "abcbc", true), ("a+b?", "aaa", true), ("a+b?", "b", false),
            ("orders-\\d+", "orders-17", true), ("orders-\\d+", "orders-", false), ("(a|b)*c", "ababc", true),
            ("(?:ab|cd){2}", "abcd", true), ("(?:ab|cd){2}", "ab", false), ("a{1,3}", "aaa", true),
            ("a{1,3}", "aaaa", false), ("a{2,}", "a", false), ("a{2,}", "aaaa", true), ("[a-c_]+", "a_b", true),
            ("[^a-c]", "d", true), ("[^a-c]", "b", false), ("[\\w.-]+", "my.topic-1", true), ("[]a]", "]", true),
            ("^a$", "a", true), ("\\Aa\\z", "a", true), ("a^b", "ab", false), ("\\Qa.b\\E", "a.b", true),
            ("\\Qa.b\\E", "axb", false), ("(?i)ORDERS", "orders", true), ("a\\.b", "a.b", true),
            ("\\W", "-", true), ("[\\D]", "1", false), ("(?P<n>a)b", "ab", true), ("a{", "a{", true),
            ("(a|)b", "b", true), ("x*?y", "xxy", true), ("é", "é", true),
        ])
    func matching(pattern: String, name: String, isMatch: Bool) throws {
        #expect(try NamePattern(pattern).matches(name) == isMatch)
    }

    @Test(
        "what is no pattern is told so",
        arguments: [
            "(", ")", "[a", "a**", "*", "+a", "\\", "[b-a]", "a{3,2}", "a{2000}", "(?=a)", "\\y", "(?P<n", "{2}",
            "((a{100}){100}){100}",
        ])
    func problems(pattern: String) {
        #expect(throws: NamePattern.Problem.self) { try NamePattern(pattern) }
    }

    @Test("groups nested deeper than the bound are refused, not followed")
    func nesting() {
        let deep = String(repeating: "(", count: 100_000)
        #expect(throws: NamePattern.Problem.self) { try NamePattern(deep) }
    }

    @Test("a pattern that would take for ever by trying takes a moment")
    func linear() throws {
        let pattern = try NamePattern("(a*)*b(a|aa)+(x+x+)+y")
        #expect(!pattern.matches(String(repeating: "a", count: 5_000)))
    }
}
