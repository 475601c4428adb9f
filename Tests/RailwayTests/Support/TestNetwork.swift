import Railway
import Testing

/// Line M1 as in config/network.toml.
func m1Description() -> NetworkDescription {
    NetworkDescription(
        timeZone: "Europe/Paris",
        lines: [
            LineDescription(
                id: "M1", name: "M1",
                stations: [
                    StationDescription(id: "VINCENNES", name: "Vincennes", runToNextSeconds: 300),
                    StationDescription(id: "NATION", name: "Nation", dwellSeconds: 20, runToNextSeconds: 180),
                    StationDescription(
                        id: "GARE_DE_LYON", name: "Gare de Lyon", dwellSeconds: 35, runToNextSeconds: 180),
                    StationDescription(id: "BASTILLE", name: "Bastille", dwellSeconds: 55, runToNextSeconds: 240),
                    StationDescription(id: "CHATELET", name: "Châtelet"),
                ],
                headways: [
                    HeadwayDescription(from: "05:00", to: "07:00", seconds: 360),
                    HeadwayDescription(from: "07:00", to: "10:00", seconds: 240),
                    HeadwayDescription(from: "10:00", to: "16:00", seconds: 300),
                    HeadwayDescription(from: "16:00", to: "20:00", seconds: 240),
                    HeadwayDescription(from: "20:00", to: "22:00", seconds: 300),
                    HeadwayDescription(from: "22:00", to: "24:30", seconds: 450),
                ])
        ])
}

func m1() throws -> Network { try Network(m1Description()) }

/// Paris by its yearly rule: needs no file of the machine.
func paris() throws -> PosixTimeZone { try PosixTimeZone("CET-1CEST,M3.5.0,M10.5.0/3") }

/// A trip of line M1 on 2022-10-11.
func trip(_ number: UInt32, on date: String = "2022-10-11") throws -> TripID {
    TripID(serviceDate: try #require(ServiceDate(date)), line: "M1", number: number)
}

/// An event of trip `number` at `time` on its service date, `+02:00`.
func event(
    _ number: UInt32, _ station: StationID, _ state: StationState, _ time: String, on date: String = "2022-10-11"
) throws -> StationEvent {
    let at = try #require(OffsetDateTime("\(date)T\(time)+02:00"))
    let sequence = try m1().line("M1")?.sequence(of: station, state) ?? 0
    return StationEvent(
        trip: try trip(number, on: date), train: "\(number)", station: station, state: state, at: at, platform: "1",
        sequence: sequence)
}

/// Fisher and Yates' shuffle by our own generator, so that a seed gives one order on every machine.
func shuffled<Element>(_ elements: [Element], seed: UInt64) -> [Element] {
    var random = SplitMix64(seed: seed)
    var result = elements
    for index in result.indices.dropFirst().reversed() {
        result.swapAt(index, Int(random.next() % UInt64(index + 1)))
    }
    return result
}

/// All orders of `elements`.
func permutations<Element>(_ elements: [Element]) -> [[Element]] {
    guard !elements.isEmpty else { return [[]] }
    return elements.indices.flatMap { index in
        var rest = elements
        let chosen = rest.remove(at: index)
        return permutations(rest).map { [chosen] + $0 }
    }
}
