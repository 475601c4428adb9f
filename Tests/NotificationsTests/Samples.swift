import Railway
import ServiceContextModule

@testable import NotificationsService

/// A small network and facts about it.
enum Sample {
    static let at = OffsetDateTime(Instant(seconds: 1_665_457_499), offsetSeconds: 7200)

    static func network() throws -> Network {
        try Network(
            NetworkDescription(
                timeZone: "Europe/Paris",
                lines: [
                    LineDescription(
                        id: "M1",
                        stations: [
                            StationDescription(id: "VINCENNES", name: "Vincennes", runToNextSeconds: 300),
                            StationDescription(id: "NATION", name: "Nation"),
                        ]),
                    LineDescription(
                        id: "M9",
                        stations: [
                            StationDescription(id: "NATION", runToNextSeconds: 100), StationDescription(id: "BUZENVAL"),
                        ]),
                ]))
    }

    static func delay(trip number: UInt32 = 1, seconds: Int = 120, station: StationID = "NATION") throws -> DelayChanged
    {
        let trip = TripID(serviceDate: try ServiceDate.sample, line: "M1", number: number)
        return DelayChanged(
            trip: trip, train: "\(number)", station: station, scheduled: at, at: at.adding(seconds: seconds),
            delaySeconds: seconds)
    }

    static func entry(_ offset: Int64, trip number: UInt32, subscriber: String = "ana") throws -> NotificationFeed.Entry
    {
        let request = NotificationRequested(
            subscriber: subscriber, channel: .page, delay: try delay(trip: number), text: "late")
        return NotificationFeed.Entry(request: request, offset: offset, context: .topLevel)
    }
}

extension ServiceDate {
    static var sample: ServiceDate {
        get throws {
            guard let date = ServiceDate("2022-10-11") else { throw NotASample() }
            return date
        }
    }

    struct NotASample: Error {}
}
