import Railway

/// The value's JSON; every value of ours has one.
public func jsonText(_ value: some Encodable) -> String {
    do throws(EventError) {
        return String(decoding: try EventCodec.encode(value), as: UTF8.self)
    } catch {
        preconditionFailure("a value of ours has JSON: \(error)")
    }
}
