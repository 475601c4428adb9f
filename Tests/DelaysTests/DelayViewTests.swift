import EventStreams
import Railway
import ServiceKit
import Testing

@testable import DelaysService

@Suite("The view of delays")
struct DelayViewTests {
    private let network: Network

    init() throws {
        let stations = [
            StationDescription(id: "VINCENNES", runToNextSeconds: 300),
            StationDescription(id: "NATION", dwellSeconds: 20, runToNextSeconds: 180),
            StationDescription(id: "CHATELET"),
        ]
        network = try Network(
            NetworkDescription(timeZone: "Europe/Paris", lines: [LineDescription(id: "M1", stations: stations)]))
    }

    private func event(
        _ trip: Int, _ station: StationID, _ state: StationState, _ seconds: Int
    ) throws -> ReceivedRecord<StationEvent> {
        let begin = try #require(OffsetDateTime("2022-10-11T08:00:00+02:00"))
        let event = StationEvent(
            trip: try #require(TripID("2022-10-11/M1/\(trip)")), train: "\(trip)", station: station, state: state,
            at: begin.adding(seconds: seconds), platform: "1", sequence: 0)
        return .event(.init(event: event, source: "/stations/\(station)"))
    }

    @Test("An arrival that is read before its trip's departure counts once both are there, and once only")
    func order() throws {
        let view = DelayView(TripDelayRules(network: network))
        view.take([try event(1, "NATION", .arrived, 345)])
        #expect(view.summary.trips == 1 && view.summary.byStation.isEmpty)
        view.take([try event(1, "VINCENNES", .departed, 0), try event(1, "NATION", .arrived, 345)])
        #expect(view.summary.late == 1 && view.summary.maxDelaySeconds == 45)
        #expect(view.summary.byStation["NATION"]?.arrivals == 1)
        #expect(view.currentDelays(limit: 10).map(\.delaySeconds) == [45])
    }

    @Test("The summary's JSON has the keys that others rely on")
    func json() throws {
        let view = DelayView(TripDelayRules(network: network))
        view.take([try event(1, "VINCENNES", .departed, 0), try event(1, "NATION", .arrived, 345)])
        #expect(
            jsonText(view.summary)
                == #"{"byStation":{"NATION":{"arrivals":1,"late":1,"meanDelaySeconds":45}},"late":1,"#
                + #""maxDelaySeconds":45,"trips":1}"#)
    }

    @Test("Lateness is configured in whole seconds")
    func configuration() throws {
        let text = "[delays]\nlate_from = \"2m\""
        let configuration = try DelaysConfiguration(
            ConfigurationReader(try ConfigurationSource(text: text, path: "x.toml")))
        #expect(configuration.lateFromSeconds == 120)
        #expect(configuration.http.port == 8091)
    }
}
