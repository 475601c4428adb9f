import Foundation

/// The repository that this test was built from, as files.
enum Repository {
    /// The folder that holds Package.swift.
    static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// A file of ours: its path from the root and its lines.
    struct SourceFile: Sendable, CustomStringConvertible {
        let path: String
        let lines: [String]

        var description: String { path }
        var isGenerated: Bool { path.contains("/Generated/") }
    }

    /// Every Swift file of ours, in the order of their paths; built and fetched files are not ours.
    static let swiftFiles: [SourceFile] = files(withExtensions: ["swift"])
    /// Every script of ours.
    static let scripts: [SourceFile] = files(withExtensions: ["py", "sh"])

    static func files(withExtensions extensions: Set<String>) -> [SourceFile] {
        var found = [SourceFile]()
        for folder in ["Shared", "Services", "Tests", "Tools", "Benchmarks"] {
            let paths = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
            while let path = paths?.nextObject() as? String {
                guard extensions.contains((path as NSString).pathExtension), !path.contains(".build/") else { continue }
                if let file = read("\(folder)/\(path)") { found.append(file) }
            }
        }
        found += ["Package.swift"].compactMap { extensions.contains("swift") ? read($0) : nil }
        return found.sorted { $0.path < $1.path }
    }

    /// One file by its path from the root; `nil` when it is not there or no text.
    static func read(_ path: String) -> SourceFile? {
        guard let text = try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8) else { return nil }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return SourceFile(path: path, lines: lines)
    }

    /// The names in a folder, sorted, without hidden ones.
    static func names(in folder: String) -> [String] {
        let path = root.appendingPathComponent(folder).path
        return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
            .filter { !$0.hasPrefix(".") }.sorted()
    }

    /// The folder that holds the executables built together with this test.
    static let executables: URL = {
        let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: link ?? CommandLine.arguments[0]).deletingLastPathComponent()
    }()
}
