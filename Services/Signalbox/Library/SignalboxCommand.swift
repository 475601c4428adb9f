import ArgumentParser
import KafkaClient
import ServiceKit
import SystemPackage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The command line of Signalbox: hosts the whole line, and looks at any Kafka cluster.
public struct SignalboxCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "signalbox", abstract: "A train line on one event log.",
        subcommands: [
            UpCommand.self, TopicsCommand.self, ProduceCommand.self, ConsumeCommand.self, GroupsCommand.self,
            HealthCommand.self, LogCommand.self,
        ])

    public init() {}

    /// Runs with the process's arguments and ends the process: 0, or 1 after one line on standard error.
    public static func runAndExit() async -> Never {
        endProcess(await run(arguments: Array(CommandLine.arguments.dropFirst())))
    }

    /// Parses and runs; returns the exit code.
    static func run(arguments: [String]) async -> Int32 {
        do {
            var command = try parseAsRoot(arguments.isEmpty ? ["--help"] : arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return 0
        } catch {
            return report(error)
        }
    }

    private static func report(_ error: any Error) -> Int32 {
        if let code = error as? ExitCode { return code.rawValue }
        if Self.exitCode(for: error) == .success {
            StandardStream.write(fullMessage(for: error) + "\n", to: .standardOutput)
            return 0
        }
        StandardStream.write(CommandError.line(error, parserMessage: message(for: error)) + "\n", to: .standardError)
        return 1
    }
}

/// The C library's `exit`, which inside a command means a method of the parser's.
private func endProcess(_ code: Int32) -> Never {
    exit(code)
}

/// Writes to the process's own streams without buffering.
enum StandardStream {
    static func write(_ text: String, to file: FileDescriptor = .standardOutput) {
        do {
            _ = try file.writeAll(text.utf8)
        } catch Errno.brokenPipe {
            return  // Whoever reads has heard enough.
        } catch {
            // What was asked for is not where it should be; a script must not take that for success.
            if file != .standardError {
                write("signalbox: the output cannot be written: \(error)\n", to: .standardError)
            }
            endProcess(1)
        }
    }
}
