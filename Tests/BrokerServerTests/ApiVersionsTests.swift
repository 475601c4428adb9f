import KafkaMessages
import KafkaWire
import NIOCore
import Testing

@testable import BrokerServer

@Suite("ApiVersions", .timeLimit(.minutes(5)))
struct ApiVersionsTests {
    /// Tier 0 of the protocol's table, with topic and group administration.
    private static let tierZero: [Int16: ClosedRange<Int16>] = [
        0: 0...13, 1: 4...18, 2: 1...11, 3: 0...13, 8: 2...10, 9: 1...10, 10: 0...6, 11: 0...9, 12: 0...4, 13: 0...5,
        14: 0...5, 15: 0...6, 16: 0...5, 18: 0...4, 19: 2...7, 20: 1...6, 22: 0...5,
    ]

    @Test("the broker serves tier 0 and what the messages cover, Produce advertised from 0, ascending by key")
    func listing() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let request = ApiVersionsRequest(clientSoftwareName: "tests", clientSoftwareVersion: "1.0")
            let response = try await connection.call(request)
            #expect(response.errorCode == .none)
            let ranges = response.apiKeys.map { ($0.apiKey, $0.minVersion...$0.maxVersion) }
            let served = Dictionary(uniqueKeysWithValues: ranges)
            #expect(served.filter { Self.tierZero[$0.key] != nil } == Self.tierZero)
            #expect(ranges.map(\.0) == ranges.map(\.0).sorted())
            for api in MessageRegistry.all {
                let lowest = api.apiKey == .produce ? 0 : api.versions.lowerBound
                let range = served[api.apiKey.rawValue]
                #expect(range == nil || range == lowest...api.versions.upperBound, "\(api.name)")
            }
        }
    }

    @Test(
        "a version that is not known is answered in version 0 with error 35 and the whole list",
        arguments: [
            Int16(5), 99, .max, -1, .min,
        ])
    func unknownVersion(version: Int16) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            var frame = ByteBuffer()
            frame.writeInteger(Int16(18))
            frame.writeInteger(version)
            frame.writeInteger(Int32(7))
            frame.writeString("whatever a later version may say")
            try await connection.send(frame: frame)
            let response = try await connection.receive(ApiVersionsRequest.self, version: 0, correlationID: 7)
            #expect(response.errorCode == .unsupportedVersion)
            #expect(Set(response.apiKeys.map(\.apiKey)).isSuperset(of: Self.tierZero.keys))
            // The connection goes on.
            #expect(try await connection.call(ApiVersionsRequest(), version: 0).errorCode == .none)
        }
    }

    @Test("a client's name that is no name is refused from version 3 on", arguments: ["", "-x", "x-", "a b", "é"])
    func clientName(name: String) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let request = ApiVersionsRequest(clientSoftwareName: name, clientSoftwareVersion: "1")
            #expect(try await connection.call(request, version: 3).errorCode == .invalidRequest)
        }
    }
}
