import KafkaMessages
import KafkaWire
import NIOCore

/// ApiVersions (18), versions 0 to 4: what this broker serves, from the registry itself.
///
/// A version it does not know is answered in version 0 with UNSUPPORTED_VERSION and the full list, so that a newer
/// client can step down without a second guess.
struct ApiVersionsHandler: APIHandler {
    typealias Request = ApiVersionsRequest

    /// One API with what is said about it.
    struct ApiVersion: Sendable {
        let apiKey: APIKey
        let versions: ClosedRange<Int16>
    }

    /// Every API of the broker, this one included, ascending by key.
    let listing: [ApiVersion]

    func handle(_ request: ApiVersionsRequest, _ context: RequestContext) async -> Reply<ApiVersionsResponse> {
        if context.version >= 3, !Self.isValid(request) {
            return .now(ApiVersionsResponse(errorCode: .invalidRequest))
        }
        var response = Self.response(listing)
        response.add(BrokerFeature.all, version: context.version)
        return .now(response)
    }

    static func encodeUnsupported(_ head: RequestHead, registry: APIRegistry) throws(WireError) -> [WirePiece] {
        let listing = registry.all.map { ApiVersion(apiKey: $0.key, versions: $0.advertised) }
        var response = response(listing)
        response.errorCode = .unsupportedVersion
        var writer = WireWriter()
        writer.write(head.correlationID)
        try response.write(to: &writer, version: 0)
        return writer.finish()
    }

    private static func response(_ listing: [ApiVersion]) -> ApiVersionsResponse {
        ApiVersionsResponse(
            apiKeys: listing.map { api in
                ApiVersionsResponse.ApiVersion(
                    apiKey: api.apiKey.rawValue, minVersion: api.versions.lowerBound,
                    maxVersion: api.versions.upperBound)
            })
    }

    /// Software name and version are letters, digits, dots and dashes, and begin and end with no sign (KIP-511).
    private static func isValid(_ request: ApiVersionsRequest) -> Bool {
        [request.clientSoftwareName, request.clientSoftwareVersion].allSatisfy { text in
            let bytes = Array(text.utf8)
            guard let first = bytes.first, let last = bytes.last else { return false }
            return isAlphanumeric(first) && isAlphanumeric(last)
                && bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
