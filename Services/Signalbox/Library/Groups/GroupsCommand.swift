import ArgumentParser
import KafkaClient

/// `signalbox groups`: consumer groups, and how far behind they are.
struct GroupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "groups", abstract: "List, describe, move and delete consumer groups.",
        subcommands: [
            ListGroupsCommand.self, DescribeGroupCommand.self, ResetOffsetsCommand.self, DeleteGroupsCommand.self,
        ])
}

/// `signalbox groups list`
struct ListGroupsCommand: AsyncParsableCommand {
    private struct Row: Encodable {
        var group: String
        var state: String
        var protocolType: String
    }

    static let configuration = CommandConfiguration(commandName: "list", abstract: "All groups with their state.")

    @OptionGroup var connection: ConnectionOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let groups = try await connection.withAdmin { try await $0.listGroups() }
        let rows = groups.sorted { $0.groupID < $1.groupID }.map {
            Row(group: $0.groupID, state: $0.state, protocolType: $0.protocolType)
        }
        if json { return StandardStream.write(try JSONOutput.text(rows)) }
        var table = TextTable(["GROUP", "STATE", "PROTOCOL"])
        for row in rows { table.add([row.group, row.state.isEmpty ? "-" : row.state, row.protocolType]) }
        StandardStream.write(table.text)
    }
}

/// A group with what its members have and how far they are, as `--json` prints it.
struct GroupReport: Encodable {
    struct Partition: Encodable {
        var topic: String
        var partition: Int32
        var committedOffset: Int64?
        var endOffset: Int64?
        var lag: Int64?
        var member: String?
        var client: String?
        var host: String?
    }

    var group: String
    var state: String
    var assignor: String
    var members: Int
    var partitions: [Partition]
}

extension GroupReport {
    /// Joins membership, committed offsets and the ends of partitions.
    init(
        _ group: GroupDescription, committed: [TopicPartition: CommittedOffset], ends: [TopicPartition: Offset]
    ) {
        self.group = group.groupID
        state = group.state
        assignor = group.assignor
        members = group.members.count
        var owners: [TopicPartition: GroupMemberDescription] = [:]
        for member in group.members {
            for partition in member.assignment { owners[partition] = member }
        }
        partitions = Set(committed.keys).union(owners.keys).sorted().map { place in
            let offset = committed[place]?.offset
            let end = ends[place]
            let lag: Int64? = if let offset, let end { max(0, end - offset) } else { nil }
            return Partition(
                topic: place.topic, partition: place.partition, committedOffset: offset?.rawValue,
                endOffset: end?.rawValue, lag: lag, member: owners[place]?.memberID, client: owners[place]?.clientID,
                host: owners[place]?.clientHost)
        }
    }

    /// Asks the cluster for all of it; a group that nobody knows is an error.
    static func make(_ groupID: String, _ admin: KafkaAdmin) async throws -> GroupReport {
        guard let result = try await admin.describeGroups([groupID])[groupID] else {
            throw CommandError("group '\(groupID)': there is no such group")
        }
        let group = try result.get(about: "group '\(groupID)'")
        let committed = try await admin.committedOffsets(groupID: groupID)
        if group.members.isEmpty, committed.isEmpty, ["Dead", ""].contains(group.state) {
            throw CommandError("group '\(groupID)': there is no such group")
        }
        let partitions = Set(committed.keys).union(group.members.flatMap(\.assignment))
        let ends = partitions.isEmpty ? [:] : try await admin.listOffsets(partitions.sorted(), at: .latest)
        return GroupReport(group, committed: committed, ends: ends)
    }

    /// The report as text: a line about the group, then a row per partition.
    var text: String {
        var table = TextTable(
            ["TOPIC", "PARTITION", "OFFSET", "END", "LAG", "MEMBER", "CLIENT", "HOST"], numeric: [1, 2, 3, 4])
        for row in partitions {
            table.add([
                row.topic, "\(row.partition)", row.committedOffset.map { "\($0)" } ?? "-",
                row.endOffset.map { "\($0)" } ?? "-", row.lag.map { "\($0)" } ?? "-", row.member ?? "-",
                row.client ?? "-", row.host ?? "-",
            ])
        }
        let by = assignor.isEmpty ? "" : ", assignor \(assignor)"
        return "group \(group): \(state.isEmpty ? "unknown" : state), members \(members)\(by)\n" + table.text
    }
}

/// `signalbox groups describe`
struct DescribeGroupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "A group's members, offsets and lag.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "The group's name.") var group: String
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let report = try await connection.withAdmin { [group] in try await GroupReport.make(group, $0) }
        StandardStream.write(json ? try JSONOutput.text(report) : report.text)
    }
}
