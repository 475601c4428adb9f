import Foundation
import KafkaMessages
import KafkaWire
import Testing

@testable import BrokerServer

@Suite("docs/protocol-support.md", .timeLimit(.minutes(1)))
struct ProtocolSupportTests {
    private static let document = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "docs/protocol-support.md")

    /// Set by `make protocol-support`, which wants the file written and not compared.
    private static let isWriting = ProcessInfo.processInfo.environment["WRITE_PROTOCOL_SUPPORT"] != nil

    @Test("the file is what the registry says; `make protocol-support` writes it")
    func fileIsGenerated() async throws {
        try await withBroker { broker in
            let text = ProtocolSupportDocument.text(of: broker.broker.registry)
            if Self.isWriting { try text.write(to: Self.document, atomically: true, encoding: .utf8) }
            let lines = try String(contentsOf: Self.document, encoding: .utf8).components(separatedBy: "\n")
            #expect(lines == text.components(separatedBy: "\n"), "run `make protocol-support`")
        }
    }

    @Test("ApiVersions answers what the registry says")
    func answer() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let response = try await connection.call(
                ApiVersionsRequest(clientSoftwareName: "tests", clientSoftwareVersion: "1.0"))
            let registered = broker.broker.registry.all.map { api in
                "\(api.key.rawValue) \(api.advertised.lowerBound)-\(api.advertised.upperBound)"
            }
            #expect(response.apiKeys.map { "\($0.apiKey) \($0.minVersion)-\($0.maxVersion)" } == registered)
        }
    }
}
