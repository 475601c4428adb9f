/// The time that a page shows as now: that of the newest events in the log, never of the machine.
///
/// Events that come a little late do not turn it back. A jump of more than ``maximumDisorderSeconds`` into the past is
/// another run of events (a recording played after a simulation) and does.
public struct EventClock: Hashable, Sendable {
    /// The time, nil before the first event.
    public private(set) var now: OffsetDateTime?

    /// Seconds by which an event may be older than the newest without turning the clock back.
    public static let maximumDisorderSeconds = 3600

    /// A clock that has not begun.
    public init() {}

    /// Takes an event's time.
    public mutating func advance(to time: OffsetDateTime) {
        guard let now else {
            self.now = time
            return
        }
        let behind = now.instant.seconds(since: time.instant)
        if behind < 0 || behind > EventClock.maximumDisorderSeconds { self.now = time }
    }
}
