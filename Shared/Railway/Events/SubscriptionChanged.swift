/// What a subscriber wants to hear of. Topic `subscriptions` (compacted), key subscriber; a tombstone deletes it.
///
/// One subscriber has one subscription, so the subscriber's id is the subscription's.
public struct SubscriptionChanged: RailwayEvent {
    /// Id of the subscriber and of the subscription.
    public let subscriber: String
    /// The station of interest.
    public let station: StationID
    /// Only this line, or every line there.
    public let line: LineID?
    /// Tell of delays from so many seconds, late or early.
    public let thresholdSeconds: Int
    /// Only in these local hours, or always.
    public let hours: DailyHours?
    /// Web Push endpoint, for when no page is open.
    public let pushEndpoint: String?
    /// When the subscriber asked for it.
    public let at: OffsetDateTime

    /// Largest threshold, a day.
    public static let maximumThresholdSeconds = 86_400
    /// Longest push endpoint, in bytes.
    public static let maximumEndpointBytes = 2048

    /// A subscription; throws when an id, the threshold or the endpoint is outside its bounds.
    public init(
        subscriber: String, station: StationID, line: LineID? = nil, thresholdSeconds: Int, hours: DailyHours? = nil,
        pushEndpoint: String? = nil, at: OffsetDateTime
    ) throws(EventError) {
        guard isIdentifier(subscriber) else {
            throw .malformed("subscriber '\(subscriber.prefix(64))' is not 1 to 64 letters, digits, '_' or '-'")
        }
        guard (0...SubscriptionChanged.maximumThresholdSeconds).contains(thresholdSeconds) else {
            throw .malformed("thresholdSeconds \(thresholdSeconds) is outside 0 to 86400")
        }
        if let pushEndpoint {
            let isGood =
                pushEndpoint.hasPrefix("https://")
                && pushEndpoint.utf8.count <= SubscriptionChanged.maximumEndpointBytes
            guard isGood else { throw .malformed("pushEndpoint is no https address of at most 2048 bytes") }
        }
        self.subscriber = subscriber
        self.station = station
        self.line = line
        self.thresholdSeconds = thresholdSeconds
        self.hours = hours
        self.pushEndpoint = pushEndpoint
        self.at = at
    }

    /// The topic it is told in.
    public static var topic: Topic { .subscriptions }
    /// Its `ce_type`.
    public var eventType: EventType { .subscriptionChanged }
    /// Follows from the content alone.
    public var eventID: String { "subscription:\(subscriber):\(at.instant.milliseconds)" }
    /// The record's key.
    public var key: String { subscriber }
    /// When it happened, in event time.
    public var time: OffsetDateTime { at }
}

extension SubscriptionChanged {
    enum CodingKeys: String, CodingKey {
        case subscriber, station, line, thresholdSeconds, hours, pushEndpoint, at
    }

    /// Reads the coded form; refuses what is outside the bounds with a sentence.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let subscriber = try container.decode(String.self, forKey: .subscriber)
        let station = try container.decode(StationID.self, forKey: .station)
        let line = try container.decodeIfPresent(LineID.self, forKey: .line)
        let threshold = try container.decode(Int.self, forKey: .thresholdSeconds)
        let hours = try container.decodeIfPresent(DailyHours.self, forKey: .hours)
        let endpoint = try container.decodeIfPresent(String.self, forKey: .pushEndpoint)
        let at = try container.decode(OffsetDateTime.self, forKey: .at)
        do throws(EventError) {
            try self.init(
                subscriber: subscriber, station: station, line: line, thresholdSeconds: threshold, hours: hours,
                pushEndpoint: endpoint, at: at)
        } catch {
            throw decoder.refusal(error.description)
        }
    }
}

/// Hours of the day in local time, `from` inclusive and `to` exclusive; `22:00` to `02:00` passes midnight.
public struct DailyHours: Codable, Hashable, Sendable {
    /// First minute, `07:00`.
    public let from: String
    /// First minute after, `09:30`; `24:00` is the day's end.
    public let to: String
    private let fromSecond: Int
    private let toSecond: Int

    /// Hours written `HH:MM`; nil when they are not, or are empty.
    public init?(from: String, to: String) {
        guard let first = DailyHours.seconds(from), let last = DailyHours.seconds(to), first != last else { return nil }
        self.from = from
        self.to = to
        self.fromSecond = first
        self.toSecond = last
    }

    /// Whether the clock's time falls into the hours.
    public func contains(_ local: LocalDateTime) -> Bool {
        let second = local.secondOfDay
        return fromSecond < toSecond
            ? fromSecond <= second && second < toSecond : fromSecond <= second || second < toSecond
    }

    enum CodingKeys: String, CodingKey {
        case from, to
    }

    /// Reads the coded form; refuses what is outside the bounds with a sentence.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let from = try container.decode(String.self, forKey: .from)
        let to = try container.decode(String.self, forKey: .to)
        guard let hours = DailyHours(from: from, to: to) else {
            throw decoder.refusal("'\(from.prefix(8))' to '\(to.prefix(8))' are no hours HH:MM to HH:MM")
        }
        self = hours
    }

    private static func seconds(_ text: String) -> Int? {
        var scanner = DigitScanner(text)
        guard let hours = scanner.number(digits: 2), scanner.take(UInt8(ascii: ":")),
            let minutes = scanner.number(digits: 2), minutes < 60, scanner.isAtEnd
        else { return nil }
        let seconds = hours * 3600 + minutes * 60
        return seconds <= 86_400 ? seconds : nil
    }
}
