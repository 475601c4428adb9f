import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import Storage

/// Producers and their transactions as simple as can be: everything is worked out from the list of what was appended.
struct TransactionModel {
    enum Kind: Equatable {
        case records(isTransactional: Bool)
        case marker(isCommit: Bool)
    }

    struct Entry {
        var base: Offset
        var values: [String]
        var producer: ProducerID
        var epoch: Int16
        var sequence: Int32
        var kind: Kind
        var next: Offset { base + Int64(max(1, values.count)) }
    }

    struct Producer: Equatable {
        var epoch: Int16 = 0
        var nextSequence: Int32 = 0
        var transactionStart: Offset?
    }

    var entries: [Entry] = []
    var start: Offset = 0
    var durable: Offset = 0
    private var nextValue = 0

    var end: Offset { entries.last?.next ?? start }

    /// The producers that the log must know.
    var producers: [ProducerID: Producer] {
        var found: [ProducerID: Producer] = [:]
        for entry in entries where entry.producer >= 0 {
            var producer = found[entry.producer] ?? Producer(epoch: entry.epoch)
            if producer.epoch != entry.epoch { producer.nextSequence = 0 }
            producer.epoch = entry.epoch
            switch entry.kind {
            case .records(let isTransactional):
                producer.nextSequence = entry.sequence + Int32(entry.values.count)
                if isTransactional, producer.transactionStart == nil { producer.transactionStart = entry.base }
            case .marker:
                producer.transactionStart = nil
            }
            found[entry.producer] = producer
        }
        return found
    }

    var firstUnstable: Offset? {
        producers.values.compactMap(\.transactionStart).min().map { max($0, start) }
    }

    /// Every transaction that was aborted, ascending by its end.
    var aborted: [AbortedTransaction] {
        var open: [ProducerID: Offset] = [:]
        var found: [AbortedTransaction] = []
        for entry in entries where entry.producer >= 0 {
            switch entry.kind {
            case .records(let isTransactional):
                if isTransactional, open[entry.producer] == nil { open[entry.producer] = entry.base }
            case .marker(let isCommit):
                guard let first = open.removeValue(forKey: entry.producer), !isCommit else { continue }
                found.append(
                    AbortedTransaction(
                        producerID: entry.producer, firstOffset: first, lastOffset: entry.base,
                        lastStableOffset: open.values.min() ?? entry.base + 1))
            }
        }
        return found
    }

    /// What a reader of committed records sees from an offset on.
    func committed(from start: Offset) -> [String] {
        let bound = firstUnstable ?? end
        let aborted = aborted
        return entries.filter { $0.next > start && $0.next <= bound && !$0.values.isEmpty }.flatMap { entry in
            let isAborted = aborted.contains {
                $0.producerID == entry.producer && $0.firstOffset <= entry.base && $0.lastOffset >= entry.base
            }
            if isAborted, entry.kind == .records(isTransactional: true) { return [String]() }
            return entry.values.enumerated().filter { entry.base + Int64($0.offset) >= start }.map(\.element)
        }
    }

    mutating func makeValues(_ generator: inout SplitMix64) -> [String] {
        (0..<(1 + generator.next(upTo: 4))).map { _ in
            nextValue += 1
            return String(nextValue)
        }
    }

    /// After a crash: what is not there any more.
    mutating func lose(start newStart: Offset, end newEnd: Offset) throws {
        try #require(newEnd >= durable && newEnd <= end, "durable records are there after a crash")
        if newStart != start {
            try #require(newStart > start && durable <= start, "records that were deleted do not come back")
            entries.removeAll { $0.base < newStart }
            start = newStart
        }
        entries.removeAll { $0.base >= newEnd }
        try #require(end == newEnd, "the log ends with a whole batch")
        durable = newEnd
    }
}
