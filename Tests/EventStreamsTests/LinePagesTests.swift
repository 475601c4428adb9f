import ServiceKit
import Testing

@testable import EventStreams

@Suite("What the line's pages have in common")
struct LinePagesTests {
    private func pages(_ overrides: [(String, String)] = []) throws -> LinePages {
        let overrides = overrides.map { ConfigurationOverride(key: $0, value: $1) }
        return try LinePages(
            ConfigurationReader(ConfigurationSource(file: nil, environment: [:], overrides: overrides)))
    }

    @Test("each page is on the visitor's host at its service's own port unless [links] says otherwise")
    func addresses() throws {
        let pages = try pages([("links.board", "https://boards.example/")])
        #expect(pages.addresses[.board] == "https://boards.example/")
        #expect(pages.addresses[.control] == "http://{host}:8080/")
        #expect(pages.addresses.count == LinePage.allCases.count)
    }
}
