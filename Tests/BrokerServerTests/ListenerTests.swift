import KafkaMessages
import KafkaWire
import Testing

@testable import BrokerServer

@Suite("Listeners")
struct ListenerTests {
    @Test("a listening socket that closes by itself ends the broker with an error, connections or not")
    func lost() async throws {
        try await RestartTests.withFolder { folder in
            let broker = try await Broker.open(
                BrokerConfiguration(kafka: testSettings(folder: folder)), logger: quietLogger)
            let running = Task { try await broker.run() }
            let connection = try await TestConnection.open(port: broker.ports[0])
            #expect(try await connection.call(ApiVersionsRequest(), version: 0).errorCode == .none)
            try await broker.listeners[0].close()
            #expect(await connection.receiveFrame() == nil)
            await #expect(throws: ListenError.self) { try await running.value }
        }
    }

    @Test("without an advertised address, a listener says nothing about one")
    func plain() throws {
        let parsed = try Listener.parse(listeners: "PLAINTEXT://127.0.0.1:9092", advertised: nil)
        #expect(parsed == [Listener(name: "PLAINTEXT", host: "127.0.0.1", port: 9092)])
        #expect(!parsed[0].isWildcard)
    }

    @Test("several listeners keep their order and find their advertised addresses by name")
    func several() throws {
        let parsed = try Listener.parse(
            listeners: "IN://:9092, OUT://0.0.0.0:9093,SIX://[::1]:0",
            advertised: "OUT://broker.example:19093")
        #expect(
            parsed == [
                Listener(name: "IN", host: "", port: 9092),
                Listener(
                    name: "OUT", host: "0.0.0.0", port: 9093, advertised: .init(host: "broker.example", port: 19093)),
                Listener(name: "SIX", host: "::1", port: 0),
            ])
        #expect(parsed.map(\.isWildcard) == [true, true, false])
    }

    static let wrong: [(String, String?, String)] = [
        ("", nil, "listeners: names no address"),
        ("9092", nil, "listeners: '9092' is not of the form NAME://host:port"),
        ("A://host", nil, "listeners: 'A://host' is not of the form NAME://host:port"),
        ("A://host:", nil, "listeners: 'A://host:' is not of the form NAME://host:port"),
        ("A://host:65536", nil, "listeners: 'A://host:65536' is not of the form NAME://host:port"),
        ("A://host:-1", nil, "listeners: 'A://host:-1' is not of the form NAME://host:port"),
        ("://host:1", nil, "listeners: '://host:1' is not of the form NAME://host:port"),
        ("A://h:1,A://h:2", nil, "listeners: 'A' is there twice"),
        ("A://h:1", "B://h:1", "advertised.listeners: 'B' is not one of the listeners"),
        ("A://h:1", "A://:1", "advertised.listeners: 'A' needs a host and a port that clients can use"),
        ("A://h:1", "A://h:0", "advertised.listeners: 'A' needs a host and a port that clients can use"),
        (
            "SASL_SSL://h:1", nil,
            "listeners: 'SASL_SSL' names a security protocol that is not served, only PLAINTEXT is; "
                + "a listener of another name speaks it too"
        ),
        ("A://h:1", "nonsense", "advertised.listeners: 'nonsense' is not of the form NAME://host:port"),
    ]

    @Test("what is no listener is told with the setting and the text", arguments: wrong)
    func refused(listeners: String, advertised: String?, message: String) {
        do {
            _ = try Listener.parse(listeners: listeners, advertised: advertised)
            Issue.record("'\(listeners)' was accepted")
        } catch {
            #expect(error.description == message)
        }
    }
}
