import EventStreams
import Hummingbird
import Railway
import ServiceKit

/// The HTTP interface of the delays. It answers from the view of `station-events` only.
///
/// - `GET /delays?limit=100`: the delay of each trip where it last arrived, newest trip first
/// - `GET /delays/summary`: over all trips
/// - `GET /alerts`: `[]`; alerts are not raised yet
/// - `GET /stations`: their names; `GET /`: a page
struct DelayRoutes: Sendable {
    let network: Network
    let delays: DelayView
    let pages: LinePages

    /// A station as `GET /stations` lists it.
    private struct StationEntry: Encodable {
        let id: StationID
        let name: String
    }

    /// Most trips of one answer.
    static let maximumLimit = 1000

    /// Adds the routes.
    func add(to router: ServiceRouter) {
        router.get("/delays/summary") { _, _ in Response.json(jsonText(delays.summary)) }
        router.get("/delays") { request, _ in
            Response.json(jsonText(delays.currentDelays(limit: try limit(request))))
        }
        router.get("/alerts") { _, _ in Response.json("[]") }
        let stations = jsonText(network.stations.map { StationEntry(id: $0.id, name: $0.name) })
        router.get("/stations") { _, _ in Response.json(stations) }
        let files = [
            "index.html": PackageResources.index_html, "delays.css": PackageResources.delays_css,
            "delays.js": PackageResources.delays_js,
        ]
        pages.addRoutes(to: router, files: files)
    }

    private func limit(_ request: Request) throws -> Int {
        guard let text = request.queryValue("limit") else { return 100 }
        guard let limit = Int(text), (1...Self.maximumLimit).contains(limit) else {
            throw HTTPError(.badRequest, message: "limit must be a number from 1 to \(Self.maximumLimit)")
        }
        return limit
    }
}
