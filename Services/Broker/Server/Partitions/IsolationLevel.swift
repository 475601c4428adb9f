/// Which records a consumer wants to see (KIP-98).
enum IsolationLevel: Sendable {
    /// Everything below the high watermark.
    case readUncommitted
    /// Everything below the last stable offset, and of that only what is not aborted.
    case readCommitted

    /// As requests name it: 1 is read committed, and anything else is not.
    init(_ value: Int8) {
        self = value == 1 ? .readCommitted : .readUncommitted
    }
}
