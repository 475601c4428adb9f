import EventStreams
import Hummingbird
import Railway
import ServiceKit

/// The HTTP interface of the boards. It answers from the view of `arrivals` only.
///
/// - `GET /stations`: `[{"id":"NATION","name":"Nation","lines":["M1"]},…]`
/// - `GET /stations/{station}/board?limit=20`: the board as JSON
/// - `GET /stations/{station}/board/events`: the board now and each time it changes, as server-sent events
/// - `GET /` and `GET /stations/{station}`: the page
struct BoardRoutes: Sendable {
    let network: Network
    let boards: Boards
    let pages: LinePages
    private let stream = SSEStream()

    /// Most trips of one answer.
    static let maximumLimit = 200

    /// A station as `GET /stations` lists it.
    struct StationEntry: Codable {
        let id: StationID
        let name: String
        let lines: [LineID]
    }

    init(network: Network, boards: Boards, pages: LinePages) {
        self.network = network
        self.boards = boards
        self.pages = pages
    }

    /// Adds the routes.
    func add(to router: ServiceRouter) {
        let stations = jsonText(
            network.stations.map { station in
                StationEntry(id: station.id, name: station.name, lines: network.lines(at: station.id).map(\.id))
            })
        router.get("/stations") { _, _ in Response.json(stations) }
        router.get("/stations/:station/board") { request, context in
            let station = try station(context)
            let limit = try limit(request)
            guard let board = boards.board(station, limit: limit) else { throw Self.unknown(station.rawValue) }
            return Response.json(jsonText(board))
        }
        router.get("/stations/:station/board/events") { request, context in
            let station = try station(context)
            guard let events = boards.updates(of: station) else { throw Self.unknown(station.rawValue) }
            return stream.response(to: request, context: context, events: events)
        }
        let files = [
            "index.html": PackageResources.index_html, "board.css": PackageResources.board_css,
            "board.js": PackageResources.board_js,
        ]
        pages.addRoutes(to: router, files: files)
        router.get("/stations/:station") { _, context in
            _ = try station(context)
            let page = String(decoding: PackageResources.index_html, as: UTF8.self)
            return Response.text(page, contentType: "text/html; charset=utf-8")
        }
    }

    private func station(_ context: ServiceRequestContext) throws -> StationID {
        let text = context.parameters.get("station") ?? ""
        guard let id = StationID(text), network.station(id) != nil else { throw Self.unknown(text) }
        return id
    }

    private func limit(_ request: Request) throws -> Int {
        guard let text = request.queryValue("limit") else { return 20 }
        guard let limit = Int(text), (1...Self.maximumLimit).contains(limit) else {
            throw HTTPError(.badRequest, message: "limit must be a number from 1 to \(Self.maximumLimit)")
        }
        return limit
    }

    private static func unknown(_ station: String) -> HTTPError {
        HTTPError(.notFound, message: "there is no station '\(station.prefix(64))'")
    }
}
