import KafkaClient
import Logging
import NIOCore
import Railway
import ServiceContextModule
import ServiceKit

/// An event as it was read: what happened, who told it, and where it stands in the log.
public struct ReceivedEvent<Event: Sendable>: Sendable {
    /// What happened.
    public let event: Event
    /// The CloudEvents attributes of the record's headers.
    public let attributes: EventAttributes
    /// Where the record is.
    public let topicPartition: TopicPartition
    /// Its place there.
    public let offset: Offset
    /// When the record was written, milliseconds since 1970.
    public let toldAtMilliseconds: Int64
    /// The trace that the event belongs to; top level when it belongs to none.
    public let context: ServiceContext

    /// A received event from its parts; those of the record matter to few, such as tests.
    public init(
        event: Event, attributes: EventAttributes, topicPartition: TopicPartition, offset: Offset,
        toldAtMilliseconds: Int64, context: ServiceContext = .topLevel
    ) {
        self.event = event
        self.attributes = attributes
        self.topicPartition = topicPartition
        self.offset = offset
        self.toldAtMilliseconds = toldAtMilliseconds
        self.context = context
    }

    /// An event as if it were the first record of its topic.
    public init(event: Event, source: String) where Event: RailwayEvent {
        self.init(
            event: event, attributes: event.attributes(source: source),
            topicPartition: TopicPartition(topic: Event.topic.name, partition: 0), offset: 0, toldAtMilliseconds: 0)
    }
}

/// A record of a topic of events.
public enum ReceivedRecord<Event: Sendable>: Sendable {
    /// An event.
    case event(ReceivedEvent<Event>)
    /// The key of a compacted topic that is deleted.
    case tombstone(key: String, TopicPartition, Offset)
}

/// Turns records of one topic into events; counts and logs those that are none.
public struct EventReader<Event: Sendable>: Sendable {
    /// The topic.
    public let topic: Topic
    private let decode: @Sendable (EventAttributes, [UInt8]) throws(EventError) -> Event
    private let probe: EventReaderProbe

    /// A reader for a topic with values of several kinds; `decode` chooses by the attributes' type.
    public init(
        _ log: EventLog, topic: Topic,
        decode: @escaping @Sendable (EventAttributes, [UInt8]) throws(EventError) -> Event
    ) {
        self.init(topic: topic, service: log.environment.name, logger: log.logger, decode: decode)
    }

    init(
        topic: Topic, service: String, logger: Logger,
        decode: @escaping @Sendable (EventAttributes, [UInt8]) throws(EventError) -> Event
    ) {
        self.topic = topic
        self.decode = decode
        probe = EventReaderProbe(topic: topic, service: service, logger: logger)
    }

    /// A reader of the events' own topic.
    public init(_ log: EventLog, _ type: Event.Type = Event.self) where Event: RailwayEvent {
        self.init(log, topic: Event.topic) { (attributes, bytes) throws(EventError) in
            try EventReader.decodeOne(attributes, bytes)
        }
    }

    /// The event of a record, or nil when it is none: then it has been counted, and logged the first time.
    ///
    /// Without `isCounted` nothing is counted or logged: for whoever reads what another part of the service reads too.
    public func read(
        _ record: ConsumerRecord, of partition: TopicPartition, isCounted: Bool = true
    ) -> ReceivedRecord<Event>? {
        // Only a compacted topic has tombstones; anywhere else no value is no event, which decoding says.
        guard let value = record.value ?? (topic.cleanupPolicy == .compact ? nil : ByteBuffer()) else {
            let key = record.key.map { String(buffer: $0) } ?? ""
            return .tombstone(key: key, partition, record.offset)
        }
        do throws(EventError) {
            let attributes = try EventAttributes { record.headerText($0) }
            let event = try decode(attributes, Array(buffer: value))
            if isCounted { probe.received() }
            return .event(
                ReceivedEvent(
                    event: event, attributes: attributes, topicPartition: partition, offset: record.offset,
                    toldAtMilliseconds: record.timestamp, context: record.serviceContext))
        } catch {
            guard isCounted else { return nil }
            probe.rejected(
                error, source: record.headerText(EventAttributes.Header.source), at: partition, record.offset)
            return nil
        }
    }

    /// Counts an event that reads well and means nothing here, such as one of a station that the network lacks.
    public func reject(_ received: ReceivedEvent<Event>, because error: EventError) {
        probe.rejected(error, source: received.attributes.source, at: received.topicPartition, received.offset)
    }

    static func decodeOne(
        _ attributes: EventAttributes, _ bytes: [UInt8]
    ) throws(EventError) -> Event where Event: RailwayEvent {
        let event = try EventCodec.decode(Event.self, from: bytes)
        guard event.eventType == attributes.type else {
            throw .invalidAttributes(
                "ce_type is '\(attributes.type.rawValue)', the value '\(event.eventType.rawValue)'")
        }
        return event
    }
}
