import EventStreams
import Railway
import ServiceKit
import ServiceLifecycle
import Synchronization

/// The boards of all stations, and the pages that watch them.
///
/// Predictions are folded in as they are read; open pages get a station's whole board when it has changed, at most once
/// per `refresh`, so that a replay at full speed does not flood them.
final class Boards: Service {
    private struct State {
        var table: BoardTable
        var hasNews = false
        var shown: [StationID: String] = [:]
        var version = 0
    }

    /// Trips on a board that a page shows.
    static let pageTrips = 12

    private let network: Network
    private let refresh: Duration
    private let state: Mutex<State>
    private let broadcasts: [StationID: EventBroadcast]

    init(network: Network, refresh: Duration) {
        self.network = network
        self.refresh = refresh
        state = Mutex(State(table: BoardTable(network: network)))
        broadcasts = Dictionary(
            uniqueKeysWithValues: network.stations.map { ($0.id, EventBroadcast(history: 1, subscriberLimit: 64)) })
    }

    /// Folds predictions in.
    func take(_ records: [ReceivedRecord<ArrivalPrediction>]) {
        state.withLock { state in
            for case .event(let received) in records {
                if state.table.take(received.event) { state.hasNews = true }
            }
        }
    }

    /// The board of a station, or nil when there is no such station.
    func board(_ station: StationID, limit: Int) -> Board? {
        state.withLock { $0.table.board(station, limit: limit) }
    }

    /// The board now and each time it changes.
    func updates(of station: StationID) -> SnapshotThenUpdates? {
        guard let broadcast = broadcasts[station] else { return nil }
        let updates = broadcast.subscribe().events
        let (shown, version) = state.withLock { state in
            (state.shown[station] ?? Self.text(state.table, station), state.version)
        }
        return SnapshotThenUpdates(snapshot: [Self.event(shown, version)], updates: updates)
    }

    /// Shows changed boards until the service stops.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                self.showChanges()
                do { try await Task.sleep(for: self.refresh) } catch { break }
            }
        }
        for broadcast in broadcasts.values { broadcast.finish() }
    }

    /// Sends every board whose text is not what was shown last. News of one station moves the clock of all.
    func showChanges() {
        let changed = state.withLock { state -> [(StationID, ServerSentEvent)] in
            guard state.hasNews else { return [] }
            state.hasNews = false
            state.version += 1
            var changed: [(StationID, ServerSentEvent)] = []
            for station in network.stations {
                let text = Self.text(state.table, station.id)
                guard state.shown.updateValue(text, forKey: station.id) != text else { continue }
                changed.append((station.id, Self.event(text, state.version)))
            }
            return changed
        }
        for (station, event) in changed { broadcasts[station]?.publish(event) }
    }

    private static func event(_ text: String, _ version: Int) -> ServerSentEvent {
        ServerSentEvent(id: "\(version)", event: "board", data: text)
    }

    private static func text(_ table: BoardTable, _ station: StationID) -> String {
        table.board(station, limit: pageTrips).map(jsonText) ?? "null"
    }
}
