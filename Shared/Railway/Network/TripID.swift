/// One run of one train along a line on one service date; text form `2022-10-11/M1/17`.
///
/// The text form is unique (no zeros in front of the number), because it is a record's key and a part of event ids.
/// Ordered by service date, then number, then line: roughly the order in which trips leave.
public struct TripID: Hashable, Sendable {
    /// The service date the trip belongs to, also after midnight.
    public let serviceDate: ServiceDate
    /// The line it runs on.
    public let line: LineID
    /// Its number within the line's service date, from 1.
    public let number: UInt32

    /// The trip `number` of `line` on `serviceDate`.
    public init(serviceDate: ServiceDate, line: LineID, number: UInt32) {
        self.serviceDate = serviceDate
        self.line = line
        self.number = number
    }
}

extension TripID: LosslessStringConvertible {
    /// The text form.
    public var description: String { "\(serviceDate)/\(line)/\(number)" }

    /// Reads the text form; nil for anything else.
    public init?(_ description: String) {
        guard description.utf8.count <= 96 else { return nil }
        let parts = description.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let date = ServiceDate(parts[0]), let line = LineID(rawValue: String(parts[1])),
            let number = tripNumber(parts[2])
        else { return nil }
        self.init(serviceDate: date, line: line, number: number)
    }
}

extension TripID: Comparable {
    /// Ordered as the parts are.
    public static func < (left: TripID, right: TripID) -> Bool {
        (left.serviceDate, left.number, left.line) < (right.serviceDate, right.number, right.line)
    }
}

extension TripID: Codable {
    /// Reads the coded form; refuses what is outside the bounds with a sentence.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let trip = TripID(text) else {
            throw decoder.refusal("'\(text.prefix(96))' is no trip such as 2022-10-11/M1/17")
        }
        self = trip
    }

    /// Writes the text form or the fields.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// A trip's number in its one written form: decimal digits, from 1, no sign and no zero in front.
func tripNumber(_ text: some StringProtocol) -> UInt32? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
        text.utf8.first != UInt8(ascii: "0")
    else { return nil }
    return UInt32(text)
}
