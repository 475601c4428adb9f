import Foundation
import Testing

@Suite("Imports follow the layers")
struct ImportTests {
    /// Every module of this package with the folder of its target, as Package.swift declares them.
    static let modules: [String: String] = {
        let text = Repository.read("Package.swift")?.lines.joined(separator: "\n") ?? ""
        var found = [String: String]()
        let patterns = [
            #"\b[a-z]\w*\(\s*"(\w+)",\s*"([\w/.-]+/[\w/.-]+)""#,
            #"name:\s*"(\w+)"[^()]*?path:\s*"([^"]+)""#,
        ]
        for pattern in patterns {
            guard let expression = try? NSRegularExpression(pattern: pattern) else { continue }
            for match in expression.matches(in: text, range: NSRange(text.startIndex..., in: text)) {
                guard let name = Range(match.range(at: 1), in: text), let path = Range(match.range(at: 2), in: text)
                else { continue }
                found[String(text[name])] = String(text[path])
            }
        }
        return found
    }()

    /// The module that a line imports, whatever stands before and behind it.
    static func importedModule(_ line: String) -> String? {
        var words = line.split(separator: " ").map(String.init)
        while let first = words.first,
            first.hasPrefix("@") || ["public", "package", "internal", "fileprivate", "private"].contains(first)
        {
            words.removeFirst()
        }
        guard words.first == "import", words.count >= 2 else { return nil }
        let kinds: Set = ["struct", "class", "enum", "protocol", "func", "typealias", "let", "var"]
        let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
        return name.split(separator: ".").first.map(String.init)
    }

    @Test(
        "An import is read with its attributes, access level and kind",
        arguments: [
            ("import NIOCore", "NIOCore"), ("@testable import Storage", "Storage"),
            ("@_exported public import KafkaWire", "KafkaWire"), ("import struct Foundation.Date", "Foundation"),
            ("important work", nil), ("// import NIOCore", nil),
        ])
    func parsing(line: String, module: String?) {
        #expect(Self.importedModule(line) == module)
    }

    @Test("Package.swift declares every module with a folder that is there")
    func declared() {
        #expect(Self.modules.count >= 10)
        for (module, folder) in Self.modules {
            let exists = FileManager.default.fileExists(atPath: Repository.root.appendingPathComponent(folder).path)
            #expect(exists, "\(module): \(folder)")
        }
    }

    @Test("Every folder of sources has its row in the table")
    func complete() {
        for file in Repository.swiftFiles where file.path.hasPrefix("Shared/") || file.path.hasPrefix("Services/") {
            let known =
                Layer.of(file.path) != nil || Layer.unrestricted.contains { file.path.hasPrefix($0 + "/") }
                || file.path.hasPrefix("Services/Broker/Main/")
            #expect(known, "\(file.path): no row of Layers.swift fits it")
        }
    }

    @Test("A file imports only what its layer may", arguments: Layer.all)
    func layers(_ layer: Layer) {
        for file in Repository.swiftFiles where Layer.of(file.path)?.folder == layer.folder {
            for (index, line) in file.lines.enumerated() {
                guard let module = Self.importedModule(line) else { continue }
                let allowed = Self.allows(module, in: file, layer)
                #expect(allowed, "\(file.path):\(index + 1): \(layer.folder) may not import \(module)")
            }
        }
    }

    private static func allows(_ module: String, in file: Repository.SourceFile, _ layer: Layer) -> Bool {
        if Layer.standard.contains(module) || layer.own.contains(module) { return true }
        if let folder = modules[module] {
            // A thin executable imports its own library, which lies in the same service's folder.
            return folder.hasPrefix(layer.folder)
        }
        switch layer.outside {
        case .any: return true
        case .only(let names): return names.contains(module)
        }
    }

    @Test("An executable's entry has fewer than 40 lines")
    func thinExecutables() {
        let entries = Repository.swiftFiles.filter {
            $0.path.hasPrefix("Services/") && !$0.path.hasPrefix("Services/Signalbox/")
                && ($0.path.contains("/Main/") || $0.path.hasSuffix("/main.swift"))
        }
        for file in entries {
            #expect(file.lines.count < 40, "\(file.path) has \(file.lines.count) lines")
        }
    }
}
