/// Which session has to go for a new one when all slots are taken. A rule, as in Kafka.
///
/// The one that was unused longest goes if that was more than two minutes. Otherwise the one of least worth goes, if it
/// is worth no more than the new one: a follower's is worth more than a consumer's, then one with more partitions is.
/// A session that is younger than two minutes only goes for a follower's, and only if it is a consumer's.
struct FetchSessionEviction: Sendable {
    /// Milliseconds without use after which a session is given up, and after which it is not new any more.
    static let idleMilliseconds: Int64 = 120_000

    struct Candidate: Sendable {
        let id: Int32
        let partitions: Int
        let isPrivileged: Bool
        let createdAt: Int64
        let lastUsed: Int64

        fileprivate var worth: (Int, Int, Int32) { (isPrivileged ? 1 : 0, partitions, id) }
    }

    let partitions: Int
    let isPrivileged: Bool
    let now: Int64

    /// The id of the session that goes; `nil` when the new one has to do without.
    func choose(from candidates: [Candidate]) -> Int32? {
        if let oldest = candidates.min(by: { ($0.lastUsed, $0.id) < ($1.lastUsed, $1.id) }),
            now - oldest.lastUsed > Self.idleMilliseconds
        {
            return oldest.id
        }
        let replaceable = candidates.filter { candidate in
            now - candidate.createdAt > Self.idleMilliseconds || (isPrivileged && !candidate.isPrivileged)
        }
        guard let least = replaceable.min(by: { $0.worth < $1.worth }) else { return nil }
        let isWorthMore = (isPrivileged ? 1 : 0, partitions) >= (least.isPrivileged ? 1 : 0, least.partitions)
        return isWorthMore ? least.id : nil
    }
}

extension FetchSessionEviction.Candidate {
    init(_ session: FetchSession) {
        let usage = session.usage
        self.init(
            id: session.id, partitions: usage.partitions, isPrivileged: session.isPrivileged,
            createdAt: session.createdAt, lastUsed: usage.lastUsed)
    }
}
