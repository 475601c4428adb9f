/// How a notification reaches somebody; raw values as in the JSON.
public enum NotificationChannel: String, Codable, CaseIterable, Sendable {
    /// Server-sent events on an open page.
    case page
    /// Web Push.
    case push
}

/// What is to be told to whom, and why. Topic `notifications`, key subscriber.
public struct NotificationRequested: RailwayEvent {
    /// Deterministic: subscriber and the event that is the reason.
    public let notification: String
    /// To whom.
    public let subscriber: String
    /// By which way.
    public let channel: NotificationChannel
    /// The trip it is about.
    public let trip: TripID
    /// The station it is about.
    public let station: StationID
    /// The delay that crossed the threshold; negative is early.
    public let delaySeconds: Int
    /// The sentence people read.
    public let text: String
    /// Id of the event that is the reason.
    public let causeEventId: String
    /// Event time of that event.
    public let at: OffsetDateTime

    /// A notification of `delay` to `subscriber`.
    public init(subscriber: String, channel: NotificationChannel, delay: DelayChanged, text: String) {
        self.notification = "notification:\(subscriber):\(delay.eventID)"
        self.subscriber = subscriber
        self.channel = channel
        self.trip = delay.trip
        self.station = delay.station
        self.delaySeconds = delay.delaySeconds
        self.text = text
        self.causeEventId = delay.eventID
        self.at = delay.at
    }

    /// The topic it is told in.
    public static var topic: Topic { .notifications }
    /// Its `ce_type`.
    public var eventType: EventType { .notificationRequested }
    /// Follows from the content alone.
    public var eventID: String { "\(notification):requested" }
    /// The record's key.
    public var key: String { subscriber }
    /// When it happened, in event time.
    public var time: OffsetDateTime { at }
}

/// A notification has reached its reader. Topic `notifications`, key subscriber.
public struct NotificationDelivered: RailwayEvent {
    /// The ``NotificationRequested/notification`` that was delivered.
    public let notification: String
    /// To whom.
    public let subscriber: String
    /// By which way.
    public let channel: NotificationChannel
    /// When.
    public let at: OffsetDateTime

    /// The outcome of one notification on one channel.
    public init(notification: String, subscriber: String, channel: NotificationChannel, at: OffsetDateTime) {
        self.notification = notification
        self.subscriber = subscriber
        self.channel = channel
        self.at = at
    }

    /// The topic it is told in.
    public static var topic: Topic { .notifications }
    /// Its `ce_type`.
    public var eventType: EventType { .notificationDelivered }
    /// Follows from the content alone.
    public var eventID: String { "\(notification):delivered:\(channel.rawValue)" }
    /// The record's key.
    public var key: String { subscriber }
    /// When it happened, in event time.
    public var time: OffsetDateTime { at }
}

/// A notification will not reach its reader. Topic `notifications`, key subscriber.
public struct NotificationFailed: RailwayEvent {
    /// The ``NotificationRequested/notification`` that failed.
    public let notification: String
    /// To whom.
    public let subscriber: String
    /// By which way.
    public let channel: NotificationChannel
    /// What went wrong, a sentence.
    public let reason: String
    /// When it was given up.
    public let at: OffsetDateTime

    /// The outcome of one notification on one channel.
    public init(
        notification: String, subscriber: String, channel: NotificationChannel, reason: String, at: OffsetDateTime
    ) {
        self.notification = notification
        self.subscriber = subscriber
        self.channel = channel
        self.reason = reason
        self.at = at
    }

    /// The topic it is told in.
    public static var topic: Topic { .notifications }
    /// Its `ce_type`.
    public var eventType: EventType { .notificationFailed }
    /// Follows from the content alone.
    public var eventID: String { "\(notification):failed:\(channel.rawValue)" }
    /// The record's key.
    public var key: String { subscriber }
    /// When it happened, in event time.
    public var time: OffsetDateTime { at }
}
