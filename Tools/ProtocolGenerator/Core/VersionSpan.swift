/// An inclusive range of message versions.
struct VersionSpan: Equatable {
    /// Stands for "and every later version" until the span is clamped to a message's range.
    static let unbounded = Int(Int16.max)
    static let all = VersionSpan(0, unbounded)

    var first: Int
    var last: Int

    init(_ first: Int, _ last: Int) {
        self.first = first
        self.last = last
    }

    /// Reads `3`, `3+` or `3-9`; `nil` for anything else.
    init?(_ text: Substring) {
        if text.hasSuffix("+") {
            guard let first = Int(text.dropLast()) else { return nil }
            self.init(first, Self.unbounded)
            return
        }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last else {
            return nil
        }
        self.init(first, last)
    }

    /// The versions in both, or `nil` where there are none.
    func intersection(_ other: VersionSpan) -> VersionSpan? {
        let first = max(first, other.first)
        let last = min(last, other.last)
        return first <= last ? VersionSpan(first, last) : nil
    }

    func contains(_ version: Int) -> Bool { first <= version && version <= last }

    func covers(_ other: VersionSpan) -> Bool { first <= other.first && other.last <= last }

    /// A Swift condition on `version` that is true in this span, knowing that the version is within `context`;
    /// `nil` where it is always true.
    func condition(within context: VersionSpan) -> String? {
        if covers(context) { return nil }
        if first <= context.first { return "version <= \(last)" }
        if last >= context.last { return first == context.last ? "version == \(first)" : "version >= \(first)" }
        return first == last ? "version == \(first)" : "version >= \(first) && version <= \(last)"
    }

    /// The opposite of ``condition(within:)``; `nil` where this span covers the context.
    func oppositeCondition(within context: VersionSpan) -> String? {
        if covers(context) { return nil }
        if first <= context.first { return "version > \(last)" }
        if last >= context.last { return "version < \(first)" }
        return first == last ? "version != \(first)" : "version < \(first) || version > \(last)"
    }

    /// As the definitions write it: `3+`, `3-9`, `3`.
    func description(within context: VersionSpan) -> String {
        if last >= context.last { return "\(first)+" }
        return first == last ? "\(first)" : "\(first)-\(last)"
    }
}
