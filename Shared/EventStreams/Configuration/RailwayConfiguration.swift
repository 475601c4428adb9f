import Railway
import ServiceKit
import SystemPackage

/// Where a service finds its network and time zones: the top-level keys `network` and `zoneinfo`.
public struct RailwayConfiguration: Sendable, Equatable {
    /// The file of lines and stations.
    public var networkPath: String
    /// The folder of TZif files.
    public var zoneinfoPath: String

    /// Paths as given.
    public init(networkPath: String, zoneinfoPath: String = "/usr/share/zoneinfo") {
        self.networkPath = networkPath
        self.zoneinfoPath = zoneinfoPath
    }

    /// Reads the keys; does no I/O. A path is relative as ``ServiceKit/ConfigurationReader/path(_:default:doc:)`` says.
    public init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        networkPath = try reader.path(
            "network", default: "config/network.toml", doc: "File of lines, stations and planned times.")
        zoneinfoPath = try reader.path("zoneinfo", default: "/usr/share/zoneinfo", doc: "Folder of time zone files.")
    }

    /// Reads and checks both files; what is wrong is one line that names the file.
    public func load() throws -> LoadedRailway {
        let network = try NetworkFile.read(networkPath)
        let path = "\(zoneinfoPath)/\(network.timeZone)"
        let bytes = try readSmallFile(path, "time zone \(network.timeZone)", limitBytes: 1 << 20)
        do throws(TimeZoneError) {
            return LoadedRailway(network: network, offsets: try TimeZoneFile(bytes: bytes))
        } catch {
            throw StartupError("\(path): \(error)")
        }
    }
}

/// The railway as a service uses it.
public struct LoadedRailway: Sendable {
    /// Lines and stations.
    public let network: Network
    /// The clocks of its stations.
    public let offsets: any UTCOffsets

    /// A railway from its parts.
    public init(network: Network, offsets: any UTCOffsets) {
        self.network = network
        self.offsets = offsets
    }
}

extension ConfigurationReader {
    /// A path. Written in a TOML file it is relative to that file's folder; from the environment, the command line or
    /// the default it is relative to the working directory.
    public func path(
        _ key: String, default value: String? = nil, doc: String = ""
    ) throws(ConfigurationError) -> String {
        resolved(try string(key, default: value, doc: doc), key)
    }

    /// As ``path(_:default:doc:)`` for a key that may be absent.
    public func optionalPath(_ key: String, doc: String = "") throws(ConfigurationError) -> String? {
        try optionalString(key, doc: doc).map { resolved($0, key) }
    }

    private func resolved(_ path: String, _ key: String) -> String {
        guard !path.hasPrefix("/"), case .file(let file, _) = origin(of: key) else { return path }
        return FilePath(file).removingLastComponent().appending(path).string
    }
}

/// The whole file; `what` begins the sentence of the error.
public func readSmallFile(_ path: String, _ what: String, limitBytes: Int) throws(StartupError) -> [UInt8] {
    do {
        let file = try FileDescriptor.open(FilePath(path), .readOnly)
        return try file.closeAfter {
            var content: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
                if count == 0 { return content }
                content.append(contentsOf: chunk[..<count])
                if content.count > limitBytes { throw Errno.fileTooLarge }
            }
        }
    } catch {
        throw StartupError("\(what): \(path) cannot be read: \(error)")
    }
}
