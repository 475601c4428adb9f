import KafkaWire

/// The newest offset of every key, in one allocation of a fixed size.
///
/// An open-addressing table of a key's hash and its offset, 24 bytes for each key. It starts small and doubles in
/// place, so that memory beyond what the keys need is reserved and never touched; it never takes more than it was
/// given. Has one owner, the cleaner.
final class KeyOffsetMap {
    /// Bytes for one key.
    static let slotBytes = MemoryLayout<Slot>.stride

    private static let initialSlots = 4096
    /// The table doubles when it is this full, until it cannot any more.
    private static let comfortableLoad = 0.7

    private struct Slot {
        var hash: KeyHash
        /// The offset plus one; 0 is an empty slot. The sign bit marks entries that are yet to be moved.
        var offset: Int64
    }

    private static let unmoved = Int64.min

    private let slots: UnsafeMutableBufferPointer<Slot>
    private let seed: KeyHash.Seed
    /// Slots in use now, from the front of the allocation.
    private var slotCount: Int
    private var growAt: Int

    /// Keys that the map can hold.
    let capacity: Int
    /// Keys in the map.
    private(set) var count = 0

    /// - Parameters:
    ///   - byteCount: what the map may take; at least one slot is made.
    ///   - loadFactor: how full the table may become, above 0 and below 1.
    init(byteCount: Int, loadFactor: Double, seed: KeyHash.Seed) {
        let total = max(2, byteCount / Self.slotBytes)
        capacity = max(1, min(total - 1, Int(Double(total) * loadFactor)))
        slots = UnsafeMutableBufferPointer.allocate(capacity: total)
        self.seed = seed
        slotCount = min(total, Self.initialSlots)
        growAt = 0
        clear(0..<slotCount)
        growAt = growthThreshold
    }

    deinit { slots.deallocate() }

    /// The part of the allocation that is in use.
    var usedBytes: Int { slotCount * Self.slotBytes }

    /// How full the map is, from 0 to 1.
    var utilization: Double { Double(count) / Double(capacity) }

    /// Remembers the offset of a key in the place of an older one; `false`, and nothing is changed, where the map is
    /// full and the key is new.
    func record(_ key: UnsafeRawBufferPointer, at offset: Offset) -> Bool {
        let hash = KeyHash(key, seed: seed)
        var place = place(of: hash)
        if slots[place].offset == 0 {
            if count >= capacity { return false }
            if count >= growAt {
                grow()
                place = self.place(of: hash)
            }
            count += 1
            slots[place].hash = hash
        }
        slots[place].offset = offset.rawValue + 1
        return true
    }

    /// The newest offset that was recorded for a key.
    func offset(of key: UnsafeRawBufferPointer) -> Offset? {
        let found = slots[place(of: KeyHash(key, seed: seed))].offset
        return found == 0 ? nil : Offset(found - 1)
    }

    /// Where a hash is, or the empty slot where it belongs. There is always an empty one.
    private func place(of hash: KeyHash) -> Int {
        var place = home(of: hash)
        while slots[place].offset != 0, slots[place].hash != hash { place = next(place) }
        return place
    }

    @inline(__always)
    private func home(of hash: KeyHash) -> Int {
        Int(truncatingIfNeeded: hash.high.multipliedFullWidth(by: UInt64(slotCount)).high)
    }

    @inline(__always)
    private func next(_ place: Int) -> Int { place + 1 == slotCount ? 0 : place + 1 }

    private func clear(_ range: Range<Int>) {
        for place in range { slots.initializeElement(at: place, to: Slot(hash: KeyHash.zero, offset: 0)) }
    }

    private var growthThreshold: Int {
        slotCount == slots.count ? capacity : Int(Double(slotCount) * Self.comfortableLoad)
    }

    /// Doubles the table where it is: entries are taken out one after the other and put where they belong now; one that
    /// is in the way and was not moved yet goes on in its place.
    private func grow() {
        guard slotCount < slots.count else { return }
        let old = slotCount
        slotCount = slots.count - old < old ? slots.count : old * 2
        clear(old..<slotCount)
        for place in 0..<old where slots[place].offset != 0 { slots[place].offset |= Self.unmoved }
        for place in 0..<old where slots[place].offset < 0 {
            var moving = slots[place]
            slots[place].offset = 0
            while moving.offset < 0 { moving = settle(moving) }
        }
        growAt = growthThreshold
    }

    /// Puts an entry where it belongs; returns the entry that was there, or an empty one.
    private func settle(_ entry: Slot) -> Slot {
        var place = home(of: entry.hash)
        while slots[place].offset > 0 { place = next(place) }
        let displaced = slots[place]
        slots[place] = Slot(hash: entry.hash, offset: entry.offset & ~Self.unmoved)
        return displaced
    }
}

extension KeyHash {
    fileprivate static let zero = KeyHash(low: 0, high: 0)

    private init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }
}
