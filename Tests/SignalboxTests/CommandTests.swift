import ArgumentParser
import KafkaClient
import NIOCore
import ServiceKit
import Testing

@testable import SignalboxCLI

@Suite("Lines that are produced")
struct RecordLineTests {
    @Test("Without a separator the whole line is the value")
    func value() throws {
        let line = try RecordLine("a\tb", separator: nil)
        #expect(line.key == nil)
        #expect(line.value == "a\tb")
    }

    @Test("Key and value are divided at the first separator", arguments: ["\\t", "\t"])
    func key(_ separator: String) throws {
        let line = try RecordLine("k\tv\tw", separator: RecordLine.separator(separator))
        #expect(line.key == "k")
        #expect(line.value == "v\tw")
    }

    @Test("A line without the separator is an error, an empty key is one")
    func without() throws {
        #expect(throws: CommandError.self) { try RecordLine("value", separator: ":") }
        #expect(try RecordLine(":value", separator: ":").key == "")
    }

    @Test("The tombstone's word stands for no value")
    func tombstone() throws {
        #expect(try RecordLine("k:null", separator: ":", tombstone: "null").value == nil)
        #expect(try RecordLine("null", separator: nil).value == "null")
    }
}

@Suite("Records that are printed")
struct RecordTextTests {
    private let text = RecordText(
        place: TopicPartition(topic: "delays", partition: 2),
        record: ConsumerRecord(
            offset: 7, timestamp: 1_665_457_499_000, key: ByteBuffer(string: "k"), value: ByteBuffer(string: "v"),
            headers: [RecordHeader(name: "ce_id", value: ByteBuffer(string: "one"))]))

    @Test(
        "Each format has its line",
        arguments: [
            (RecordFormat.value, "v\n"), (.keyValue, "k\tv\n"), (.full, "delays-2@7\t1665457499000\tk\tv\tce_id=one\n"),
            (
                .json,
                #"{"headers":[["ce_id","one"]],"key":"k","offset":7,"partition":2,"timestamp":1665457499000,"#
                    + #""topic":"delays","value":"v"}"# + "\n"
            ),
        ])
    func formats(_ format: RecordFormat, _ line: String) throws {
        #expect(try text.line(format) == line)
    }
}

@Suite("When consuming is done")
struct RemainingRecordsTests {
    private let first = TopicPartition(topic: "delays", partition: 0)
    private let second = TopicPartition(topic: "delays", partition: 1)

    @Test("Without a count or ends it never is")
    func endless() {
        var remaining = RemainingRecords(ends: nil, count: nil)
        remaining.start(at: [first: 0])
        let isTaken = remaining.take(first, 5)
        #expect(isTaken)
        remaining.reached(first, 6)
        #expect(!remaining.isDone)
    }

    @Test("A count ends it in the middle of a batch")
    func count() {
        var remaining = RemainingRecords(ends: nil, count: 2)
        let taken = (0..<5).map { remaining.take(first, Offset(rawValue: $0)) }
        #expect(taken == [true, true, false, false, false])
        #expect(remaining.isDone)
    }

    @Test("Partitions that are empty, or read to where they ended, are done; later records are not printed")
    func ends() {
        var remaining = RemainingRecords(ends: [first: 3, second: 0], count: nil)
        remaining.start(at: [first: 0, second: 0])
        #expect(!remaining.isDone)
        let taken = (0..<5).map { remaining.take(first, Offset(rawValue: $0)) }
        #expect(taken == [true, true, true, false, false])
        remaining.reached(first, 5)
        #expect(remaining.isDone)
    }
}

@Suite("Addresses of health checks")
struct HTTPAddressTests {
    @Test(
        "Host, port and path are read",
        arguments: [
            ("http://127.0.0.1:9600/health/ready", "127.0.0.1", 9600, "/health/ready"),
            ("http://localhost", "localhost", 80, "/"), ("http://[::1]:81/a?b=c", "::1", 81, "/a?b=c"),
        ])
    func reads(_ text: String, _ host: String, _ port: Int, _ path: String) throws {
        let address = try HTTPAddress(text)
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.path == path)
    }

    @Test(
        "Anything else is refused",
        arguments: ["", "localhost:9600", "https://a/", "http://", "http://a:0/", "http://a b/"])
    func refuses(_ text: String) {
        #expect(throws: CommandError.self) { try HTTPAddress(text) }
    }
}

@Suite("Tables")
struct TextTableTests {
    @Test("Columns are as wide as their widest cell, numbers to the right, no space at a line's end")
    func aligned() {
        var table = TextTable(["TOPIC", "RECORDS"], numeric: [1])
        table.add(["delays", "5"])
        table.add(["a", "12345678"])
        #expect(table.text == "TOPIC    RECORDS\ndelays         5\na       12345678\n")
    }
}

@Suite("Changes of topics and groups")
struct ChangeCommandTests {
    @Test("What is set and what goes back to its default become one change")
    func operations() throws {
        let operations = try AlterTopicCommand.operations(set: ["retention.ms=5", "a=b=c"], delete: ["segment.bytes"])
        #expect(operations == ["retention.ms": .set("5"), "a": .set("b=c"), "segment.bytes": .delete])
        #expect(throws: CommandError.self) { try AlterTopicCommand.operations(set: ["x=1"], delete: ["x"]) }
        #expect(throws: CommandError.self) { try AlterTopicCommand.operations(set: ["x"], delete: []) }
    }

    @Test(
        "A reset has exactly one target",
        arguments: [
            (["--to-earliest"], OffsetResetTarget.earliest), (["--to-latest"], .latest),
            (["--to-offset", "7"], .offset(7)),
            (["--shift-by", "-3"], .shift(-3)),
            (["--to-datetime", "1665457499000"], .timestamp(milliseconds: 1_665_457_499_000)),
            (["--to-datetime", "2022-10-11T05:30:00Z"], .timestamp(milliseconds: 1_665_466_200_000)),
        ])
    func target(_ arguments: [String], _ target: OffsetResetTarget) throws {
        let command = try ResetOffsetsCommand.parse(["g"] + arguments)
        #expect(try command.target() == target)
        #expect(!command.execute)
    }

    @Test(
        "None, two, or no time at all are told",
        arguments: [[], ["--to-earliest", "--to-latest"], ["--to-datetime", "yesterday"], ["--to-offset", "x"]])
    func noTarget(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try ResetOffsetsCommand.parse(["g"] + arguments) }
    }

    @Test("A number that cannot be is told as such, not as one that is missing")
    func impossible() {
        for count in ["0", "-3"] {
            let told = Self.refusal(CreatePartitionsCommand.self, ["t", "--partitions", count])
            #expect(told.contains("at least 1, not \(count)"))
        }
        #expect(Self.refusal(ResetOffsetsCommand.self, ["g", "--to-offset", "-5"]).contains("and is -5"))
        #expect(Self.refusal(DeleteRecordsCommand.self, ["t", "--before", "-1"]).contains("not '-1'"))
    }

    /// What a command line is refused with; empty where it is none.
    private static func refusal<Command: ParsableCommand>(_ command: Command.Type, _ arguments: [String]) -> String {
        do { _ = try command.parse(arguments) } catch { return command.message(for: error) }
        return ""
    }

    @Test("Records are deleted before an offset or to the end")
    func deleteRecords() throws {
        for before in ["0", "5", "end"] { _ = try DeleteRecordsCommand.parse(["t", "--before=\(before)"]) }
        #expect(throws: (any Error).self) { try DeleteRecordsCommand.parse(["t", "--before=-1"]) }
    }
}
