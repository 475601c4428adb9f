import KafkaMessages
import KafkaWire

/// Which versions of which APIs the broker at the other end speaks.
public struct APIVersionTable: Sendable, Equatable {
    private var ranges: [APIKey: ClosedRange<Int16>]
    /// The level of each feature that the cluster has finalised, such as `transaction.version` (KIP-584).
    public private(set) var finalizedFeatures: [String: Int16] = [:]

    public init(_ ranges: [APIKey: ClosedRange<Int16>], finalizedFeatures: [String: Int16] = [:]) {
        self.ranges = ranges
        self.finalizedFeatures = finalizedFeatures
    }

    /// Ranges with their ends the wrong way round are left out.
    init(_ response: ApiVersionsResponse) {
        ranges = [:]
        for api in response.apiKeys where api.minVersion <= api.maxVersion {
            ranges[APIKey(rawValue: api.apiKey)] = api.minVersion...api.maxVersion
        }
        for feature in response.finalizedFeatures { finalizedFeatures[feature.name] = feature.maxVersionLevel }
    }

    /// The broker's range; `nil` for an API it does not have.
    public subscript(key: APIKey) -> ClosedRange<Int16>? { ranges[key] }

    /// The highest version that both sides speak.
    ///
    /// - Parameter maximum: an upper bound of the caller's own.
    public func version<Request: KafkaRequest>(
        for request: Request.Type, maximum: Int16 = .max
    ) throws(ConnectionError) -> Int16 {
        let ours = Request.versions
        guard let theirs = ranges[Request.apiKey] else {
            throw .unsupportedAPI(Request.apiKey, ours: ours, theirs: nil)
        }
        let highest = min(ours.upperBound, theirs.upperBound, maximum)
        guard highest >= max(ours.lowerBound, theirs.lowerBound) else {
            throw .unsupportedAPI(Request.apiKey, ours: ours, theirs: theirs)
        }
        return highest
    }
}
