// swift-tools-version: 6.2
import PackageDescription

// Layers and import rules: ARCHITECTURE.md, "Who may import whom". Every target states its imports here;
// the build runs with --explicit-target-dependency-import-check error (see Makefile).

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

/// For targets whose async code stays on the actor or event loop that calls it.
let callerIsolated = settings + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]

func product(_ name: String, _ package: String) -> Target.Dependency { .product(name: name, package: package) }

let nioCore = product("NIOCore", "swift-nio")
let nioPosix = product("NIOPosix", "swift-nio")
let nioEmbedded = product("NIOEmbedded", "swift-nio")
let logging = product("Logging", "swift-log")
let metrics = product("Metrics", "swift-metrics")
let tracing = product("Tracing", "swift-distributed-tracing")
let serviceContext = product("ServiceContextModule", "swift-service-context")
let lifecycle = product("ServiceLifecycle", "swift-service-lifecycle")
let hummingbird = product("Hummingbird", "hummingbird")
let arguments = product("ArgumentParser", "swift-argument-parser")
let tomlKit = product("TOMLKit", "TOMLKit")
let collections = product("Collections", "swift-collections")
let heap = product("HeapModule", "swift-collections")
let orderedCollections = product("OrderedCollections", "swift-collections")
let deque = product("DequeModule", "swift-collections")
let systemPackage = product("SystemPackage", "swift-system")

func library(
    _ name: String, _ path: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [],
    resources: [Resource]? = nil, settings: [SwiftSetting] = settings
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: path, exclude: exclude, resources: resources,
        swiftSettings: settings)
}

func executable(_ name: String, _ path: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", resources: resources, swiftSettings: settings)
}

