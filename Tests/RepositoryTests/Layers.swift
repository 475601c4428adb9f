import Foundation

/// Which modules a folder's files may import: the table "Who may import whom" of ARCHITECTURE.md.
struct Layer: Sendable, CustomStringConvertible {
    enum Outside: Sendable {
        case any
        case only(Set<String>)
    }

    /// The folder, from the root; the longest that fits a file counts.
    let folder: String
    /// Modules of ours.
    let own: Set<String>
    /// Modules of others; the standard library's own are always allowed.
    let outside: Outside

    init(_ folder: String, own: [String], outside: Outside) {
        self.folder = folder
        self.own = Set(own)
        self.outside = outside
    }

    var description: String { folder }

    static let standard: Set<String> = ["Swift", "Synchronization"]
    static let platform: Set<String> = ["Glibc", "Musl", "Darwin"]
    static let foundation: Set<String> = ["FoundationEssentials", "Foundation"]
    static let collections: Set<String> = ["Collections", "DequeModule", "HeapModule", "OrderedCollections"]
    static let compression: Set<String> = ["CZlib", "CZstd", "CLZ4", "CSnappy"]
    static let network: Set<String> = ["NIOCore", "NIOPosix", "NIOConcurrencyHelpers", "NIOFoundationCompat"]

    private static let wire = ["KafkaWire", "CChecksums"]
    private static let records = wire + ["KafkaMessages", "KafkaRecords"]
    private static let rules = ["Raft", "Metadata", "Replication", "Groups", "Transactions"]
    private static let service = ["Railway", "KafkaClient", "ServiceKit", "EventStreams"]

    /// A rule of the broker: values in, values out; no socket, file, clock, task, log or chance.
    private static func rule(_ name: String) -> Layer {
        Layer("Services/Broker/\(name)", own: records + rules, outside: .only(collections.union(["NIOCore"])))
    }

    static let all: [Layer] =
        rules.map(rule) + [
            Layer("Shared/KafkaWire", own: wire, outside: .only(platform.union(["NIOCore"]))),
            Layer("Shared/Railway", own: [], outside: .only(foundation)),
            Layer("Shared/KafkaMessages", own: wire, outside: .only(["NIOCore"])),
            Layer(
                "Shared/KafkaRecords", own: wire + Array(compression),
                outside: .only(platform.union(compression).union(["NIOCore"]))),
            Layer(
                "Services/Broker/Storage", own: records,
                outside: .only(collections.union(["NIOCore", "SystemPackage"]).union(platform))),
            Layer(
                "Shared/KafkaTransport", own: records,
                outside: .only(collections.union(network).union(platform).union(["SystemPackage", "Logging"]))),
            Layer(
                "Shared/KafkaClient", own: records + ["KafkaTransport"],
                outside: .only(
                    collections.union(network).union(platform).union([
                        "Logging", "Metrics", "CoreMetrics", "Tracing", "Instrumentation", "ServiceContextModule",
                        "ServiceLifecycle",
                    ]))),
            Layer("Shared/ServiceKit", own: [], outside: .any),
            Layer("Shared/EventStreams", own: ["Railway", "KafkaClient", "ServiceKit"] + records, outside: .any),
            Layer(
                "Services/Broker/Server", own: records + rules + ["KafkaTransport", "Storage", "CAllocator"],
                outside: .any),
            Layer(
                "Services/Broker/Assembly",
                own: records + rules + [
                    "KafkaTransport", "Storage", "BrokerServer", "ServiceKit",
                ], outside: .any),
            Layer("Services/Station", own: service, outside: .any),
            Layer("Services/Arrivals", own: service, outside: .any),
            Layer("Services/Delays", own: service, outside: .any),
            Layer("Services/Notifications", own: service, outside: .any),
            Layer("Services/Dashboard", own: service, outside: .any),
        ]

    /// The layer of a file; `nil` for the parts that compose everything and for tests and tools.
    static func of(_ path: String) -> Layer? {
        all.filter { path.hasPrefix($0.folder + "/") }.max { $0.folder.count < $1.folder.count }
    }

    /// Folders whose files may import whatever their targets declare.
    static let unrestricted = [
        "Services/Signalbox", "Shared/CChecksums", "Shared/CompressionLibraries", "Services/Broker/CAllocator",
    ]
}
