import KafkaClient
import Logging
import NIOCore
import Railway
import ServiceKit
import Testing

@testable import EventStreams

@Suite("Events as records")
struct EventReaderTests {
    private let partition = TopicPartition(topic: "station-events", partition: 0)

    private func event() throws -> StationEvent {
        StationEvent(
            trip: try #require(TripID("2022-10-11/M1/17")), train: "17", station: "NATION", state: .arrived,
            at: try #require(OffsetDateTime("2022-10-11T05:04:59+02:00")), platform: "1", sequence: 2)
    }

    /// The record as a consumer would get it.
    private func record(_ produced: ProducerRecord, headers: [RecordHeader]? = nil) -> ConsumerRecord {
        ConsumerRecord(
            offset: 4, timestamp: 5, key: produced.key, value: produced.value, headers: headers ?? produced.headers)
    }

    private var reader: EventReader<StationEvent> { reader(of: .stationEvents) }

    private func reader(of topic: Topic) -> EventReader<StationEvent> {
        EventReader(
            topic: topic, service: "test",
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        ) { (attributes, bytes) throws(EventError) in try EventReader.decodeOne(attributes, bytes) }
    }

    @Test("What is told is what is read: value, attributes, key")
    func roundTrip() throws {
        let event = try event()
        let produced = try ProducerRecord(event, source: "/stations/NATION")
        #expect(produced.topic == "station-events")
        #expect(produced.key.map { String(buffer: $0) } == "2022-10-11/M1/17")
        #expect(produced.timestamp == nil, "the record's time is that of telling, not the event's")
        guard case .event(let received) = reader.read(record(produced), of: partition) else {
            Issue.record("not read as an event")
            return
        }
        #expect(received.event == event)
        #expect(received.attributes == event.attributes(source: "/stations/NATION"))
        #expect(received.offset == 4 && received.toldAtMilliseconds == 5)
    }

    @Test("A record without attributes, of another type or with another value is no event")
    func rejections() throws {
        let produced = try ProducerRecord(event(), source: "/stations/NATION")
        #expect(reader.read(record(produced, headers: []), of: partition) == nil)
        var departed = produced.headers
        departed.removeAll { $0.name == EventAttributes.Header.type }
        departed.append(
            RecordHeader(name: EventAttributes.Header.type, value: ByteBuffer(string: "station.departed")))
        #expect(reader.read(record(produced, headers: departed), of: partition) == nil)
        var garbage = produced
        garbage.value = ByteBuffer(bytes: [0xff, 0x00, 0x7b])
        #expect(reader.read(record(garbage), of: partition) == nil)
    }

    @Test("A record without a value is a tombstone of its key on a compacted topic, and no event on any other")
    func tombstone() throws {
        let produced = ProducerRecord(topic: "arrivals", key: ByteBuffer(string: "k"), value: nil)
        guard case .tombstone("k", partition, 4) = reader(of: .arrivals).read(record(produced), of: partition) else {
            Issue.record("no tombstone")
            return
        }
        #expect(reader.read(record(produced), of: partition) == nil)
    }

    @Test("A view has caught up when every partition that was not empty is read to its end")
    func catchUp() {
        let other = TopicPartition(topic: "station-events", partition: 1)
        var catchUp = CatchUp([partition: (start: 0, end: 10), other: (start: 7, end: 7)])
        #expect(catchUp.partitions == [partition])
        catchUp.reached(9, of: partition)
        #expect(!catchUp.isComplete)
        catchUp.reached(12, of: partition)
        #expect(catchUp.isComplete)
    }

    @Test("A topic is created as the catalogue has it")
    func topics() {
        let topic = NewTopic(.arrivals, EventLogConfiguration(bootstrapServers: ["a:1"]))
        #expect(topic.name == "arrivals" && topic.partitions == 6 && topic.replicationFactor == -1)
        #expect(topic.configuration["cleanup.policy"] == "compact")
    }
}
