import Foundation
import KafkaMessages
import KafkaWire
import ProtocolGeneratorCore
import Testing

@Suite("Generated files")
struct GeneratedFilesTests {
    private let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test("the committed files are what the definitions give; if not: make generate")
    func upToDate() throws {
        let messages = root.appendingPathComponent("Shared/KafkaMessages")
        let definitions = try GeneratedFolder.read(messages.appendingPathComponent("Definitions"), suffix: ".kdef")
        let output = try ProtocolGenerator().generate(from: definitions)
        let samples = root.appendingPathComponent("Tests/KafkaMessagesTests/Generated")
        try expectSame(GeneratedFolder.read(messages.appendingPathComponent("Generated"), suffix: ""), output.messages)
        try expectSame(GeneratedFolder.read(samples, suffix: ""), output.samples)
        let fuzzing = root.appendingPathComponent("Tests/Fuzz/Targets/Generated")
        try expectSame(GeneratedFolder.read(fuzzing, suffix: ""), output.fuzzing)
    }

    private func expectSame(_ committed: [String: String], _ generated: [String: String]) {
        #expect(committed.keys.sorted() == generated.keys.sorted())
        for (name, text) in generated where committed[name] != text {
            Issue.record("\(name) is not what its definition gives")
        }
    }

    @Test("no line of generated code is longer than 120 columns")
    func lineLength() throws {
        let definitions = try GeneratedFolder.read(
            root.appendingPathComponent("Shared/KafkaMessages/Definitions"), suffix: ".kdef")
        let output = try ProtocolGenerator().generate(from: definitions)
        for (name, text) in output.messages.merging(output.samples, uniquingKeysWith: { one, _ in one }) {
            let longest = text.split(separator: "\n").map(\.count).max() ?? 0
            #expect(longest <= 120, "\(name)")
        }
    }

    @Test(
        "a wrong definition is refused with file and line",
        arguments: [
            ("api X versions 0-1\nrequest\nresponse\n", 1, "`key` is missing"),
            ("schema X versions 0+\n  A int8\n", 1, "`versions` must be a closed range"),
            ("schema X versions 0-1\n  A int9\n", 2, "`int9` is no type"),
            ("schema X versions 0-1\n  A int8 odd\n", 2, "`odd` is not known here"),
            ("schema X versions 0-1\n  A int8 2+\n", 2, "is at no version of its parent"),
            ("schema X versions 0-1\n  A int8\n  A int8\n", 3, "repeats `A`"),
            ("schema X versions 0-1\n  A int8?\n", 2, "this type has no null"),
            ("schema X versions 0-1\n  A []B\n", 2, "`B` has no fields"),
            ("schema X versions 0-1\n   A int8\n", 2, "indent by two spaces a level"),
            ("schema X versions 0-1\n  A int8 = null\n", 2, "default null in a field that is not nullable"),
            ("schema X versions 0-1\n  A int8 tag 0\n", 2, "tags need a flexible version"),
            ("table X versions 0-1\n", 1, "starts with `api` or `schema`"),
            ("", 1, "starts with `api` or `schema`"),
        ])
    func wrongDefinitions(text: String, line: Int, reason: String) {
        let error = #expect(throws: DefinitionError.self) {
            try ProtocolGenerator().generate(from: ["X.kdef": text])
        }
        #expect(error?.description == "X.kdef:\(line): \(reason)")
    }
}

@Suite("Message registry")
struct MessageRegistryTests {
    @Test("each API has its key, its name and its versions")
    func entries() throws {
        let keys = MessageRegistry.all.map(\.apiKey.rawValue)
        #expect(keys == keys.sorted() && keys.contains(0) && keys.contains(75))
        let fetch = try #require(MessageRegistry[.fetch])
        #expect(fetch.name == "Fetch")
        #expect(fetch.versions == FetchRequest.versions)
        #expect(APIKey.fetch.name == "Fetch")
        #expect(APIKey(rawValue: 999).name == "API_999")
        #expect(MessageRegistry[APIKey(rawValue: 999)] == nil)
    }

    @Test("headers are flexible with their message, but for the ApiVersions response")
    func headers() {
        #expect(ProduceRequest.requestHeaderVersion(8) == 1)
        #expect(ProduceRequest.requestHeaderVersion(9) == 2)
        #expect(ProduceRequest.responseHeaderVersion(8) == 0)
        #expect(ProduceRequest.responseHeaderVersion(9) == 1)
        #expect(ApiVersionsRequest.requestHeaderVersion(3) == 2)
        #expect(ApiVersionsRequest.responseHeaderVersion(3) == 0)
        #expect(MessageRegistry.requestHeaderVersion(.apiVersions, version: 40) == 2)
        #expect(MessageRegistry.responseHeaderVersion(.apiVersions, version: 40) == 0)
        #expect(MessageRegistry.requestHeaderVersion(APIKey(rawValue: 999), version: 0) == nil)
    }
}
