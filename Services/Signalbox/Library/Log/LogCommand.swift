import ArgumentParser
import Storage
import SystemPackage

/// `signalbox log`: a broker's files, without a broker.
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Look into the files of a log.", subcommands: [DumpLogCommand.self])
}

/// `signalbox log dump`: batches, index entries, snapshots, and what is damaged.
struct DumpLogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump", abstract: "Print what a log's file, or every file of a partition's folder, holds.",
        discussion: "Ends with 1 when something is damaged. Changes nothing, and may run beside the broker.")

    @Argument(help: "A .log, .index, .timeindex, .txnindex or .snapshot file, or a partition's folder.")
    var path: String
    @Flag(help: "Also every record of the batches.") var records = false
    @Flag(help: "Print JSON, one object per line.") var json = false

    func run() throws {
        var damages = 0
        let dump = LogDump(files: POSIXFileSystem(), withRecords: records) { entry in
            if case .damage = entry { damages += 1 }
            StandardStream.write(json ? try JSONOutput.text(entry, isPretty: false) : "\(entry)\n")
        }
        do {
            try dump.dump(FilePath(path))
        } catch let error as StorageError {
            throw CommandError("\(error)")
        } catch let error as LogDump.NothingToDump {
            throw CommandError("\(error)")
        }
        if damages > 0 { throw CommandError("\(damages) damaged places in \(path)") }
    }
}
