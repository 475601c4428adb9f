import Hummingbird
import Railway
import ServiceKit

/// The HTTP interface of the delays. It answers from the view of `station-events` only.
///
/// - `GET /delays?limit=100`: the delay of each trip where it last arrived, newest trip first
/// - `GET /delays/summary`: over all trips
/// - `GET /alerts`: `[]`; alerts are not raised yet
/// - `GET /`: a page
struct DelayRoutes: Sendable {
    let delays: DelayView

    /// Most trips of one answer.
    static let maximumLimit = 1000

    /// Adds the routes.
    func add(to router: ServiceRouter) {
        router.get("/delays/summary") { _, _ in Response.json(jsonText(delays.summary)) }
        router.get("/delays") { request, _ in
            Response.json(jsonText(delays.currentDelays(limit: try limit(request))))
        }
        router.get("/alerts") { _, _ in Response.json("[]") }
        StaticResources(files: ["index.html": Array(DelayPage.html.utf8)]).addRoutes(to: router)
    }

    private func limit(_ request: Request) throws -> Int {
        guard let text = request.queryValue("limit") else { return 100 }
        guard let limit = Int(text), (1...Self.maximumLimit).contains(limit) else {
            throw HTTPError(.badRequest, message: "limit must be a number from 1 to \(Self.maximumLimit)")
        }
        return limit
    }
}

/// The value's JSON; every value of ours has one.
func jsonText(_ value: some Encodable) -> String {
    do throws(EventError) {
        return String(decoding: try EventCodec.encode(value), as: UTF8.self)
    } catch {
        preconditionFailure("a value of ours has JSON: \(error)")
    }
}
