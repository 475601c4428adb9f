import Storage

extension Partition {
    /// The largest batch that the topic's configuration lets in.
    var maximumAppendBytes: Int { min(log.configuration.maxMessageBytes, log.configuration.segmentBytes) }
}

extension AppendError {
    /// The limit that the append was too large for, if that is what was wrong.
    var byteLimit: Int? {
        if case .batchTooLarge(_, let limit) = self { return limit }
        if case .appendTooLarge(_, let limit) = self { return limit }
        return nil
    }
}
