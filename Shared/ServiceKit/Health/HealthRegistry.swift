import Synchronization

/// Whether a part of a service works, and if not, why.
public enum HealthStatus: Sendable, Equatable {
    case healthy
    /// The reason is shown to whoever asks, on one line.
    case unhealthy(String)
}

/// The named checks of a process: `live` says it need not be restarted, `ready` says it can do its work.
public final class HealthRegistry: Sendable {
    /// What a check is for.
    public enum Kind: String, Sendable, CaseIterable {
        case live, ready
    }

    /// One check's name, kind and status at some moment.
    public struct Entry: Sendable, Equatable {
        public var name: String
        public var kind: Kind
        public var status: HealthStatus
    }

    private struct State {
        var entries: [Entry] = []
        var isStopping = false
    }

    private let state = Mutex(State())

    public init() {}

    /// Adds a check and returns the handle that its service sets; a name that exists is reset.
    public func register(
        _ name: String, _ kind: Kind = .ready, initially status: HealthStatus = .unhealthy("starting")
    ) -> HealthCheck {
        set(name, kind, status)
        return HealthCheck(registry: self, name: name, kind: kind)
    }

    /// From now on the process is not ready, whatever its checks say.
    public func beginStopping() {
        state.withLock { $0.isStopping = true }
    }

    /// The checks of a kind, by name; for `ready` also "process" while it stops.
    public func entries(_ kind: Kind) -> [Entry] {
        state.withLock { state in
            var entries = state.entries.filter { $0.kind == kind }.sorted { $0.name < $1.name }
            if kind == .ready, state.isStopping {
                entries.append(Entry(name: "process", kind: .ready, status: .unhealthy("stopping")))
            }
            return entries
        }
    }

    /// True when no check of the kind is unhealthy.
    public func isHealthy(_ kind: Kind) -> Bool {
        entries(kind).allSatisfy { $0.status == .healthy }
    }

    func set(_ name: String, _ kind: Kind, _ status: HealthStatus) {
        state.withLock { state in
            if let index = state.entries.firstIndex(where: { $0.name == name && $0.kind == kind }) {
                state.entries[index].status = status
            } else {
                state.entries.append(Entry(name: name, kind: kind, status: status))
            }
        }
    }

    /// `{"status":"ok","checks":[{"name":"consumer","status":"ok"}]}`; a failed check has its reason.
    func json(_ kind: Kind) -> String {
        let entries = entries(kind)
        let checks = entries.map { entry in
            switch entry.status {
            case .healthy: "{\"name\":\(JSONText.string(entry.name)),\"status\":\"ok\"}"
            case .unhealthy(let reason):
                "{\"name\":\(JSONText.string(entry.name)),\"status\":\"failed\","
                    + "\"reason\":\(JSONText.string(oneLine(reason)))}"
            }
        }
        let isHealthy = entries.allSatisfy { $0.status == .healthy }
        return "{\"status\":\"\(isHealthy ? "ok" : "failed")\",\"checks\":[\(checks.joined(separator: ","))]}"
    }
}

/// A service's handle on one of its checks.
public struct HealthCheck: Sendable {
    let registry: HealthRegistry
    let name: String
    let kind: HealthRegistry.Kind

    /// Changes the check's status; cheap, may be called from anywhere.
    public func set(_ status: HealthStatus) {
        registry.set(name, kind, status)
    }
}
