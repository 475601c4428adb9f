/// Who is to be notified of a delay: subscriptions against `delay.changed` facts. Pure.
///
/// A delay at station S matches a subscription to S (of the same line, or of any; within its hours, by the local time
/// of the arrival) when it is at least the threshold away from the schedule, late or early. It matches once per
/// crossing: again only after the delay of that trip there was below the threshold. A repeated fact crosses nothing.
///
/// A subscription hears of what comes after it; what was known before is not told again. The result for one order of
/// the two topics is always the same; ids follow from subscriber and fact.
public struct SubscriptionMatching: Sendable {
    /// Delays that are remembered, so that repeats and crossings are recognised.
    public let maximumDelays: Int
    /// Subscriptions that are held.
    public let maximumSubscriptions: Int
    private var subscriptions: [String: SubscriptionChanged] = [:]
    private var subscribers: [StationID: Set<String>] = [:]
    private var delays: [TripID: [StationID: Int]] = [:]
    private var delayCount = 0

    /// No subscriptions and no delays.
    public init(maximumDelays: Int = 100_000, maximumSubscriptions: Int = 100_000) {
        self.maximumDelays = max(1, maximumDelays)
        self.maximumSubscriptions = max(1, maximumSubscriptions)
    }

    /// Number of subscriptions.
    public var count: Int { subscriptions.count }

    /// The subscription of that id, or nil.
    public func subscription(_ subscriber: String) -> SubscriptionChanged? {
        subscriptions[subscriber]
    }

    /// Sets or replaces a subscriber's subscription; false when it is new and there is no room for it.
    public mutating func subscribe(_ subscription: SubscriptionChanged) -> Bool {
        let isNew = subscriptions[subscription.subscriber] == nil
        guard !isNew || subscriptions.count < maximumSubscriptions else { return false }
        unsubscribe(subscription.subscriber)
        subscriptions[subscription.subscriber] = subscription
        subscribers[subscription.station, default: []].insert(subscription.subscriber)
        return true
    }

    /// Forgets a subscription; what a tombstone says. Nothing happens when there is none.
    public mutating func unsubscribe(_ subscriber: String) {
        guard let old = subscriptions.removeValue(forKey: subscriber) else { return }
        subscribers[old.station]?.remove(subscriber)
        if subscribers[old.station]?.isEmpty == true { subscribers[old.station] = nil }
    }

    /// Takes one fact; the notifications to be requested, in the order of subscribers. `stationName` gives the name
    /// that people read.
    ///
    /// Over ``maximumDelays`` the oldest eighth of the trips is forgotten.
    public mutating func take(
        _ delay: DelayChanged, stationName: (StationID) -> String = { $0.rawValue }
    ) -> [NotificationRequested] {
        let before = remember(delay)
        guard before != delay.delaySeconds, let candidates = subscribers[delay.station] else { return [] }
        return candidates.sorted().compactMap { subscriber in
            guard let subscription = subscriptions[subscriber],
                SubscriptionMatching.crosses(subscription, before: before, delay: delay)
            else { return nil }
            return NotificationRequested(
                subscriber: subscriber, channel: .page, delay: delay,
                text: SubscriptionMatching.sentence(delay, stationName(delay.station)))
        }
    }

    /// Whether `delay` reaches the subscription's threshold and `before` did not.
    static func crosses(_ subscription: SubscriptionChanged, before: Int?, delay: DelayChanged) -> Bool {
        let threshold = UInt(clamping: subscription.thresholdSeconds)
        let wasOver = before.map { $0.magnitude >= threshold } ?? false
        return !wasOver && delay.delaySeconds.magnitude >= threshold
            && subscription.station == delay.station
            && (subscription.line ?? delay.trip.line) == delay.trip.line
            && (subscription.hours?.contains(delay.at.local) ?? true)
    }

    /// `Train 17 arrived at Nation 2 min 5 s late.`
    static func sentence(_ delay: DelayChanged, _ station: String) -> String {
        let seconds = delay.delaySeconds.magnitude
        let minutes = seconds / 60
        let amount = minutes == 0 ? "\(seconds) s" : "\(minutes) min" + (seconds % 60 == 0 ? "" : " \(seconds % 60) s")
        let how = delay.delaySeconds == 0 ? "on time" : "\(amount) \(delay.delaySeconds > 0 ? "late" : "early")"
        return "Train \(delay.train) arrived at \(station) \(how)."
    }

    /// Notes the delay; what it was before, or nil.
    private mutating func remember(_ delay: DelayChanged) -> Int? {
        let before = delays[delay.trip, default: [:]].updateValue(delay.delaySeconds, forKey: delay.station)
        if before == nil { delayCount += 1 }
        if delayCount > maximumDelays {
            for trip in delays.keys.sorted().prefix(max(1, delays.count / 8)) {
                delayCount -= delays.removeValue(forKey: trip)?.count ?? 0
            }
        }
        return before
    }
}
