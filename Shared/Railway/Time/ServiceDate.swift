/// The day a trip belongs to: it lasts from 04:00 local time to 04:00 of the next day.
///
/// A train at 00:30 belongs to the evening before. Text form `2022-10-11`.
public struct ServiceDate: Hashable, Comparable, Sendable {
    /// The calendar day on whose morning the service date begins.
    public let date: CivilDate

    /// Seconds after midnight at which one service date ends and the next begins.
    public static let startSecondOfDay = 4 * 3600

    /// The service date that begins on `date`'s morning.
    public init(_ date: CivilDate) {
        self.date = date
    }

    /// The service date that `local` belongs to.
    public init(containing local: LocalDateTime) {
        self.date = local.secondOfDay < ServiceDate.startSecondOfDay ? local.date.adding(days: -1) : local.date
    }

    /// Reads `2022-10-11`; nil for anything else.
    public init?(_ text: some StringProtocol) {
        guard let date = CivilDate(text) else { return nil }
        self.date = date
    }

    /// The service date `days` later (earlier when negative).
    public func adding(days: Int) -> ServiceDate {
        ServiceDate(date.adding(days: days))
    }

    /// Days from `earlier` to this date.
    public func days(since earlier: ServiceDate) -> Int {
        date.daysSinceEpoch - earlier.date.daysSinceEpoch
    }

    /// Ordered as the parts are.
    public static func < (left: ServiceDate, right: ServiceDate) -> Bool {
        left.date < right.date
    }
}

extension ServiceDate: CustomStringConvertible {
    /// The text form.
    public var description: String { date.description }
}
