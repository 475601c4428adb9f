import Foundation
import KafkaMessages
import KafkaWire
import Testing

@testable import BrokerServer

@Suite("docs/protocol-support.md")
struct ProtocolSupportTests {
    private static let document = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "docs/protocol-support.md")

    @Test("the table says of every API what ApiVersions answers", .timeLimit(.minutes(1)))
    func tableIsTrue() async throws {
        let text = try String(contentsOf: Self.document, encoding: .utf8)
        let rows = text.split(separator: "\n").compactMap { line -> String? in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count >= 3, Int(cells[1]) != nil else { return nil }
            return cells[0...2].joined(separator: " ")
        }
        try await withBroker { broker in
            let connection = try await broker.connect()
            let response = try await connection.call(
                ApiVersionsRequest(clientSoftwareName: "tests", clientSoftwareVersion: "1.0"))
            let served = response.apiKeys.map { api in
                let name = MessageRegistry.all.first { $0.apiKey.rawValue == api.apiKey }?.name ?? "?"
                return "\(name) \(api.apiKey) \(api.minVersion)-\(api.maxVersion)"
            }
            #expect(rows == served)
        }
    }
}
