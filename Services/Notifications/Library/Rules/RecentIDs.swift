/// The ids that were seen lately: the last ``limit`` are known for certain, at most twice as many are held.
struct RecentIDs: Sendable {
    /// Ids that are remembered for certain.
    let limit: Int
    private var new: Set<String> = []
    private var old: Set<String> = []

    init(limit: Int = 500_000) {
        self.limit = max(1, limit)
    }

    /// Whether the id is remembered.
    func contains(_ id: String) -> Bool { new.contains(id) || old.contains(id) }

    /// Notes the id; false when it was known.
    mutating func insert(_ id: String) -> Bool {
        guard !contains(id) else { return false }
        if new.count >= limit { (old, new) = (new, []) }
        new.insert(id)
        return true
    }
}
