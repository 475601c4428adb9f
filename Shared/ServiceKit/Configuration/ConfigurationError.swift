/// Where a configuration value came from; the order of precedence is the order of the cases, last wins.
public enum ConfigurationOrigin: Sendable, Equatable, CustomStringConvertible {
    /// The default that the reading service declares.
    case builtIn
    /// A line (from 1) of a TOML file; line 0 means the file as a whole.
    case file(path: String, line: Int)
    /// An environment variable.
    case environment(variable: String)
    /// `--set` or one of the executable's own flags.
    case commandLine

    /// The prefix of an error line, such as `config/delays.toml:7` or `environment SIGNALBOX_HTTP__PORT`.
    public var description: String {
        switch self {
        case .builtIn: "default"
        case .file(let path, let line): line > 0 ? "\(path):\(line)" : path
        case .environment(let variable): "environment \(variable)"
        case .commandLine: "command line"
        }
    }
}

/// Something wrong with the configuration: one line of text per problem, each with its place.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// One problem: its place and what is wrong, without line breaks.
    public struct Problem: Sendable, Equatable, CustomStringConvertible {
        public var origin: ConfigurationOrigin
        public var message: String

        public init(origin: ConfigurationOrigin, message: String) {
            self.origin = origin
            self.message = message
        }

        public var description: String { "\(origin): \(oneLine(message))" }
    }

    /// At least one problem, in the order of the sources and lines.
    public var problems: [Problem]

    /// An error of several problems.
    public init(problems: [Problem]) {
        self.problems = problems
    }

    /// An error of one problem.
    public init(_ message: String, at origin: ConfigurationOrigin) {
        problems = [Problem(origin: origin, message: message)]
    }

    /// One line per problem.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// A reason why a service cannot start that is not in its configuration's text, such as a port in use.
public struct StartupError: Error, Equatable, CustomStringConvertible {
    /// One line.
    public let description: String

    /// Takes the line to print; line breaks are replaced.
    public init(_ description: String) {
        self.description = oneLine(description)
    }
}

/// The text with line breaks and other control characters replaced by spaces.
func oneLine(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 }) else { return text }
    return String(text.map { $0.isNewline || ($0.asciiValue ?? 0x20) < 0x20 ? " " : $0 })
}
