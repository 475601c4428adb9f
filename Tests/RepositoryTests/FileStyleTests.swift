import Foundation
import Testing

/// A file and a line where a rule is broken, as an editor can open it.
private func place(_ file: Repository.SourceFile, _ index: Int) -> Comment {
    "\(file.path):\(index + 1): \(file.lines[index].trimmingCharacters(in: .whitespaces))"
}

@Suite("Files")
struct FileStyleTests {
    static let longestFile = 500
    static let longestLine = 120

    @Test("A file of ours has at most 500 lines, generated ones excepted")
    func length() {
        #expect(Repository.swiftFiles.count > 50)
        for file in Repository.swiftFiles + Repository.scripts where !file.isGenerated {
            #expect(file.lines.count <= Self.longestFile, "\(file.path) has \(file.lines.count) lines")
        }
    }

    @Test("A line has at most 120 columns, generated ones excepted")
    func width() {
        for file in Repository.swiftFiles + Repository.scripts where !file.isGenerated {
            for (index, line) in file.lines.enumerated() where line.count > Self.longestLine {
                Issue.record("\(line.count) columns: \(place(file, index))")
            }
        }
    }

    @Test("Lines are indented with spaces, and no line ends with one")
    func whitespace() {
        // In tests a line of a literal may end with a space.
        for file in Repository.swiftFiles where !file.isGenerated && !file.path.hasPrefix("Tests/") {
            for (index, line) in file.lines.enumerated() where line.last == " " || line.contains("\t") {
                Issue.record(place(file, index))
            }
        }
    }

    @Test("What could stop the process, or was left for later, is not in the tree", arguments: ForbiddenWord.all)
    func forbidden(_ word: ForbiddenWord) {
        for file in Repository.swiftFiles where !file.isGenerated && word.applies(to: file.path) {
            for (index, line) in file.lines.enumerated() where line.contains(word.text) {
                Issue.record("\(word.reason): \(place(file, index))")
            }
        }
    }

    @Test("What switches the compiler's data race checks off says why it is safe")
    func safety() {
        let words = ["@unchecked " + "Sendable", "nonisolated" + "(unsafe)"]
        for file in Repository.swiftFiles where !file.isGenerated {
            for (index, line) in file.lines.enumerated() {
                let code = line.trimmingCharacters(in: .whitespaces)
                guard !code.hasPrefix("//"), words.contains(where: line.contains) else { continue }
                let around = file.lines[max(0, index - 8)...index]
                #expect(around.contains { $0.contains("// Safety:") }, place(file, index))
            }
        }
    }
}

/// A word that must not be written, where that holds, and why. The words are put together here, so that this file
/// does not break its own rule.
struct ForbiddenWord: Sendable, CustomTestStringConvertible {
    let text: String
    let reason: String
    var onlyIn: String?
    var exceptIn: String?

    var testDescription: String { text }

    func applies(to path: String) -> Bool {
        if let onlyIn, !path.hasPrefix(onlyIn) { return false }
        if let exceptIn, path.contains(exceptIn) { return false }
        return true
    }

    static let all = [
        ForbiddenWord(text: "try" + "!", reason: "ends the process instead of throwing"),
        ForbiddenWord(text: "fatal" + "Error(", reason: "ends the process", exceptIn: "/Main/"),
        // The one place that may is `eventually`, which looks again until a deadline.
        ForbiddenWord(
            text: "Task" + ".sleep", reason: "a test waits for what it needs, not for time", onlyIn: "Tests/",
            exceptIn: "Tests/Support/"),
        ForbiddenWord(text: "Thread" + ".sleep", reason: "blocks a thread"),
        ForbiddenWord(text: "TO" + "DO", reason: "write an issue instead"),
        ForbiddenWord(text: "FIX" + "ME", reason: "write an issue instead"),
    ]
}
