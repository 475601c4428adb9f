/// What a cleaning may take. Source: Kafka's broker settings `log.cleaner.*`.
public struct CleanerLimits: Hashable, Sendable {
    /// `log.cleaner.dedupe.buffer.size`: bytes of the key map.
    public var keyMapBytes = 128 << 20
    /// `log.cleaner.io.buffer.load.factor`: how full the key map may become.
    public var keyMapLoadFactor = 0.9
    /// `log.cleaner.io.buffer.size`: bytes that are read at once.
    public var readBufferBytes = 512 << 10

    /// Kafka's defaults.
    public init() {}
}
