/// A condition did not come true before its deadline.
public struct DeadlineExceeded: Error, CustomStringConvertible {
    public let description: String
}

/// How often a condition is looked at before its deadline counts.
private let leastLooks = 50

/// Waits until a condition is true, looking again and again; throws `DeadlineExceeded` past the deadline.
///
/// For what happens on other threads or processes. Where time itself is tested, use a virtual clock. The deadline is
/// there to end a test that hangs, so it is far above what a loaded machine needs; and it only counts after so many
/// looks, for behind hundreds of other tests the time between two may be longer than all of it.
public func eventually(
    _ what: String = "condition", within limit: Duration = .seconds(30), every interval: Duration = .milliseconds(2),
    isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    var looks = 0
    while try await !condition() {
        looks += 1
        guard ContinuousClock.now < deadline || looks < leastLooks else {
            throw DeadlineExceeded(description: "not within \(limit): \(what)")
        }
        try await Task.sleep(for: interval)
    }
}

/// Waits until a function has a value, and returns it.
public func eventuallyValue<Value>(
    _ what: String = "value", within limit: Duration = .seconds(30),
    isolation: isolated (any Actor)? = #isolation,
    _ value: () async throws -> Value?
) async throws -> Value {
    var found: Value?
    try await eventually(what, within: limit) {
        found = try await value()
        return found != nil
    }
    guard let found else { throw DeadlineExceeded(description: "no value: \(what)") }
    return found
}
