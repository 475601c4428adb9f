/// One line of a recorded file: `train|station|state|YYYY-MM-DD HH:MM:SS`.
///
/// `DEPARTURE` in the file is ``StationState/departed``; `DEPARTED` is read as well. The train is the trip's number.
public struct RecordedLine: Hashable, Sendable {
    /// The trip's number, from 1.
    public let train: UInt32
    /// The station.
    public let station: StationID
    /// What happened.
    public let state: StationState
    /// What the station's clock showed.
    public let at: LocalDateTime

    /// Longest line that is read, in bytes.
    public static let maximumBytes = 256

    /// Reads one line without its newline (a carriage return at its end is left out); `number` is for the error.
    public init(_ text: some StringProtocol, number: Int) throws(RecordedLineError) {
        func fail(_ reason: String) -> RecordedLineError { RecordedLineError(line: number, reason: reason) }
        guard text.utf8.count <= RecordedLine.maximumBytes else {
            throw fail("it has over \(RecordedLine.maximumBytes) bytes")
        }
        let fields = text.split(separator: "|", omittingEmptySubsequences: false).map { String($0) }
        guard fields.count == 4 else { throw fail("it has \(fields.count) fields, not train|station|state|time") }
        guard let train = tripNumber(fields[0]) else { throw fail("train '\(fields[0])' is no number from 1") }
        guard let station = StationID(fields[1]) else { throw fail("'\(fields[1])' is no station id") }
        let time = fields[3].utf8.last == UInt8(ascii: "\r") ? String(fields[3].dropLast()) : fields[3]
        guard let at = LocalDateTime(time) else { throw fail("'\(time)' is no time YYYY-MM-DD HH:MM:SS") }
        switch fields[2] {
        case "ARRIVED": self.state = .arrived
        case "DEPARTURE", "DEPARTED": self.state = .departed
        default: throw fail("state '\(fields[2])' is neither ARRIVED nor DEPARTURE")
        }
        self.train = train
        self.station = station
        self.at = at
    }
}

/// Why a line of a recorded file cannot be read.
public struct RecordedLineError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The line's number in its file, from 1.
    public let line: Int
    /// What is wrong with it.
    public let reason: String

    /// A sentence for a log line.
    public var description: String { "line \(line): \(reason)" }
}
