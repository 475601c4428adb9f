import ArgumentParser
import KafkaClient
import KafkaWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `signalbox groups delete`
struct DeleteGroupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Remove groups that have no members, with their offsets.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "The groups' names.") var groups: [String]

    func run() async throws {
        let results = try await connection.withAdmin { [groups] in try await $0.deleteGroups(groups) }
        for group in groups {
            guard let result = results[group] else { throw CommandError("group '\(group)': there is no such group") }
            try result.get(about: "group '\(group)'")
        }
    }
}

/// `signalbox groups reset-offsets`
struct ResetOffsetsCommand: AsyncParsableCommand {
    private struct Row: Encodable {
        var topic: String
        var partition: Int32
        var currentOffset: Int64?
        var newOffset: Int64
    }

    static let configuration = CommandConfiguration(
        commandName: "reset-offsets",
        abstract: "Move the committed offsets of a group without members.",
        discussion: "Shows what it would do; --execute does it.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "The group's name.") var group: String
    @Option(help: "A topic; all that the group has offsets of when left out. May be repeated.") var topic: [String] = []
    @Flag(name: .customLong("to-earliest"), help: "To the first record there is.") var toEarliest = false
    @Flag(name: .customLong("to-latest"), help: "Behind the last record.") var toLatest = false
    @Option(
        name: .customLong("to-offset"), parsing: .unconditional,
        help: "To this offset, or the nearest that the partition has.")
    var toOffset: Int64?
    @Option(
        name: .customLong("to-datetime"),
        help: "To the first record at or after a time: 2022-10-11T05:30:00Z, or milliseconds since 1970.")
    var toDateTime: String?
    @Option(
        name: .customLong("shift-by"), parsing: .unconditional, help: "So many records on, or with - back.")
    var shiftBy: Int64?
    @Flag(help: "Do it.") var execute = false
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        do {
            _ = try target()
        } catch {
            throw ValidationError("\(error)")
        }
    }

    private static func commit(_ plan: [OffsetReset], _ group: String, _ admin: KafkaAdmin) async throws {
        do throws(KafkaError) {
            try await admin.commitOffsets(
                groupID: group, Dictionary(uniqueKeysWithValues: plan.map { ($0.partition, $0.new) }))
        } catch {
            guard error.errorCode == .unknownMemberId else { throw error }
            throw CommandError("group '\(group)' has members: stop them first")
        }
    }

    func run() async throws {
        let target = try target()
        let plan = try await connection.withAdmin { [group, topic, execute] admin in
            var places: [TopicPartition]?
            for name in topic { places = (places ?? []) + (try await TopicPlaces.find(name, [], admin)) }
            let plan = try await admin.planOffsetReset(groupID: group, partitions: places, to: target)
            if plan.isEmpty { throw CommandError("group '\(group)' has no offsets: name a topic") }
            if execute { try await Self.commit(plan, group, admin) }
            return plan
        }
        let rows = plan.map { step in
            Row(
                topic: step.partition.topic, partition: step.partition.partition,
                currentOffset: step.current?.rawValue, newOffset: step.new.rawValue)
        }
        if json { return StandardStream.write(try JSONOutput.text(rows)) }
        var table = TextTable(["TOPIC", "PARTITION", "OFFSET", "NEW OFFSET"], numeric: [1, 2, 3])
        for row in rows {
            table.add([
                row.topic, "\(row.partition)", row.currentOffset.map { "\($0)" } ?? "-", "\(row.newOffset)",
            ])
        }
        StandardStream.write(table.text + (execute ? "" : "nothing was changed: --execute does it\n"))
    }

    /// The one target that was named.
    func target() throws(CommandError) -> OffsetResetTarget {
        var targets: [OffsetResetTarget] = []
        if toEarliest { targets.append(.earliest) }
        if toLatest { targets.append(.latest) }
        if let toOffset {
            if toOffset < 0 { throw CommandError("--to-offset must not be negative, and is \(toOffset)") }
            targets.append(.offset(Offset(toOffset)))
        }
        if let toDateTime { targets.append(.timestamp(milliseconds: try Self.milliseconds(toDateTime))) }
        if let shiftBy { targets.append(.shift(shiftBy)) }
        guard let target = targets.first, targets.count == 1 else {
            throw CommandError("name one of --to-earliest, --to-latest, --to-offset, --to-datetime, --shift-by")
        }
        return target
    }

    /// A time as people or clocks write it.
    static func milliseconds(_ text: String) throws(CommandError) -> Int64 {
        if let number = Int64(text) { return number }
        do {
            return Int64((try Date(text, strategy: .iso8601).timeIntervalSince1970 * 1000).rounded())
        } catch {
            throw CommandError("'\(text)' is no time of the form 2022-10-11T05:30:00Z, and no number")
        }
    }
}
