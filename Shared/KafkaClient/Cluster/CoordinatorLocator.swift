import KafkaMessages
import KafkaTransport
import KafkaWire
import Synchronization

/// What a coordinator coordinates. The numbers are FindCoordinator's key types.
enum CoordinatorKind: Int8, Sendable {
    case group = 0
    case transaction = 1
}

/// Requests to the coordinator of one key: remembers where it is until it turns out to be somewhere else.
final class CoordinatorLocator: Sendable {
    let kind: CoordinatorKind
    let key: String
    private let cluster: ClusterClient
    private let address = Mutex<BrokerAddress?>(nil)

    init(_ kind: CoordinatorKind, key: String, cluster: ClusterClient) {
        self.kind = kind
        self.key = key
        self.cluster = cluster
    }

    /// Where the coordinator is; asks where that is not known.
    @discardableResult
    func find() async throws(KafkaError) -> BrokerAddress {
        if let known = address.withLock({ $0 }) { return known }
        let found = try await cluster.coordinator(kind, of: key)
        address.withLock { $0 = found }
        return found
    }

    func forget() { address.withLock { $0 = nil } }

    /// Sends to the coordinator; forgets it where it cannot be reached.
    func send<Request: KafkaRequest>(
        _ request: Request, timeout: Duration? = nil, maximumVersion: Int16 = .max,
        purpose: ConnectionPurpose = .coordinator
    ) async throws(KafkaError) -> Request.Response {
        let address = try await find()
        do throws(KafkaError) {
            return try await cluster.send(
                request, to: address, purpose: purpose, timeout: timeout, maximumVersion: maximumVersion)
        } catch {
            if error.isRetriable { forget() }
            throw error
        }
    }

    /// What the coordinator speaks and has finalised.
    func versions(purpose: ConnectionPurpose = .coordinator) async throws(KafkaError) -> APIVersionTable {
        let address = try await find()
        do throws(KafkaError) {
            return try await cluster.pool.connection(to: address, purpose: purpose).versions
        } catch {
            if error.isRetriable { forget() }
            throw error
        }
    }

    /// Throws the code as an error, and forgets the coordinator where the code says it is another one.
    func check(
        _ errorCode: ErrorCode, _ doing: @autoclosure () -> String, _ partition: TopicPartition? = nil
    ) throws(KafkaError) {
        if errorCode == .none { return }
        if errorCode == .notCoordinator || errorCode == .coordinatorNotAvailable { forget() }
        let what = kind == .group ? "group" : "transactional id"
        throw .broker(errorCode, "\(doing()) of \(what) '\(key)'", partition)
    }
}
