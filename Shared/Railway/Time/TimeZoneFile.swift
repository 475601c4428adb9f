/// A time zone read from the bytes of a TZif file (RFC 8536), such as `/usr/share/zoneinfo/Europe/Paris`.
///
/// Reading the file is the caller's. Version 2 and later use their 64-bit block and the footer's rule for times after
/// the last transition; version 1 has 32-bit times and no footer. Leap seconds are left out, as POSIX time has none.
public struct TimeZoneFile: UTCOffsets, Hashable {
    private let transitions: [Int64]
    private let offsets: [Int]
    private let firstOffset: Int
    private let rule: PosixTimeZone?

    /// No zone has more; also the bound of every count in the header.
    public static let maximumCount = 65_536

    /// Reads `bytes`; throws a sentence that says what is wrong, never traps.
    public init(bytes: [UInt8]) throws(TimeZoneError) {
        var reader = TimeZoneReader(bytes)
        var header = try reader.header()
        var width = 4
        if header.version >= 2 {
            try reader.skip(header.blockBytes(timeBytes: 4))
            header = try reader.header()
            width = 8
        }
        guard header.types > 0 else { throw .invalidFile("it names no local time type") }
        let times = try reader.times(header.times, width: width)
        let indices = try reader.bytes(header.times)
        let types = try reader.types(header.types)
        let rest = header.characters + header.leaps * (width + 4) + header.standardFlags + header.utcFlags
        try reader.skip(rest)
        guard zip(times, times.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw .invalidFile("its transitions are not in ascending order")
        }
        guard indices.allSatisfy({ Int($0) < types.count }) else {
            throw .invalidFile("a transition names a local time type that is not there")
        }
        self.transitions = times
        self.offsets = indices.map { types[Int($0)] }
        self.firstOffset = types[0]
        let footer = width == 8 ? try reader.footer() : ""
        self.rule = footer.isEmpty ? nil : try PosixTimeZone(footer)
    }

    /// Seconds east of UTC in force at `instant`.
    public func offsetSeconds(at instant: Instant) -> Int {
        let seconds = instant.seconds
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        if low == transitions.count, let rule { return rule.offsetSeconds(at: instant) }
        return low == 0 ? firstOffset : offsets[low - 1]
    }
}

/// Takes big-endian fields from TZif bytes; every step is checked against what is left.
private struct TimeZoneReader {
    private let data: [UInt8]
    private var position = 0

    struct Header {
        var version = 0, utcFlags = 0, standardFlags = 0, leaps = 0, times = 0, types = 0, characters = 0

        func blockBytes(timeBytes: Int) -> Int {
            times * (timeBytes + 1) + types * 6 + characters + leaps * (timeBytes + 4) + standardFlags + utcFlags
        }
    }

    init(_ data: [UInt8]) {
        self.data = data
    }

    mutating func skip(_ count: Int) throws(TimeZoneError) {
        _ = try slice(count)
    }

    mutating func bytes(_ count: Int) throws(TimeZoneError) -> [UInt8] {
        Array(try slice(count))
    }

    private mutating func slice(_ count: Int) throws(TimeZoneError) -> ArraySlice<UInt8> {
        guard count <= data.count - position else {
            throw .invalidFile("it ends at byte \(data.count), \(count - (data.count - position)) too early")
        }
        defer { position += count }
        return data[position..<(position + count)]
    }

    private mutating func integer(_ width: Int) throws(TimeZoneError) -> Int64 {
        let raw = try slice(width).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return width == 4 ? Int64(Int32(truncatingIfNeeded: raw)) : Int64(bitPattern: raw)
    }

    private mutating func count() throws(TimeZoneError) -> Int {
        let value = try integer(4)
        guard (0...Int64(TimeZoneFile.maximumCount)).contains(value) else {
            throw .invalidFile("a count of \(value) is over \(TimeZoneFile.maximumCount)")
        }
        return Int(value)
    }

    mutating func header() throws(TimeZoneError) -> Header {
        guard try slice(4).elementsEqual("TZif".utf8) else { throw .invalidFile("it does not begin with 'TZif'") }
        var header = Header()
        let version = try bytes(16)[0]
        header.version = version == 0 ? 1 : Int(version) - Int(UInt8(ascii: "0"))
        header.utcFlags = try count()
        header.standardFlags = try count()
        header.leaps = try count()
        header.times = try count()
        header.types = try count()
        header.characters = try count()
        return header
    }

    mutating func times(_ count: Int, width: Int) throws(TimeZoneError) -> [Int64] {
        var times: [Int64] = []
        for _ in 0..<count { times.append(try integer(width)) }
        return times
    }

    /// The UTC offsets of the local time types; each record is offset, summer flag, name index.
    mutating func types(_ count: Int) throws(TimeZoneError) -> [Int] {
        var offsets: [Int] = []
        for _ in 0..<count {
            let offset = Int(try integer(4))
            guard abs(offset) < 26 * 3600 else { throw .invalidFile("an offset of \(offset) s is over a day") }
            offsets.append(offset)
            try skip(2)
        }
        return offsets
    }

    /// The rule between two newlines at the file's end; empty when the zone has none.
    mutating func footer() throws(TimeZoneError) -> String {
        guard try slice(1).first == UInt8(ascii: "\n") else { throw .invalidFile("its footer is missing") }
        guard let end = data[position...].firstIndex(of: UInt8(ascii: "\n")) else {
            throw .invalidFile("its footer does not end")
        }
        return String(decoding: try slice(end - position), as: UTF8.self)
    }
}
