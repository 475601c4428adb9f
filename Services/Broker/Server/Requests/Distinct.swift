/// What a request names more than once is answered once: an answer may be a thousand times longer than the name that
/// asks for it, so that repeats would make a small request cost any amount of memory. Kafka's own clients repeat none.
extension Sequence {
    /// The first element of each key, in order.
    func distinct<Key: Hashable>(by key: (Element) -> Key) -> [Element] {
        var seen: Set<Key> = []
        return filter { seen.insert(key($0)).inserted }
    }
}

extension Sequence where Element: Hashable {
    /// Each element once, in order.
    var distinct: [Element] { distinct { $0 } }
}