func systemLibrary(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(
        name: name, path: "Shared/CompressionLibraries/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let shared: [Target] = [
    // Layer 0
    .target(name: "CChecksums", path: "Shared/CChecksums"),
    library("KafkaWire", "Shared/KafkaWire", [nioCore, "CChecksums"]),
    // Layer 1
    systemLibrary("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
    systemLibrary("CZstd", pkgConfig: "libzstd", apt: "libzstd-dev"),
    systemLibrary("CLZ4", pkgConfig: "liblz4", apt: "liblz4-dev"),
    systemLibrary("CSnappy", pkgConfig: "snappy", apt: "libsnappy-dev"),
    library("KafkaMessages", "Shared/KafkaMessages", ["KafkaWire", nioCore], exclude: ["Definitions"]),
    library("KafkaRecords", "Shared/KafkaRecords", ["KafkaWire", nioCore, "CZlib", "CZstd", "CLZ4", "CSnappy"]),
    library("Railway", "Shared/Railway"),
    // Layer 3
    library(
        "KafkaTransport", "Shared/KafkaTransport",
        ["KafkaWire", "KafkaMessages", nioCore, nioPosix, deque, logging]),
]

let broker: [Target] = [
    // Layer 2: rules
    library("Metadata", "Services/Broker/Metadata", ["KafkaWire", nioCore]),
    library(
        "Groups", "Services/Broker/Groups",
        ["KafkaWire", "KafkaMessages", nioCore, deque, heap, orderedCollections], exclude: ["README.md"]),
    library(
        "Transactions", "Services/Broker/Transactions", ["KafkaWire", "KafkaMessages", nioCore, heap]),
    // Layer 3: I/O
    library(
        "Storage", "Services/Broker/Storage", ["KafkaWire", "KafkaRecords", nioCore, systemPackage],
        exclude: ["README.md"]),
    // Layer 5
    .target(name: "CAllocator", path: "Services/Broker/CAllocator"),
    library(
        "BrokerServer", "Services/Broker/Server",
        [
            "CAllocator",
            "KafkaWire", "KafkaMessages", "KafkaRecords", "KafkaTransport", "Metadata", "Groups", "Transactions",
            "Storage", nioCore, nioPosix, deque, systemPackage, logging, metrics,
        ], settings: callerIsolated),
]

let kafkaClient: [Target] = [
    library(
        "KafkaClient", "Shared/KafkaClient",
        [
            "KafkaWire", "KafkaMessages", "KafkaRecords", "KafkaTransport", nioCore, nioPosix, logging, metrics,
            tracing, serviceContext, lifecycle, deque,
        ], exclude: ["README.md"])
]

let serviceKit: [Target] = [
    library(
        "ServiceKit", "Shared/ServiceKit",
        [
            nioCore, nioPosix, logging, product("CoreMetrics", "swift-metrics"), metrics, tracing,
            product("Instrumentation", "swift-distributed-tracing"), serviceContext, lifecycle,
            product("UnixSignals", "swift-service-lifecycle"), hummingbird, product("HummingbirdCore", "hummingbird"),
            systemPackage, product("HTTPTypes", "swift-http-types"), tomlKit,
        ])
]

let executables: [Target] = [
    library(
        "BrokerService", "Services/Broker/Assembly", ["BrokerServer", "ServiceKit", lifecycle, logging]),
    executable("broker", "Services/Broker/Main", ["BrokerService", "ServiceKit"]),
]

let railwayServices: [Target] = [
    // How railway events travel over Kafka: between client and ServiceKit on one side, services on the other.
    library(
        "EventStreams", "Shared/EventStreams",
        [
            "Railway", "KafkaClient", "ServiceKit", nioCore, logging, metrics, tracing, serviceContext, lifecycle,
            systemPackage, hummingbird,
        ], exclude: ["README.md"],
        resources: [.embedInCode("Pages/shell.css"), .embedInCode("Pages/shell.js")]),
    library(
        "StationService", "Services/Station/Library",
        ["Railway", "EventStreams", "ServiceKit", logging, metrics, lifecycle]),
    library(
        "ArrivalsService", "Services/Arrivals/Library",
        ["Railway", "EventStreams", "ServiceKit", hummingbird, lifecycle],
        resources: [
            .embedInCode("Resources/index.html"), .embedInCode("Resources/board.css"),
            .embedInCode("Resources/board.js"),
        ]),
    library(
        "DelaysService", "Services/Delays/Library",
        ["Railway", "EventStreams", "ServiceKit", hummingbird, lifecycle],
        resources: [
            .embedInCode("Resources/index.html"), .embedInCode("Resources/delays.css"),
            .embedInCode("Resources/delays.js"),
        ]),
    executable("station", "Services/Station/Main", ["StationService", "ServiceKit"]),
    executable("arrivals", "Services/Arrivals/Main", ["ArrivalsService", "ServiceKit"]),
    library(
        "NotificationsService", "Services/Notifications/Library",
        [
            "Railway", "EventStreams", "KafkaClient", "ServiceKit", hummingbird,
            product("HTTPTypes", "swift-http-types"), nioCore, logging, metrics, tracing, serviceContext, lifecycle,
        ],
        resources: [
            .embedInCode("Resources/index.html"), .embedInCode("Resources/notifications.css"),
            .embedInCode("Resources/notifications.js"),
        ]),
    library(
        "DashboardService", "Services/Dashboard/Library",
        ["Railway", "EventStreams", "KafkaClient", "ServiceKit", hummingbird, logging, lifecycle],
        resources: [
            .embedInCode("Resources/index.html"), .embedInCode("Resources/dashboard.css"),
            .embedInCode("Resources/dashboard.js"), .embedInCode("Resources/line.js"),
        ]),
    executable("delays", "Services/Delays/Main", ["DelaysService", "ServiceKit"]),
    executable("notifications", "Services/Notifications/Main", ["NotificationsService", "ServiceKit"]),
    executable("dashboard", "Services/Dashboard/Main", ["DashboardService", "ServiceKit"]),
]

/// The command line; it alone composes a broker and services into one process.
let commandLine: [Target] = [
    library(
        "SignalboxCLI", "Services/Signalbox/Library",
        [
            "Railway", "EventStreams", "KafkaClient", "KafkaWire", "KafkaMessages", "KafkaRecords", "ServiceKit",
            "BrokerService", "BrokerServer", "Storage", "StationService", "ArrivalsService", "DelaysService",
            "NotificationsService", "DashboardService", arguments, nioCore, nioPosix, product("NIOHTTP1", "swift-nio"),
            logging, lifecycle, product("UnixSignals", "swift-service-lifecycle"), systemPackage,
        ]),
    executable("signalbox", "Services/Signalbox/Main", ["SignalboxCLI"]),
]

let railwayTests: [Target] = [
    tests(
        "EventStreamsTests",
        ["EventStreams", "Railway", "KafkaClient", "ServiceKit", "TestSupport", nioCore, logging]),
    tests("StationTests", ["StationService", "EventStreams", "Railway", "ServiceKit", "TestSupport"]),
    tests("ArrivalsTests", ["ArrivalsService", "EventStreams", "Railway", "ServiceKit", hummingbird, "TestSupport"]),
    tests("NotificationsTests", ["NotificationsService", "Railway", "ServiceKit", serviceContext]),
    tests("DashboardTests", ["DashboardService", "Railway", "ServiceKit"]),
    tests("SignalboxTests", ["SignalboxCLI", "KafkaClient", "ServiceKit", arguments, nioCore]),
    tests("DelaysTests", ["DelaysService", "EventStreams", "Railway", "ServiceKit", hummingbird, "TestSupport"]),
]

let tools: [Target] = [
    library("ProtocolGeneratorCore", "Tools/ProtocolGenerator/Core"),
    executable("ProtocolGenerator", "Tools/ProtocolGenerator/Main", ["ProtocolGeneratorCore"]),
    // A client for Tests/EndToEnd/test_exactly_once.py.
    executable(
        "ExactlyOnceWorker", "Tests/Support/ExactlyOnceWorker",
        ["KafkaClient", nioCore, logging, lifecycle, product("UnixSignals", "swift-service-lifecycle")]),
]

/// Programs that measure; see Benchmarks/README.md.
let benchmarks: [Target] = [
    executable("client-bench", "Benchmarks/Client", ["KafkaClient", nioCore, logging])
]

let testTargets: [Target] = [
    library("TestSupport", "Tests/Support/TestSupport"),
    library(
        "FuzzTargets", "Tests/Fuzz/Targets",
        [
            "KafkaWire", "KafkaMessages", "KafkaRecords", "KafkaTransport", "Groups", "Metadata", "Storage", "Railway",
            nioCore, systemPackage,
        ]),
    tests("FuzzTests", ["FuzzTargets"]),
    tests("KafkaWireTests", ["KafkaWire", nioCore]),
    tests("KafkaMessagesTests", ["KafkaMessages", "KafkaWire", "ProtocolGeneratorCore", nioCore]),
    tests("KafkaRecordsTests", ["KafkaRecords", "KafkaWire", "CChecksums", nioCore]),
    tests("RailwayTests", ["Railway"]),
    tests(
        "KafkaClientTests",
        [
            "KafkaClient", "KafkaTransport", "KafkaMessages", "KafkaRecords", "KafkaWire", "TestSupport", nioCore,
            nioPosix, logging, tracing, product("InMemoryTracing", "swift-distributed-tracing"), serviceContext,
            metrics, product("MetricsTestKit", "swift-metrics"),
        ]),
    tests(
        "KafkaTransportTests",
        ["KafkaTransport", "KafkaWire", "KafkaMessages", "TestSupport", nioCore, nioPosix, nioEmbedded]),
    tests("MetadataTests", ["Metadata", "KafkaWire", nioCore]),
    tests(
        "BrokerServerTests",
        [
            "BrokerServer", "KafkaClient", "Groups", "Metadata", "Storage", "Transactions", "KafkaTransport",
            "KafkaMessages", "KafkaRecords", "KafkaWire", "TestSupport", nioCore, nioPosix, systemPackage, logging,
        ]),
    tests("GroupsTests", ["Groups", "KafkaWire", "KafkaMessages", nioCore]),
    tests("TransactionsTests", ["Transactions", "KafkaWire", "KafkaMessages", nioCore]),
    tests(
        "TransactionSimulationTests",
        [
            "BrokerServer", "KafkaClient", "Groups", "Storage", "Transactions", "KafkaMessages", "KafkaRecords",
            "KafkaWire", nioCore, heap, systemPackage,
        ]),
    tests("StorageTests", ["Storage", "KafkaWire", "KafkaRecords", nioCore, systemPackage]),
    tests(
        "ServiceKitTests",
        [
            "ServiceKit", "TestSupport", nioCore, nioPosix, product("NIOHTTP1", "swift-nio"), logging, metrics,
            product("CoreMetrics", "swift-metrics"), tracing, serviceContext, lifecycle, hummingbird,
            product("HummingbirdCore", "hummingbird"), systemPackage, product("HTTPTypes", "swift-http-types"),
            product("AsyncHTTPClient", "async-http-client"),
        ]),
    tests("RepositoryTests", []),
]

/// libFuzzer brings its own `main`, so its program can only be built with its sanitizer: by `make fuzz`.
let fuzzing: [Target] =
    Context.environment["SIGNALBOX_FUZZ"] == nil
    ? [] : [executable("LibFuzzer", "Tests/Fuzz/LibFuzzer", ["FuzzTargets"])]

let package = Package(
    name: "signalbox",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-service-context", from: "1.5.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: shared + broker + kafkaClient + serviceKit + executables + railwayServices + commandLine + tools
        + benchmarks + testTargets + railwayTests + fuzzing
)
