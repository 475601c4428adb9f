import Railway

/// A subscription as the interface shows it.
struct SubscriptionDocument: Encodable {
    let id: String
    let station: StationID
    let line: LineID?
    let thresholdSeconds: Int
    let hours: DailyHours?
    let at: OffsetDateTime

    init(_ subscription: SubscriptionChanged) {
        id = subscription.subscriber
        station = subscription.station
        line = subscription.line
        thresholdSeconds = subscription.thresholdSeconds
        hours = subscription.hours
        at = subscription.at
    }
}

/// A station as the page offers it.
struct StationDocument: Encodable {
    let id: StationID
    let name: String

    init(_ station: Station) {
        id = station.id
        name = station.name
    }
}
