import Railway
import ServiceKit

/// Reads `config/network.toml`: an unknown key, a wrong type or an impossible plan is an error with file and line.
public enum NetworkFile {
    /// The network of the file at `path`.
    public static func read(_ path: String) throws -> Network {
        try network(
            ConfigurationReader(try ConfigurationSource(file: path, environment: [:], overrides: [])), path)
    }

    /// The network of a text; `path` is used in messages only.
    static func network(text: String, path: String) throws -> Network {
        try network(ConfigurationReader(try ConfigurationSource(text: text, path: path)), path)
    }

    private static func network(_ reader: ConfigurationReader, _ path: String) throws -> Network {
        let description = NetworkDescription(
            timeZone: try reader.string("time_zone", doc: "IANA name of the stations' time zone."),
            lines: try reader.elements("lines").map(line))
        // Before the plan is checked: most often a value is missing because its key is misspelt.
        try reader.finish()
        do throws(NetworkError) {
            return try Network(description)
        } catch {
            throw StartupError("\(path): \(error)")
        }
    }

    private static func line(_ reader: ConfigurationReader) throws -> LineDescription {
        LineDescription(
            id: try reader.string("id"), name: try reader.optionalString("name"),
            stations: try reader.elements("stations").map(station),
            headways: try reader.elements("headways").map(headway))
    }

    private static func station(_ reader: ConfigurationReader) throws -> StationDescription {
        StationDescription(
            id: try reader.string("id"), name: try reader.optionalString("name"),
            dwellSeconds: try reader.optionalInt("dwell_seconds"),
            runToNextSeconds: try reader.optionalInt("run_to_next_seconds"),
            platform: try reader.optionalString("platform"))
    }

    private static func headway(_ reader: ConfigurationReader) throws -> HeadwayDescription {
        HeadwayDescription(
            from: try reader.string("from"), to: try reader.string("to"), seconds: try reader.int("seconds"))
    }
}
