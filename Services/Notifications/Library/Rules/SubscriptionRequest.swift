import Railway

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What somebody asks for with `POST /subscriptions`.
///
///     {"station": "NATION", "thresholdSeconds": 120, "line": "M1", "hours": {"from": "07:00", "to": "09:30"}}
struct SubscriptionRequest: Equatable, Sendable {
    let station: StationID
    let line: LineID?
    let thresholdSeconds: Int
    let hours: DailyHours?

    /// Longest body that is read, in bytes.
    static let maximumBytes = 4_096

    private struct Body: Decodable {
        var station: StationID
        var line: LineID?
        /// Read as any number, so that one with a fraction can be refused by its name.
        var thresholdSeconds: Double
        var hours: DailyHours?
    }

    private static let knownFields: Set<String> = ["station", "line", "thresholdSeconds", "hours"]

    /// Reads the JSON body; what is wrong with it is a sentence for whoever sent it.
    init(body: [UInt8], network: Network) throws(SubscriptionRefusal) {
        try Self.checkFields(body)
        let parsed: Body
        do throws(EventError) {
            parsed = try EventCodec.decode(Body.self, from: body)
        } catch {
            throw SubscriptionRefusal(Self.sentence(error))
        }
        guard network.station(parsed.station) != nil else {
            let known = network.stations.map(\.id.rawValue).joined(separator: ", ")
            throw SubscriptionRefusal("there is no station '\(parsed.station)'; there are \(known)")
        }
        if let line = parsed.line, !network.lines(at: parsed.station).contains(where: { $0.id == line }) {
            throw SubscriptionRefusal("line '\(line)' does not stop at station '\(parsed.station)'")
        }
        guard let threshold = Int(exactly: parsed.thresholdSeconds) else {
            throw SubscriptionRefusal("thresholdSeconds \(parsed.thresholdSeconds) is no whole number")
        }
        station = parsed.station
        line = parsed.line
        thresholdSeconds = threshold
        hours = parsed.hours
    }

    /// The fact to be told; throws when the threshold is outside its bounds.
    func subscription(id: String, at time: OffsetDateTime) throws(SubscriptionRefusal) -> SubscriptionChanged {
        do throws(EventError) {
            return try SubscriptionChanged(
                subscriber: id, station: station, line: line, thresholdSeconds: thresholdSeconds, hours: hours, at: time
            )
        } catch {
            throw SubscriptionRefusal(Self.sentence(error))
        }
    }

    /// A misspelt field must not silently mean "all lines" or "always".
    private static func checkFields(_ body: [UInt8]) throws(SubscriptionRefusal) {
        guard body.count <= maximumBytes else {
            throw SubscriptionRefusal("the body has \(body.count) bytes; at most \(maximumBytes) are allowed")
        }
        let fields: [String: AnyJSON]
        do throws(EventError) {
            fields = try EventCodec.decode([String: AnyJSON].self, from: body)
        } catch {
            throw SubscriptionRefusal("the body is no JSON object")
        }
        if let unknown = fields.keys.sorted().first(where: { !knownFields.contains($0) }) {
            let known = knownFields.sorted().joined(separator: ", ")
            throw SubscriptionRefusal("field '\(unknown.prefix(64))' is not known; there are \(known)")
        }
    }

    private static func sentence(_ error: EventError) -> String {
        switch error {
        case .malformed(let reason): reason
        case .tooLarge, .invalidAttributes, .notInNetwork: error.description
        }
    }
}

/// Why a subscription was refused, a sentence for whoever asked.
struct SubscriptionRefusal: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Any value, unread: only the names of fields matter.
private struct AnyJSON: Decodable {
    init(from decoder: any Decoder) throws {}
}
