import KafkaMessages
import KafkaWire

/// FindCoordinator (10), versions 0 to 6: this broker, for groups (key type 0) and transactional ids (1), once the
/// topic that holds their state exists; from version 4 on for many keys, each answered once.
///
/// Where that topic cannot be made the coordinator is not available, which clients try again. No gaps: keys of share
/// groups (2) are refused, as Kafka does while they are switched off.
struct FindCoordinatorHandler: APIHandler {
    typealias Request = FindCoordinatorRequest
    typealias Coordinator = FindCoordinatorResponse.Coordinator

    private static let batchVersion: Int16 = 4

    let coordinators: Coordinators
    let identity: ClusterIdentity

    func handle(_ request: FindCoordinatorRequest, _ context: RequestContext) async -> Reply<FindCoordinatorResponse> {
        var problem: TopicRefusal?
        do throws(TopicRefusal) { try await prepare(request.keyType) } catch { problem = error }
        let keys = context.version >= Self.batchVersion ? request.coordinatorKeys.distinct : [request.key]
        let found = keys.map { answer($0, problem: problem, context) }
        if context.version >= Self.batchVersion { return .now(FindCoordinatorResponse(coordinators: found)) }
        let only = found[0]
        return .now(
            FindCoordinatorResponse(
                errorCode: only.errorCode, errorMessage: only.errorMessage, nodeId: only.nodeId, host: only.host,
                port: only.port))
    }

    private func prepare(_ keyType: Int8) async throws(TopicRefusal) {
        do {
            try await open(keyType)
        } catch {
            // Clients ask again after this one; a storage error they take for the end.
            guard error.code == .kafkaStorageError else { throw error }
            throw TopicRefusal(code: .coordinatorNotAvailable, message: error.message)
        }
    }

    private func open(_ keyType: Int8) async throws(TopicRefusal) {
        switch keyType {
        case 0: try await coordinators.groups.prepare()
        case 1: try await coordinators.transactions.prepare()
        default:
            throw TopicRefusal(
                code: .invalidRequest, message: "key type \(keyType) is neither 0 (group) nor 1 (transactional id)")
        }
    }

    private func answer(_ key: String, problem: TopicRefusal?, _ context: RequestContext) -> Coordinator {
        if let problem {
            return Coordinator(
                key: key, nodeId: -1, host: "", port: -1, errorCode: problem.code, errorMessage: problem.message)
        }
        return Coordinator(
            key: key, nodeId: identity.nodeID.rawValue, host: context.advertised.host,
            port: Int32(context.advertised.port), errorCode: .none)
    }
}
