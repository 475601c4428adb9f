import KafkaClient
import NIOCore
import Railway

/// Text as the client's buffers.
enum NIOText {
    static func buffer(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }
}

extension ProducerRecord {
    /// The record of an event that `source` tells; without a timestamp, so it gets that of telling.
    public init(_ event: some RailwayEvent, source: String) throws(EventError) {
        let value = try EventCodec.encode(event)
        let headers = event.attributes(source: source).headers.map { header in
            RecordHeader(name: header.name, value: ByteBuffer(string: header.value))
        }
        self.init(
            topic: type(of: event).topic.name, key: ByteBuffer(string: event.key), value: ByteBuffer(bytes: value),
            headers: headers)
    }
}
