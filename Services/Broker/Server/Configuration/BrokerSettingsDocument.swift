import Storage

/// `docs/broker-settings.md`, written from the table of settings so that it cannot say anything else.
enum BrokerSettingsDocument {
    static func text() -> String {
        var lines = [
            "# The broker's settings",
            "",
            "Written by `make documents` from the tables in `Services/Broker/Server`, and compared with them by",
            "`Tests/BrokerServerTests`. Names and defaults are Kafka's, except where the text says that a setting is",
            "ours. They stand quoted in the table `[kafka]` of a configuration file; a name that is not here is an",
            "error with file and line. Those that change while the broker runs do so by IncrementalAlterConfigs, for",
            "one broker or for all, and then go over the file.",
            "",
            "| setting | type | default | values | changes | meaning |",
            "|---|---|---|---|---|---|",
        ]
        for setting in BrokerSetting.all {
            let fallback = setting.definition.defaultValue
            lines.append(
                "| `\(setting.name)` | \(setting.definition.type) | \(fallback.isEmpty ? "" : "`\(fallback)`") |"
                    + " \(setting.allowed) | \(setting.update.rawValue) | \(setting.definition.documentation) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
