import KafkaMessages

/// A feature that clients ask ApiVersions for (KIP-584).
///
/// They are finalized as they are built: there is one broker, and nothing to agree on.
struct BrokerFeature: Sendable {
    let name: String
    let supported: ClosedRange<Int16>
    var finalized: Int16 { supported.upperBound }

    /// Everything that this broker's clients may rely on.
    static let all = [
        /// Groups of the next generation (KIP-848).
        BrokerFeature(name: "group.version", supported: 0...1),
        /// Every end of a transaction raises the epoch, and producing adds partitions (KIP-890).
        BrokerFeature(name: "transaction.version", supported: 0...2),
    ]
}

extension ApiVersionsResponse {
    /// Adds the features, as far as the version has room for them: before version 4 no client understands a range that
    /// begins at 0.
    mutating func add(_ features: [BrokerFeature], version: Int16) {
        guard version >= 3 else { return }
        supportedFeatures = features.filter { version >= 4 || $0.supported.lowerBound > 0 }.map {
            .init(name: $0.name, minVersion: $0.supported.lowerBound, maxVersion: $0.supported.upperBound)
        }
        finalizedFeatures = features.map {
            .init(name: $0.name, maxVersionLevel: $0.finalized, minVersionLevel: $0.finalized)
        }
        finalizedFeaturesEpoch = 0
    }
}
