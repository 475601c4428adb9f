/// The CloudEvents 1.0 attributes of an event, as they stand in a record's headers (binary mode of its Kafka binding).
public struct EventAttributes: Hashable, Sendable {
    /// Unique per source and fact. Ours follow from the event's content, so a repeat carries the same id.
    public var id: String
    /// What happened, such as `station.arrived`.
    public var type: EventType
    /// Who tells it, such as `/stations/NATION`.
    public var source: String
    /// When it happened, in event time.
    public var time: OffsetDateTime
    /// The version of CloudEvents.
    public let specversion = "1.0"

    /// Attributes of one event.
    public init(id: String, type: EventType, source: String, time: OffsetDateTime) {
        self.id = id
        self.type = type
        self.source = source
        self.time = time
    }

    /// Names of the record headers.
    public enum Header {
        /// Holds ``EventAttributes/id``.
        public static let id = "ce_id"
        /// Holds ``EventAttributes/type``.
        public static let type = "ce_type"
        /// Holds ``EventAttributes/source``.
        public static let source = "ce_source"
        /// Holds ``EventAttributes/time`` as RFC 3339.
        public static let time = "ce_time"
        /// Holds ``EventAttributes/specversion``.
        public static let specversion = "ce_specversion"
        /// Holds ``EventAttributes/contentType``.
        public static let contentType = "content-type"
    }

    /// Media type of every value.
    public static let contentType = "application/json"
    /// Longest text of an attribute that is read, in bytes.
    public static let maximumTextBytes = 1024

    /// The record headers, in a fixed order.
    public var headers: [(name: String, value: String)] {
        [
            (Header.id, id), (Header.type, type.rawValue), (Header.source, source),
            (Header.time, time.description), (Header.specversion, specversion),
            (Header.contentType, EventAttributes.contentType),
        ]
    }

    /// Reads the attributes; `header` gives a header's text by name, nil where there is none.
    ///
    /// `content-type` may be missing, but not another one than JSON.
    public init(header: (String) -> String?) throws(EventError) {
        func text(_ name: String) throws(EventError) -> String {
            guard let value = header(name), !value.isEmpty else { throw .invalidAttributes("\(name) is missing") }
            guard value.utf8.count <= EventAttributes.maximumTextBytes else {
                throw .invalidAttributes("\(name) has over \(EventAttributes.maximumTextBytes) bytes")
            }
            return value
        }
        let version = try text(Header.specversion)
        guard version == "1.0" else { throw .invalidAttributes("ce_specversion is '\(version)', not '1.0'") }
        let content = header(Header.contentType) ?? EventAttributes.contentType
        guard content.hasPrefix(EventAttributes.contentType) else {
            throw .invalidAttributes("content-type is '\(content.prefix(64))', not 'application/json'")
        }
        let typeText = try text(Header.type)
        guard let type = EventType(rawValue: typeText) else {
            throw .invalidAttributes("ce_type '\(typeText.prefix(64))' is not known")
        }
        let timeText = try text(Header.time)
        guard let time = OffsetDateTime(timeText) else {
            throw .invalidAttributes("ce_time '\(timeText.prefix(64))' is no RFC 3339 time")
        }
        self.init(id: try text(Header.id), type: type, source: try text(Header.source), time: time)
    }
}

/// Every event there is; the raw value is its `ce_type`.
public enum EventType: String, Codable, CaseIterable, Sendable {
    case stationArrived = "station.arrived"
    case stationDeparted = "station.departed"
    case arrivalPredicted = "arrival.predicted"
    case delayChanged = "delay.changed"
    case alertRaised = "alert.raised"
    case alertCleared = "alert.cleared"
    case notificationRequested = "notification.requested"
    case notificationDelivered = "notification.delivered"
    case notificationFailed = "notification.failed"
    case subscriptionChanged = "subscription.changed"
    case spanEnded = "span.ended"
}

/// A fact that one service tells in one topic.
public protocol RailwayEvent: Codable, Hashable, Sendable {
    /// The topic it is told in.
    static var topic: Topic { get }
    /// Its `ce_type`.
    var eventType: EventType { get }
    /// Follows from the content alone: telling the same fact again gives the same id.
    var eventID: String { get }
    /// The record's key.
    var key: String { get }
    /// When it happened, in event time; also the record's timestamp.
    var time: OffsetDateTime { get }
}

extension RailwayEvent {
    /// The attributes when `source` tells it.
    public func attributes(source: String) -> EventAttributes {
        EventAttributes(id: eventID, type: eventType, source: source, time: time)
    }
}
