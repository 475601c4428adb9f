import Foundation
import ProtocolGeneratorCore

// Usage: ProtocolGenerator [ROOT], where ROOT is the repository; the present folder without it.

let root = URL(fileURLWithPath: CommandLine.arguments.dropFirst().first ?? ".", isDirectory: true)

do {
    let messages = root.appendingPathComponent("Shared/KafkaMessages")
    let samples = root.appendingPathComponent("Tests/KafkaMessagesTests/Generated")
    let definitions = try GeneratedFolder.read(messages.appendingPathComponent("Definitions"), suffix: ".kdef")
    let output = try ProtocolGenerator().generate(from: definitions)
    try GeneratedFolder.replace(messages.appendingPathComponent("Generated"), with: output.messages)
    try GeneratedFolder.replace(samples, with: output.samples)
    try GeneratedFolder.replace(root.appendingPathComponent("Tests/Fuzz/Targets/Generated"), with: output.fuzzing)
    print("\(definitions.count) definitions: \(output.messages.count) message files, \(output.samples.count) samples")
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
