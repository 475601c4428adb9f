import Foundation
import Testing

@Suite("Every file under config/ loads")
struct ConfigurationFileTests {
    /// Files that no process takes as its own configuration; those that name them read them.
    static let readByOthers: Set = ["network.toml", "topics.toml"]
    static let files = Repository.names(in: "config").filter { $0.hasSuffix(".toml") && !readByOthers.contains($0) }

    /// The command that runs with a file: `station-nation.toml` is for `station`.
    static func command(for file: String) -> [String] {
        let name = String(file.dropLast(".toml".count))
        if name == "embedded" { return ["signalbox", "up"] }
        return [name.hasPrefix("station-") ? "station" : name]
    }

    @Test("There is a file for every executable")
    func complete() {
        let commands = Set(Self.files.map { Self.command(for: $0)[0] })
        #expect(commands == ["broker", "station", "arrivals", "delays", "notifications", "dashboard", "signalbox"])
    }

    @Test("The executable takes it with --check", arguments: files)
    func loads(_ file: String) throws {
        let command = Self.command(for: file)
        let process = Process()
        process.executableURL = Repository.executables.appendingPathComponent(command[0])
        process.arguments = command.dropFirst() + ["--config", "config/\(file)", "--check"]
        process.currentDirectoryURL = Repository.root
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("SIGNALBOX_") }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(file): \(String(decoding: said, as: UTF8.self))")
    }
}
