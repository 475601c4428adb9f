import ArgumentParser
import KafkaClient
import NIOCore

/// How `signalbox consume` prints a record.
enum RecordFormat: String, CaseIterable, ExpressibleByArgument {
    /// The value alone.
    case value
    /// Key, tab, value.
    case keyValue = "key-value"
    /// Partition, offset, timestamp, key and value, then headers, divided by tabs.
    case full
    /// One JSON object per line.
    case json
}

/// A record as one line of text.
struct RecordText {
    private struct Document: Encodable {
        var topic: String
        var partition: Int32
        var offset: Int64
        var timestamp: Int64
        var key: String?
        var value: String?
        var headers: [[String]]
    }

    let place: TopicPartition
    let record: ConsumerRecord

    /// The line in that format, with its line break. Bytes that are no UTF-8 are shown as replacement characters.
    func line(_ format: RecordFormat) throws(CommandError) -> String {
        switch format {
        case .value: "\(Self.text(record.value) ?? "")\n"
        case .keyValue: "\(Self.text(record.key) ?? "")\t\(Self.text(record.value) ?? "")\n"
        case .full: full + "\n"
        case .json: try JSONOutput.text(document, isPretty: false)
        }
    }

    private var full: String {
        var parts = [
            "\(place)@\(record.offset)", "\(record.timestamp)", Self.text(record.key) ?? "-",
            Self.text(record.value) ?? "(tombstone)",
        ]
        parts += record.headers.map { "\($0.name)=\(Self.text($0.value) ?? "")" }
        return parts.joined(separator: "\t")
    }

    private var document: Document {
        Document(
            topic: place.topic, partition: place.partition, offset: record.offset.rawValue,
            timestamp: record.timestamp, key: Self.text(record.key), value: Self.text(record.value),
            headers: record.headers.map { [$0.name, Self.text($0.value) ?? ""] })
    }

    private static func text(_ buffer: ByteBuffer?) -> String? {
        buffer.map { String(buffer: $0) }
    }
}
