import Foundation
import Testing

/// A file under `docs/` that is written from the broker's own tables.
struct GeneratedDocument {
    /// Set by `make documents`, which wants the files written and not only compared.
    private static let isWriting = ProcessInfo.processInfo.environment["WRITE_DOCUMENTS"] != nil

    private let file: URL

    init(_ name: String) {
        file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/\(name)")
    }

    /// Expects the file to be this text.
    func compare(_ text: String) throws {
        if Self.isWriting { try text.write(to: file, atomically: true, encoding: .utf8) }
        let lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
        #expect(lines == text.components(separatedBy: "\n"), "run `make documents`")
    }
}
