import SystemPackage
import TOMLKit

/// A parsed TOML file together with the line of each of its keys.
struct ConfigurationDocument: Sendable {
    /// The file's path as given, for error messages; empty for "no file".
    let path: String
    let root: [String: ConfigurationValue]
    private let lines: [ConfigurationPath: Int]

    /// A configuration without a file: everything comes from the other sources.
    static let empty = ConfigurationDocument(path: "", root: [:], lines: [:])

    private init(path: String, root: [String: ConfigurationValue], lines: [ConfigurationPath: Int]) {
        self.path = path
        self.root = root
        self.lines = lines
    }

    /// Parses `text`; `path` is only for messages. Throws with the line that TOML's parser complains about.
    init(text: String, path: String) throws(ConfigurationError) {
        do {
            guard case .table(let root) = ConfigurationValue(try TOMLTable(string: text)) else {
                throw ConfigurationError("not a table", at: .file(path: path, line: 0))
            }
            self.init(path: path, root: root, lines: TOMLLineScan.lines(of: text))
        } catch let error as TOMLParseError {
            throw ConfigurationError(error.description, at: .file(path: path, line: error.source.begin.line))
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw ConfigurationError("\(error)", at: .file(path: path, line: 0))
        }
    }

    /// Reads and parses a file of at most 4 MiB.
    init(path: String) throws(ConfigurationError) {
        let text: String
        do {
            text = String(decoding: try readFile(path, limitBytes: 4 << 20), as: UTF8.self)
        } catch Errno.noSuchFileOrDirectory {
            throw ConfigurationError("no such file", at: .file(path: path, line: 0))
        } catch {
            throw ConfigurationError("cannot be read: \(error)", at: .file(path: path, line: 0))
        }
        try self.init(text: text, path: path)
    }

    func value(at path: ConfigurationPath) -> ConfigurationValue? {
        var value = ConfigurationValue.table(root)
        for segment in path.segments {
            switch value {
            case .table(let table):
                guard let next = table[segment] else { return nil }
                value = next
            case .array(let elements):
                guard let position = Int(segment.dropFirst().dropLast()), elements.indices.contains(position) else {
                    return nil
                }
                value = elements[position]
            case .string, .integer, .double, .bool, .date:
                return nil
            }
        }
        return value
    }

    /// The place of a key; the nearest enclosing table's, when the key has none of its own.
    func origin(of path: ConfigurationPath) -> ConfigurationOrigin {
        var path = path
        while !path.segments.isEmpty {
            if let line = lines[path] { return .file(path: self.path, line: line) }
            path = path.parent
        }
        return .file(path: self.path, line: 0)
    }

    /// The paths of all values that are not tables (or arrays of tables), in the order of their lines.
    func leaves() -> [ConfigurationPath] {
        var found: [ConfigurationPath] = []
        Self.collect(.table(root), at: ConfigurationPath(), into: &found)
        return found.sorted { (lines[$0] ?? 0, $0.description) < (lines[$1] ?? 0, $1.description) }
    }

    private static func collect(
        _ value: ConfigurationValue, at path: ConfigurationPath, into found: inout [ConfigurationPath]
    ) {
        switch value {
        case .table(let table):
            if table.isEmpty, !path.segments.isEmpty { found.append(path) }
            for (key, child) in table { collect(child, at: path.appending(key), into: &found) }
        case .array(let elements):
            let tables = elements.filter { if case .table = $0 { true } else { false } }
            if tables.isEmpty || tables.count < elements.count { return found.append(path) }
            for (index, child) in elements.enumerated() {
                collect(child, at: path.appending(ConfigurationPath.element(index)), into: &found)
            }
        case .string, .integer, .double, .bool, .date:
            found.append(path)
        }
    }
}

/// The bytes of a file; throws `Errno`, `.fileTooLarge` past the limit.
func readFile(_ path: String, limitBytes: Int) throws -> [UInt8] {
    let file = try FileDescriptor.open(FilePath(path), .readOnly)
    return try file.closeAfter {
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
            if count == 0 { return content }
            content.append(contentsOf: chunk[..<count])
            if content.count > limitBytes { throw Errno.fileTooLarge }
        }
    }
}
