import KafkaMessages
import KafkaWire
import NIOCore
import Storage

/// Fetch (1), versions 4 to 18: stored bytes as they are, and a wait when there are not enough yet.
///
/// From version 7 on a client can open a session (KIP-227): then it names only what changes, and is answered only what
/// changed. A fetch without one names all its partitions, and each of them costs a comparison.
/// Gap: up to version 9 Kafka answers UNSUPPORTED_COMPRESSION_TYPE for a topic with `compression.type=zstd`.
struct FetchHandler: APIHandler {
    typealias Request = FetchRequest

    static let gaps = "versions 4 to 9 get zstd batches as they are instead of error 76"

    /// The first version that names topics by id.
    private static let topicIDVersion: Int16 = 13

    let topics: TopicTable
    let sessions: FetchSessionCache
    let maximumBytes: Int32
    let probe: RecordsProbe

    func handle(_ request: FetchRequest, _ context: RequestContext) async -> Reply<FetchResponse> {
        switch FetchSessionIntent(sessionID: request.sessionId, epoch: request.sessionEpoch) {
        case .sessionless(let closing):
            if let closing { sessions.close(closing) }
            return await sessionless(request, context)
        case .open(let closing):
            if let closing { sessions.close(closing) }
            let opened = sessions.open(
                partitions: request.topics.reduce(0) { $0 + $1.partitions.count },
                usesTopicIDs: context.version >= Self.topicIDVersion,
                isPrivileged: request.replicaId >= 0 || request.replicaState.replicaId >= 0)
            guard let opened else { return await sessionless(request, context) }
            return await fetch(request, over: opened, context)
        case .incremental(let id):
            guard let session = sessions.session(id) else {
                return .now(FetchResponse(errorCode: .fetchSessionIdNotFound))
            }
            return await fetch(request, over: session, context)
        }
    }

    private func fetch(
        _ request: FetchRequest, over session: FetchSession, _ context: RequestContext
    ) async -> Reply<FetchResponse> {
        let epoch: Int32
        do {
            epoch = try session.begin(
                request, usesTopicIDs: context.version >= Self.topicIDVersion, topics: topics, now: sessions.now)
        } catch {
            return .now(FetchResponse(errorCode: error.errorCode))
        }
        guard sessions.settle(session) else {
            // A fetch that opened the session names everything; any other is begun anew by its client.
            if request.sessionEpoch == FetchSessionIntent.initialEpoch { return await sessionless(request, context) }
            return .now(FetchResponse(errorCode: .fetchSessionIdNotFound))
        }
        if session.usage.partitions == 0 {
            // Nothing is left to remember; the client is told so by session 0.
            sessions.close(session.id)
            return .now(FetchResponse())
        }
        let plan = FetchPlan(boundsOf: request, maximumBytes: Int(maximumBytes))
        let fetch = SessionFetch(session: session, epoch: epoch, plan: plan, topics: topics)
        let first = await fetch.read()
        let probe = probe
        if first.isComplete || request.maxWaitMs <= 0 {
            probe.fetched(bytes: first.byteCount)
            return .now(fetch.response(first))
        }
        let wait = TimeAmount.milliseconds(Int64(request.maxWaitMs))
        return .later {
            let pass = await fetch.readMore(after: first, atMost: wait, on: context.eventLoop)
            probe.fetched(bytes: pass.byteCount)
            return fetch.response(pass)
        }
    }

    private func sessionless(_ request: FetchRequest, _ context: RequestContext) async -> Reply<FetchResponse> {
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
