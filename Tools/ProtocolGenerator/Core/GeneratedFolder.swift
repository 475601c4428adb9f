import Foundation

/// Definitions and generated files on disk.
public enum GeneratedFolder {
    /// The text of every file in a folder whose name ends so, by file name.
    public static func read(_ folder: URL, suffix: String) throws -> [String: String] {
        var files: [String: String] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasSuffix(suffix) {
            files[name] = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        }
        return files
    }

    /// Makes the folder hold exactly these Swift files; files that are the same already keep their time.
    public static func replace(_ folder: URL, with files: [String: String]) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let present = try read(folder, suffix: ".swift")
        for name in present.keys where files[name] == nil {
            try FileManager.default.removeItem(at: folder.appendingPathComponent(name))
        }
        for (name, text) in files where present[name] != text {
            try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
        }
    }
}
