import KafkaMessages
import KafkaWire
import NIOCore
import Storage

/// Fetch (1), versions 4 to 18: stored bytes as they are, and a wait when there are not enough yet.
///
/// A partition that has nothing new costs a comparison, not a hop to its thread. Gaps: fetch sessions are answered
/// with session 0, which tells a client to name its partitions in every fetch.
struct FetchHandler: APIHandler {
    typealias Request = FetchRequest

    static let gaps = "every fetch is a full one (session 0)"

    let topics: TopicTable
    let maximumBytes: Int32
    let probe: RecordsProbe

    func handle(_ request: FetchRequest, _ context: RequestContext) async -> Reply<FetchResponse> {
        // The only session there is has the number 0.
        guard request.sessionId == 0 else {
            return .now(FetchResponse(errorCode: .fetchSessionIdNotFound))
        }
        let plan = FetchPlan(request, version: context.version, topics: topics, maximumBytes: Int(maximumBytes))
        let first = await plan.read()
        if first.isComplete || request.maxWaitMs <= 0 {
            probe.fetched(bytes: first.byteCount)
            return .now(first.response)
        }
        let wait = TimeAmount.milliseconds(Int64(request.maxWaitMs))
        let probe = probe
        return .later {
            await plan.waitForMore(than: first, atMost: wait, on: context.eventLoop)
            let result = await plan.read()
            probe.fetched(bytes: result.byteCount)
            return result.response
        }
    }
}
