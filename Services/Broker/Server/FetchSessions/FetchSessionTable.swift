import KafkaMessages
import KafkaWire

/// One partition of a session, as its client names it: by the topic's name or by its id, never by both.
struct FetchSessionKey: Hashable, Sendable {
    let topic: String
    let topicID: KafkaUUID
    let partition: Int32
}

/// The partitions of one fetch session, what the client was told of each, and which may have something new.
///
/// A rule without I/O. Its work is that of the partitions that changed, not of all: those are queued, and the one
/// that was read last is queued last, so that no partition starves another.
struct FetchSessionTable<Place: Sendable>: Sendable {
    /// The facts that a client is told again only when they differ.
    struct Told: Equatable, Sendable {
        let highWatermark: Int64
        let lastStableOffset: Int64
        let logStartOffset: Int64
    }

    struct Entry: Sendable {
        let key: FetchSessionKey
        /// As the client last named it.
        var request: FetchRequest.FetchPartition
        /// Where the partition was found.
        var place: Place
        /// `nil` until the client was told, and after an error.
        fileprivate(set) var told: Told?
        fileprivate var isQueued = false
    }

    private var entries: [Entry?] = []
    private var slots: [FetchSessionKey: Int] = [:]
    private var free: [Int] = []
    private var queue: [Int] = []

    var count: Int { slots.count }
    /// Partitions that may have something new.
    var queuedCount: Int { queue.count }

    subscript(slot: Int) -> Entry? { entries.indices.contains(slot) ? entries[slot] : nil }

    func slot(of key: FetchSessionKey) -> Int? { slots[key] }

    /// Adds a partition and queues it; returns its slot.
    mutating func add(_ key: FetchSessionKey, _ request: FetchRequest.FetchPartition, at place: Place) -> Int {
        let entry = Entry(key: key, request: request, place: place)
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
            entries[slot] = entry
        } else {
            slot = entries.count
            entries.append(entry)
        }
        slots[key] = slot
        mark(slot)
        return slot
    }

    /// Takes over what the client asks of a partition from now on, and queues it.
    mutating func update(_ slot: Int, _ request: FetchRequest.FetchPartition) {
        entries[slot]?.request = request
        mark(slot)
    }

    mutating func move(_ slot: Int, to place: Place) {
        entries[slot]?.place = place
    }

    /// Removes a partition; returns where it was.
    mutating func remove(_ key: FetchSessionKey) -> Place? {
        guard let slot = slots.removeValue(forKey: key), let entry = entries[slot] else { return nil }
        entries[slot] = nil
        if entry.isQueued { queue.removeAll { $0 == slot } }
        free.append(slot)
        return entry.place
    }

    /// Every partition, for the end of the session.
    mutating func removeAll() -> [Place] {
        defer { self = FetchSessionTable() }
        return entries.compactMap { $0?.place }
    }

    /// Says that a partition may have something new.
    mutating func mark(_ slot: Int) {
        guard entries.indices.contains(slot), entries[slot]?.isQueued == false else { return }
        entries[slot]?.isQueued = true
        queue.append(slot)
    }

    mutating func markAll() {
        for slot in entries.indices { mark(slot) }
    }

    /// The slots that may have something new, those that waited longest first; the queue is empty afterwards.
    mutating func takeQueued() -> [Int] {
        defer { queue = [] }
        for slot in queue { entries[slot]?.isQueued = false }
        return queue
    }

    /// Whether the client has to be told what was read of a partition.
    func differs(_ slot: Int, _ data: FetchResponse.PartitionData) -> Bool {
        guard let entry = self[slot] else { return false }
        return data.errorCode != .none || data.divergingEpoch.epoch >= 0 || (data.records?.byteCount ?? 0) > 0
            || entry.told != Told(data)
    }

    /// Takes note that the client is told.
    mutating func tell(_ slot: Int, _ data: FetchResponse.PartitionData) {
        // After an error everything is told again.
        entries[slot]?.told = data.errorCode == .none ? Told(data) : nil
    }
}

extension FetchSessionTable.Told {
    fileprivate init(_ data: FetchResponse.PartitionData) {
        self.init(
            highWatermark: data.highWatermark, lastStableOffset: data.lastStableOffset,
            logStartOffset: data.logStartOffset)
    }
}
