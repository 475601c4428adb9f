/// A flag of one executable that stands for configuration keys: `--data DIR` for `--set data.dir=DIR`.
public struct CommandLineFlag: Sendable {
    /// With its dashes: `--data`.
    public var name: String
    /// Every key that the flag's value is set to.
    public var keys: [String]
    /// What the value is called in the help: `DIR`.
    public var valueName: String
    /// One sentence.
    public var documentation: String

    public init(_ name: String, keys: [String], valueName: String = "VALUE", documentation: String = "") {
        self.name = name
        self.keys = keys
        self.valueName = valueName
        self.documentation = documentation
    }
}

/// What every executable understands: `--config FILE`, `--set key=value`, its own flags, `--check`, `--help`.
public struct CommandLineOptions: Sendable, Equatable {
    /// What the process is asked to do.
    public enum Action: Sendable, Equatable {
        case run
        /// Read the configuration, say whether it is right, and end.
        case check
        case help
    }

    public var action: Action
    public var configurationFile: String?
    /// Later ones win.
    public var overrides: [ConfigurationOverride]

    public init(
        action: Action = .run, configurationFile: String? = nil, overrides: [ConfigurationOverride] = []
    ) {
        self.action = action
        self.configurationFile = configurationFile
        self.overrides = overrides
    }

    /// Parses arguments without the program's name. `--flag=value` is the same as `--flag value`.
    public init(arguments: [String], flags: [CommandLineFlag] = []) throws(ConfigurationError) {
        self.init()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = argument.hasPrefix("--") ? String(parts[0]) : argument
            let attached = argument.hasPrefix("--") && parts.count == 2 ? String(parts[1]) : nil
            switch name {
            case "--help", "-h": action = .help
            case "--check": action = .check
            case "--config", "-c":
                configurationFile = try Self.value(of: name, attached, &rest)
            case "--set":
                overrides.append(try Self.override(try Self.value(of: name, attached, &rest)))
            default:
                guard let flag = flags.first(where: { $0.name == name }) else {
                    let known = flags.map(\.name) + ["--config", "--set", "--check", "--help"]
                    let hint = nearest(to: name, among: known).map { " (did you mean '\($0)'?)" } ?? ""
                    throw ConfigurationError("unknown argument '\(argument)'\(hint)", at: .commandLine)
                }
                let value = try Self.value(of: name, attached, &rest)
                overrides += flag.keys.map { ConfigurationOverride(key: $0, value: value) }
            }
        }
    }

    private static func value(
        of name: String, _ attached: String?, _ rest: inout ArraySlice<String>
    ) throws(ConfigurationError) -> String {
        if let value = attached ?? rest.popFirst() { return value }
        throw ConfigurationError("\(name) needs a value", at: .commandLine)
    }

    private static func override(_ text: String) throws(ConfigurationError) -> ConfigurationOverride {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw ConfigurationError("--set needs key=value, not '\(text)'", at: .commandLine)
        }
        return ConfigurationOverride(
            key: String(text[..<equals]), value: String(text[text.index(after: equals)...]))
    }
}
