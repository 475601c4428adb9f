import KafkaWire
import NIOCore
import Storage
import Synchronization
import SystemPackage

#if canImport(Glibc)
import Glibc
#endif

/// Why a data folder cannot be used; the text says which and what to do.
public struct DataFolderError: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// The folder that holds all of a broker's partitions: who owns it, and which cluster it belongs to.
struct DataFolder: Sendable {
    private static let propertiesName = "meta.properties"
    private static let lockName = ".lock"
    /// Of `meta.properties`.
    private static let version = "1"

    let path: FilePath
    /// The same from the root, as tools are told it.
    let absolutePath: FilePath
    let identity: ClusterIdentity
    private let lock: FolderLock

    /// Makes the folder where there is none, takes its lock, and reads or writes `meta.properties`.
    ///
    /// - Throws: ``DataFolderError`` when another process has it or it belongs to another broker or cluster.
    init(_ configuration: BrokerConfiguration, files: any FileSystem) throws {
        path = FilePath(configuration.dataFolder)
        do {
            try files.makeFolder(path)
        } catch {
            throw DataFolderError(description: "log.dirs: \(error)")
        }
        absolutePath = Self.absolute(path)
        lock = try FolderLock(path.appending(Self.lockName))
        let properties = path.appending(Self.propertiesName)
        if let text = try files.contents(of: properties) {
            identity = try Self.check(String(buffer: text), of: properties, against: configuration)
            return
        }
        var random = SystemRandomNumberGenerator()
        let cluster =
            configuration.clusterID.isEmpty ? KafkaUUID.random(using: &random).description : configuration.clusterID
        identity = ClusterIdentity(clusterID: cluster, nodeID: configuration.nodeID)
        guard cluster.utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw DataFolderError(description: "cluster.id may have visible ASCII characters only, not '\(cluster)'")
        }
        let text = "version=\(Self.version)\ncluster.id=\(cluster)\nnode.id=\(configuration.nodeID)\n"
        try files.replace(properties, with: ByteBuffer(string: text))
    }

    /// The path as it is where the system cannot say more, as with files in memory.
    private static func absolute(_ path: FilePath) -> FilePath {
        guard let resolved = path.withPlatformString({ realpath($0, nil) }) else { return path }
        defer { free(resolved) }
        return FilePath(platformString: resolved)
    }

    private static func check(
        _ text: String, of path: FilePath, against configuration: BrokerConfiguration
    ) throws(DataFolderError) -> ClusterIdentity {
        var values: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[parts[0]] = parts[1] }
        }
        guard values["version"].map({ $0 == version }) ?? true else {
            throw DataFolderError(description: "\(path) has version \(values["version"] ?? ""), this reads \(version)")
        }
        guard let cluster = values["cluster.id"], let node = values["node.id"].flatMap({ Int32($0) }) else {
            throw DataFolderError(description: "\(path) has no cluster.id and node.id; put it back as it was")
        }
        guard node == configuration.nodeID.rawValue else {
            throw DataFolderError(
                description: "node.id is \(configuration.nodeID), but \(path) belongs to broker \(node)")
        }
        guard configuration.clusterID.isEmpty || configuration.clusterID == cluster else {
            throw DataFolderError(
                description: "cluster.id is \(configuration.clusterID), but \(path) belongs to cluster \(cluster)")
        }
        return ClusterIdentity(clusterID: String(cluster), nodeID: BrokerID(node))
    }
}

/// A lock that the operating system lets go of when the process ends, however it ends.
private final class FolderLock: Sendable {
    private let descriptor: SystemPackage.FileDescriptor

    init(_ path: FilePath) throws {
        do {
            descriptor = try SystemPackage.FileDescriptor.open(
                path, .readWrite, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
        } catch {
            throw DataFolderError(
                description: "log.dirs: \(path.removingLastComponent()) cannot be written to: \(error)")
        }
        // Not closed here where that fails: with its one property set, an object that throws is deinitialised too.
        guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            throw DataFolderError(
                description: "log.dirs: \(path.removingLastComponent()) is in use by another broker")
        }
    }

    deinit {
        // Closing is what lets the lock go; there is nobody left to tell of an error.
        _ = Glibc.close(descriptor.rawValue)
    }
}
