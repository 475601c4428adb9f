import Groups
import Metadata
import Synchronization

/// What happened to topics since the group coordinator last looked, in order.
///
/// The coordinator looks before every request, so that a group joined after a topic was made knows that topic.
final class TopicChanges: Sendable {
    /// A topic as it is from now on; `nil` when it is gone.
    typealias Change = (name: String, topic: GroupTopics.Topic?)

    private let changes = Mutex<[Change]>([])
    private let wake: @Sendable () -> Void

    /// Begins with the topics that are there.
    ///
    /// - Parameter wake: called when there is something to take; on any thread.
    init(of topics: TopicTable, wake: @escaping @Sendable () -> Void) {
        self.wake = wake
        topics.observe { [weak self] name, topic in self?.add(name, topic) }
    }

    private func add(_ name: String, _ topic: TopicTable.Topic?) {
        let changed = topic.map { topic in
            GroupTopics.Topic(
                id: topic.id, partitions: Int32(topic.partitions.count), isInternal: TopicName.isInternal(name))
        }
        let isFirst = changes.withLock { changes in
            changes.append((name, changed))
            return changes.count == 1
        }
        if isFirst { wake() }
    }

    /// Everything since the last call.
    func take() -> [Change] {
        changes.withLock { changes in
            if changes.isEmpty { return [] }
            defer { changes = [] }
            return changes
        }
    }
}
