import Foundation
import Testing

@Suite("Documents tell the truth")
struct DocumentTests {
    @Test("The README's service table has a row for each folder of Services/, and no other")
    func serviceTable() throws {
        let readme = try #require(Repository.read("README.md"))
        let head = try #require(readme.lines.firstIndex { $0.lowercased().hasPrefix("| service ") })
        let rows = readme.lines[(head + 2)...].prefix { $0.hasPrefix("|") }
        let named = rows.compactMap { row in
            row.split(separator: "|").first.map { cell in
                String(cell.prefix { $0 != "(" }).filter { $0.isLetter }
            }
        }
        #expect(named.map { $0.lowercased() }.sorted() == Repository.names(in: "Services").map { $0.lowercased() })
    }

    @Test("Every service has a README", arguments: Repository.names(in: "Services"))
    func serviceReadme(_ service: String) {
        #expect(Repository.read("Services/\(service)/README.md") != nil)
    }

    @Test("A link from a document leads to a file that is there")
    func links() throws {
        let link = try NSRegularExpression(pattern: #"\]\(([^)#\s]+)(#[^)]*)?\)"#)
        for name in Repository.names(in: "").filter({ $0.hasSuffix(".md") }) {
            let text = try #require(Repository.read(name)).lines.joined(separator: "\n")
            for match in link.matches(in: text, range: NSRange(text.startIndex..., in: text)) {
                guard let range = Range(match.range(at: 1), in: text), !text[range].contains(":") else { continue }
                let target = Repository.root.appendingPathComponent(String(text[range])).path
                #expect(FileManager.default.fileExists(atPath: target), "\(name): \(text[range])")
            }
        }
    }

    @Test("The licence is Apache 2.0")
    func licence() throws {
        let licence = try #require(Repository.read("LICENSE"))
        #expect(licence.lines.joined().contains("Apache License"))
    }
}
