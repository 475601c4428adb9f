import Railway

/// The network as the page draws it.
struct NetworkDocument: Encodable, Sendable {
    struct LineShape: Encodable, Sendable {
        let id: LineID
        let name: String
        let stops: [StopShape]
    }

    struct StopShape: Encodable, Sendable {
        let id: StationID
        let name: String
        /// Planned seconds from the first stop's departure to the arrival here.
        let arrivalAfterSeconds: Int
    }

    let lines: [LineShape]

    init(_ network: Network) {
        lines = network.lines.map { line in
            LineShape(
                id: line.id, name: line.name,
                stops: line.stops.map {
                    StopShape(id: $0.station.id, name: $0.station.name, arrivalAfterSeconds: $0.arrivalAfterSeconds)
                })
        }
    }
}

/// Where the trains are at one moment of event time.
struct LineDocument: Encodable, Sendable, Equatable {
    /// Event time; absent before the first event.
    let now: OffsetDateTime?
    let nowMilliseconds: Int64?
    /// Seconds of event time per second; 0 when trains are told as fast as possible.
    let rate: Double
    let lateSeconds: Int
    let trains: [TrainDocument]
}

/// One train.
struct TrainDocument: Encodable, Sendable, Equatable {
    let trip: TripID
    let train: String
    let line: LineID
    let station: StationID
    let next: StationID?
    let since: OffsetDateTime
    let sinceMilliseconds: Int64
    let runSeconds: Int?
    let delaySeconds: Int?
    let isLate: Bool

    init(_ position: TrainPosition, delaySeconds: Int?, isLate: Bool) {
        trip = position.trip
        train = position.train
        line = position.line
        station = position.station
        next = position.next
        since = position.since
        sinceMilliseconds = position.since.instant.milliseconds
        runSeconds = position.runSeconds
        self.delaySeconds = delaySeconds
        self.isLate = isLate
    }
}

/// The topics of the log and how fast they grow.
struct TopicsDocument: Encodable, Sendable, Equatable {
    struct Row: Encodable, Sendable, Equatable {
        let name: String
        let partitions: Int
        /// The sum of the partitions' end offsets: records ever written.
        let records: Int64
        let recordsPerSecond: Double
    }

    /// False while the log cannot be reached; the rows are then the last that were seen.
    var isReachable: Bool
    var topics: [Row]
}

/// `GET /api/line`: network and trains together.
struct LineAnswer: Encodable, Sendable {
    let network: NetworkDocument
    let state: LineDocument
}
