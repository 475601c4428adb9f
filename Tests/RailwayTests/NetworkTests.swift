import Railway
import Testing

@Suite("Network")
struct NetworkTests {
    @Test("Planned times add up along the line")
    func plan() throws {
        let network = try m1()
        let line = try #require(network.line("M1"))
        #expect(line.stops.map(\.arrivalAfterSeconds) == [0, 300, 500, 715, 1010])
        #expect(line.position(of: "BASTILLE") == 3)
        #expect(line.sequence(of: "CHATELET", .arrived) == 8)
        #expect(network.station("CHATELET")?.name == "Châtelet")
        #expect(network.lines(at: "NATION").map(\.id) == ["M1"])
        #expect(network.stations.map(\.id) == LabData.stations)
    }

    @Test("What is wrong is said in a sentence", arguments: Fault.allCases)
    func faults(fault: Fault) throws {
        var description = m1Description()
        fault.apply(&description)
        do {
            _ = try Network(description)
            Issue.record("accepted \(fault)")
        } catch {
            #expect(error.description.contains(fault.sentence), "\(error)")
        }
    }

    enum Fault: CaseIterable {
        case zone, climbingZone, noLines, lineTwice, stationTwice, oneStation, badID, noDwell, dwellAtEnd, noRun,
            runAtEnd
        case hugeRun, headwayText, headwayOrder, headwayOverlap, headwaySeconds, headwayTooEarly

        var sentence: String {
            switch self {
            case .zone, .climbingZone: "no time zone name"
            case .noLines: "has no lines"
            case .lineTwice: "line M1 is there twice"
            case .stationTwice: "names station NATION twice"
            case .oneStation: "has 1 stations"
            case .badID: "is no station id"
            case .noDwell: "dwell_seconds must be from 1"
            case .dwellAtEnd: "dwell_seconds has no meaning at a terminus"
            case .noRun, .hugeRun: "run_to_next_seconds must be from 1"
            case .runAtEnd: "has no meaning at the last station"
            case .headwayText: "is not HH:MM to HH:MM"
            case .headwayOrder: "is not before"
            case .headwayOverlap: "begins before the one above it ends"
            case .headwaySeconds: "is outside 60 to 7200"
            case .headwayTooEarly: "is before 04:00"
            }
        }

        func apply(_ network: inout NetworkDescription) {
            switch self {
            case .zone: network.timeZone = ""
            case .climbingZone: network.timeZone = "../etc/passwd"
            case .noLines: network.lines = []
            case .lineTwice: network.lines.append(network.lines[0])
            case .stationTwice: network.lines[0].stations[2].id = "NATION"
            case .oneStation: network.lines[0].stations.removeLast(4)
            case .badID: network.lines[0].stations[1].id = "GARE DE LYON"
            case .noDwell: network.lines[0].stations[1].dwellSeconds = nil
            case .dwellAtEnd: network.lines[0].stations[4].dwellSeconds = 20
            case .noRun: network.lines[0].stations[0].runToNextSeconds = nil
            case .hugeRun: network.lines[0].stations[0].runToNextSeconds = .max
            case .runAtEnd: network.lines[0].stations[4].runToNextSeconds = 60
            case .headwayText: network.lines[0].headways?[0].from = "5 o'clock"
            case .headwayOrder: network.lines[0].headways?[0].to = "05:00"
            case .headwayOverlap: network.lines[0].headways?[1].from = "06:59"
            case .headwaySeconds: network.lines[0].headways?[0].seconds = 0
            case .headwayTooEarly: network.lines[0].headways?[0].from = "03:00"
            }
        }
    }
}
