import Storage

/// How logs are compacted: Kafka's broker settings `log.cleaner.*`, but those that are topics' defaults.
public struct CleanerConfiguration: Hashable, Sendable {
    /// `log.cleaner.enable`.
    public var isEnabled = true
    /// `log.cleaner.backoff.ms`: how long the cleaner rests when no log needs it.
    public var backoffMilliseconds: Int64 = 15_000
    /// `log.cleaner.io.max.bytes.per.second`: of what is read and written together.
    public var maximumBytesPerSecond = Double.greatestFiniteMagnitude
    /// Memory.
    public var limits = CleanerLimits()
}

extension BrokerSetting {
    static let cleaner: [BrokerSetting] = [
        .flag(
            "log.cleaner.enable", \.cleaner.isEnabled,
            "Whether logs of topics with cleanup.policy compact are compacted."),
        // One log at a time; a second thread would share the same disk and key map.
        .number("log.cleaner.threads", default: 1, 1...1, "Threads that compact logs: one.") { (_, _: Int) in },
        .integer(
            "log.cleaner.dedupe.buffer.size", \.cleaner.limits.keyMapBytes, 1 << 20...1 << 40, update: .dynamic,
            "Bytes for the keys of one cleaning, 24 for each; a log with more keys is cleaned in several rounds."),
        .double(
            "log.cleaner.io.buffer.load.factor", \.cleaner.limits.keyMapLoadFactor, 0.01...0.95, update: .dynamic,
            "How full the buffer of keys may become."),
        .integer(
            "log.cleaner.io.buffer.size", \.cleaner.limits.readBufferBytes, 4096...64 << 20, update: .dynamic,
            "Bytes that the cleaner reads at once."),
        .double(
            "log.cleaner.io.max.bytes.per.second", \.cleaner.maximumBytesPerSecond,
            1...Double.greatestFiniteMagnitude, update: .dynamic,
            "Bytes a second that the cleaner reads and writes on average."),
        .integer(
            "log.cleaner.backoff.ms", \.cleaner.backoffMilliseconds, 1...Int64(Int32.max), update: .dynamic,
            "How long the cleaner rests when no log needs it."),
    ]

    private static func double(
        _ name: String, _ key: Key<Double>, _ limits: ClosedRange<Double>, update: Update, _ documentation: String
    ) -> BrokerSetting {
        BrokerSetting(
            name, .double, default: "\(BrokerConfiguration.initial[keyPath: key])",
            allowed: "\(limits.lowerBound) to \(limits.upperBound)", update, documentation
        ) { (target, text) throws(SettingError) in
            guard let value = Double(text), limits.contains(value) else {
                throw SettingError(
                    key: name, message: "'\(text)' is not within \(limits.lowerBound) and \(limits.upperBound)")
            }
            target[keyPath: key] = value
        }
    }
}
