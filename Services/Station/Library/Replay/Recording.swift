import EventStreams
import Railway
import ServiceKit

/// A recorded file of one station, held in memory.
struct Recording: Sendable {
    /// Largest file that is replayed, in bytes: some two million lines.
    static let maximumBytes = 64 << 20

    /// Where it was read from.
    let path: String
    /// Whose recording it is.
    let station: StationID
    private let bytes: [UInt8]

    /// Reads the file; throws one line that names it when it cannot be read.
    init(path: String, station: StationID) throws(StartupError) {
        self.init(
            path: path, station: station,
            bytes: try readSmallFile(path, "recording of \(station)", limitBytes: Recording.maximumBytes))
    }

    init(path: String, station: StationID, bytes: [UInt8]) {
        self.path = path
        self.station = station
        self.bytes = bytes
    }

    /// The lines in order: what was recorded, or why it cannot be read. Empty lines are left out.
    var lines: some Sequence<Result<RecordedLine, UnreadableLine>> {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).lazy.enumerated().compactMap {
            index, line in line.isEmpty ? nil : read(line, number: index + 1)
        }
    }

    private func read(_ line: ArraySlice<UInt8>, number: Int) -> Result<RecordedLine, UnreadableLine> {
        do throws(RecordedLineError) {
            let read = try RecordedLine(String(decoding: line, as: UTF8.self), number: number)
            if read.station == station { return .success(read) }
            return .failure(UnreadableLine(number: number, reason: "it is of station \(read.station), not \(station)"))
        } catch {
            return .failure(UnreadableLine(number: error.line, reason: error.reason))
        }
    }

    /// The calendar of the recording: a configured service date, or the first line's; nil when no line can be read.
    func calendar(_ serviceDate: ServiceDate?) -> ReplayCalendar? {
        var first: RecordedLine?
        var last: RecordedLine?
        for case .success(let line) in lines {
            first = first ?? line
            last = line
        }
        guard let first, let last else { return nil }
        let own = ReplayCalendar(first: first.at, last: last.at)
        return serviceDate.map { ReplayCalendar(serviceDate: $0, daysPerLoop: own.daysPerLoop) } ?? own
    }
}

/// A line of a recording that is not told, and why.
struct UnreadableLine: Error, Equatable {
    /// Its number in the file, from 1.
    let number: Int
    let reason: String
}
