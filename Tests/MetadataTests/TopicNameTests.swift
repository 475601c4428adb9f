import Metadata
import Testing

@Suite("Topic name")
struct TopicNameTests {
    @Test(
        "letters, digits, dots, underscores and dashes, up to 249",
        arguments: [
            "a", "station-events", "A.b_C-9", "...", "__consumer_offsets", String(repeating: "x", count: 249),
        ])
    func allowed(name: String) {
        #expect(TopicName.problem(with: name) == nil)
    }

    static let refusedNames: [(String, String)] = [
        ("", "a topic's name may not be empty"),
        (".", "a topic's name may not be '.'"),
        ("..", "a topic's name may not be '..'"),
        (String(repeating: "x", count: 250), "a topic's name has at most 249 characters, this one has 250"),
        ("a b", "a topic's name has only letters, digits, '.', '_' and '-', not ' '"),
        ("a/b", "a topic's name has only letters, digits, '.', '_' and '-', not '/'"),
        ("größe", "a topic's name has only letters, digits, '.', '_' and '-', not 'ö'"),
        ("e\u{301}", "a topic's name has only letters, digits, '.', '_' and '-', not '\u{301}'"),
    ]

    @Test("everything else is refused with what is wrong", arguments: refusedNames)
    func refused(name: String, problem: String) {
        #expect(TopicName.problem(with: name) == problem)
    }
}
