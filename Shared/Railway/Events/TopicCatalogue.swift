/// The one place that says, for every topic: name, key, values, partitions, clean-up and who writes it.
public enum TopicCatalogue {
    /// Every topic.
    public static let all: [Topic] = Topic.allCases

    /// The topic of that name, or nil when it is none of ours.
    public static func topic(named name: String) -> Topic? {
        Topic(rawValue: name)
    }
}

/// A topic of the railway; the raw value is its name in the log.
public enum Topic: String, CaseIterable, Codable, Sendable {
    case stationEvents = "station-events"
    case arrivals
    case delays
    case alerts
    case notifications
    case subscriptions
    case spans

    /// The name in the log.
    public var name: String { rawValue }

    /// What a record's key is.
    public var keyType: TopicKeyType {
        switch self {
        case .stationEvents, .delays: .trip
        case .arrivals: .stationAndTrip
        case .alerts: .ruleAndSubject
        case .notifications, .subscriptions: .subscriber
        case .spans: .traceID
        }
    }

    /// The events it holds.
    public var eventTypes: [EventType] {
        switch self {
        case .stationEvents: [.stationArrived, .stationDeparted]
        case .arrivals: [.arrivalPredicted]
        case .delays: [.delayChanged]
        case .alerts: [.alertRaised, .alertCleared]
        case .notifications: [.notificationRequested, .notificationDelivered, .notificationFailed]
        case .subscriptions: [.subscriptionChanged]
        case .spans: [.spanEnded]
        }
    }

    /// Into how many partitions it is divided.
    public var partitions: Int {
        switch self {
        case .stationEvents, .arrivals, .delays, .notifications, .subscriptions: 6
        case .alerts: 1
        case .spans: 3
        }
    }

    /// How old records go.
    public var cleanupPolicy: TopicCleanupPolicy {
        switch self {
        case .arrivals, .subscriptions: .compact
        case .stationEvents, .delays, .alerts, .notifications, .spans: .delete
        }
    }

    /// `retention.ms`: -1 keeps facts for ever; spans are kept for six hours.
    public var retentionMilliseconds: Int64 {
        switch self {
        case .spans: 6 * 3_600_000
        case .stationEvents, .arrivals, .delays, .alerts, .notifications, .subscriptions: -1
        }
    }

    /// `segment.ms` where retention would otherwise wait for Kafka's seven days: only closed segments are deleted.
    public var segmentMilliseconds: Int64? {
        switch self {
        case .spans: 3_600_000
        case .stationEvents, .arrivals, .delays, .alerts, .notifications, .subscriptions: nil
        }
    }

    /// The one service that writes it.
    public var writer: TopicWriter {
        switch self {
        case .stationEvents: .station
        case .arrivals: .arrivals
        case .delays, .alerts: .delays
        case .notifications, .subscriptions: .notifications
        case .spans: .telemetry
        }
    }

    /// The topic's settings under Kafka's names, for CreateTopics.
    public var configuration: [(name: String, value: String)] {
        [("cleanup.policy", cleanupPolicy.rawValue), ("retention.ms", String(retentionMilliseconds))]
            + (segmentMilliseconds.map { [("segment.ms", String($0))] } ?? [])
    }
}

/// What the keys of a topic are, and how they are written.
public enum TopicKeyType: String, Codable, Sendable {
    /// `2022-10-11/M1/17`.
    case trip
    /// `NATION/2022-10-11/M1/17`.
    case stationAndTrip = "station/trip"
    /// `late-trip/2022-10-11/M1/17`.
    case ruleAndSubject = "rule/subject"
    /// A subscriber's id.
    case subscriber
    /// 32 hexadecimal digits.
    case traceID = "trace id"
}

/// Kafka's `cleanup.policy`.
public enum TopicCleanupPolicy: String, Codable, Sendable {
    case delete
    case compact
}

/// Who writes a topic.
public enum TopicWriter: String, Codable, Sendable {
    case station, arrivals, delays, notifications
    /// The exporter that every service carries.
    case telemetry
}
