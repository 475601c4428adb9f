import KafkaClient

/// What to measure, as `NAME=VALUE` words after the mode.
struct BenchOptions {
    enum Mode: String {
        case produce
        case consume
    }

    /// How records are handed over.
    enum Interface: String {
        /// One call per record.
        case record
        /// Some thousand per call.
        case batch
    }

    struct Wrong: Error, CustomStringConvertible {
        let description: String
    }

    var mode: Mode
    var bootstrap = "127.0.0.1:9092"
    var topic = "bench"
    var partition: Int32 = 0
    /// Records to consume; what standard input holds is produced.
    var records = 1_000_000
    var acks = KafkaProducerConfiguration.Acks.all
    var lingerMilliseconds = 5
    var batchBytes = 1_000_000
    var fetchBytes = 1024 * 1024
    var compression = Compression.none
    var interface = Interface.batch

    init(_ words: some Sequence<String>) throws(Wrong) {
        var words = Array(words)
        guard !words.isEmpty, let mode = Mode(rawValue: words.removeFirst()) else {
            throw Wrong(description: "the first word is produce or consume")
        }
        self.mode = mode
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw Wrong(description: "'\(word)' is not NAME=VALUE") }
            try set(parts[0], parts[1])
        }
    }

    private mutating func set(_ name: String, _ value: String) throws(Wrong) {
        switch name {
        case "bootstrap": bootstrap = value
        case "topic": topic = value
        case "partition": partition = try Self.read(name, Int32(value))
        case "records": records = try Self.read(name, Int(value))
        case "acks": acks = try Self.read(name, Int16(value).flatMap { .init(rawValue: $0) })
        case "linger": lingerMilliseconds = try Self.read(name, Int(value))
        case "batch": batchBytes = try Self.read(name, Int(value))
        case "fetch": fetchBytes = try Self.read(name, Int(value))
        case "compression": compression = try Self.read(name, Compression.allCases.first { "\($0)" == value })
        case "interface": interface = try Self.read(name, Interface(rawValue: value))
        default: throw Wrong(description: "there is no setting '\(name)'")
        }
    }

    private static func read<Value>(_ name: String, _ value: Value?) throws(Wrong) -> Value {
        guard let value else { throw Wrong(description: "the value of '\(name)' cannot be read") }
        return value
    }
}
