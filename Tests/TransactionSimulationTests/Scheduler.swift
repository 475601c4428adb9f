import HeapModule
import Storage

/// Virtual time and the only source of chance: what is due at the same moment happens in an order that the seed
/// decides.
final class Scheduler {
    private struct Event: Comparable {
        let time: Int64
        let tie: UInt64
        let action: () -> Void

        static func < (left: Event, right: Event) -> Bool { (left.time, left.tie) < (right.time, right.tie) }
        static func == (left: Event, right: Event) -> Bool { (left.time, left.tie) == (right.time, right.tie) }
    }

    /// Milliseconds.
    private(set) var now: Int64 = 0
    private(set) var eventCount = 0
    private var random: SplitMix64
    private var events = Heap<Event>()

    /// One hop in so many takes long.
    var slowHops = 30

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    func after(_ delay: Int64, _ action: @escaping () -> Void) {
        events.insert(Event(time: now + delay, tie: random.next(), action: action))
    }

    /// Does what is due, in turn, until the condition holds or the time is up; returns whether it holds.
    func run(until limit: Int64, _ condition: () -> Bool = { false }) -> Bool {
        while !condition() {
            guard let next = events.min, next.time <= limit else { return false }
            events.removeMin()
            now = max(now, next.time)
            eventCount += 1
            next.action()
        }
        return true
    }

    // MARK: Chance

    func number(upTo bound: Int) -> Int { random.next(upTo: bound) }

    func isLucky(oneIn bound: Int) -> Bool { random.next(upTo: bound) == 0 }

    func pick<Element>(_ elements: [Element]) -> Element { elements[random.next(upTo: elements.count)] }

    /// From one thread to another: at once, or after others had their turn.
    var hop: Int64 { isLucky(oneIn: slowHops) ? Int64(number(upTo: 100)) : Int64(number(upTo: 2)) }

    /// Until a handler that has asked somebody else has its turn again: others may do a lot meanwhile.
    var turn: Int64 { isLucky(oneIn: 4) ? Int64(number(upTo: 200)) : hop }

    /// Through the network: short as a rule, sometimes longer than anybody's patience.
    var latency: Int64 {
        switch number(upTo: 20) {
        case 0: Int64(number(upTo: 300))
        case 1...4: Int64(number(upTo: 20))
        default: Int64(number(upTo: 3))
        }
    }
}
