import FoundationEssentials
import Railway
import Testing

/// The five recorded stations beside the repository, or a small day written here where they are absent.
enum LabData {
    /// `../shared/lab-data` seen from the repository's root.
    static let folder: URL = {
        let file = URL(filePath: #filePath).resolvingSymlinksInPath()
        let root = file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return root.deletingLastPathComponent().appending(path: "shared").appending(path: "lab-data")
    }()

    static let isThere = FileManager.default.fileExists(atPath: folder.appending(path: "NATION.txt").path)

    static let stations: [StationID] = ["VINCENNES", "NATION", "GARE_DE_LYON", "BASTILLE", "CHATELET"]

    /// The events of each station in file order; `trips` cuts them to the first trips.
    static func events(trips: UInt32 = .max) throws -> [[StationEvent]] {
        let line = try #require(try m1().line("M1"))
        let offsets = try paris()
        return try stations.map { station in
            let text = try text(of: station)
            let lines = try text.split(separator: "\n").enumerated().map { index, line in
                try RecordedLine(line, number: index + 1)
            }
            let (first, last) = (try #require(lines.first), try #require(lines.last))
            let calendar = ReplayCalendar(first: first.at, last: last.at)
            return try lines.filter { $0.train <= trips }.map { recorded in
                try calendar.event(recorded, loop: 0, on: line, offsets: offsets)
            }
        }
    }

    private static func text(of station: StationID) throws -> String {
        guard isThere else { return inline[station] ?? "" }
        let data = try Data(contentsOf: folder.appending(path: "\(station).txt"))
        return String(decoding: data, as: UTF8.self)
    }

    private static let inline: [StationID: String] = [
        "VINCENNES": "1|VINCENNES|DEPARTURE|2022-10-11 05:00:00\n2|VINCENNES|DEPARTURE|2022-10-11 05:06:00",
        "NATION": """
        1|NATION|ARRIVED|2022-10-11 05:04:59
        1|NATION|DEPARTURE|2022-10-11 05:05:13
        2|NATION|ARRIVED|2022-10-11 05:11:45
        2|NATION|DEPARTURE|2022-10-11 05:12:09
        """,
        "GARE_DE_LYON": """
        1|GARE_DE_LYON|ARRIVED|2022-10-11 05:08:13
        1|GARE_DE_LYON|DEPARTURE|2022-10-11 05:08:47
        2|GARE_DE_LYON|ARRIVED|2022-10-11 05:15:10
        """,
        "BASTILLE": "1|BASTILLE|ARRIVED|2022-10-11 05:11:46\n1|BASTILLE|DEPARTURE|2022-10-11 05:12:43",
        "CHATELET": "1|CHATELET|ARRIVED|2022-10-11 05:16:51",
    ]
}
