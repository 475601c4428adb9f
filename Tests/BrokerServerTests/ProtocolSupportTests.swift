import KafkaMessages
import KafkaWire
import Testing

@testable import BrokerServer

@Suite("docs/protocol-support.md", .timeLimit(.minutes(5)))
struct ProtocolSupportTests {
    @Test("the file is what the registry says; `make documents` writes it")
    func fileIsGenerated() async throws {
        try await withBroker { broker in
            try GeneratedDocument("protocol-support.md").compare(
                ProtocolSupportDocument.text(of: broker.broker.registry))
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
