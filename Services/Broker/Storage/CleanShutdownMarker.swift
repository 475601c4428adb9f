import KafkaWire
import NIOCore
import SystemPackage

/// The file in a broker's data folder that says that every log in it was closed before the process ended.
public enum CleanShutdownMarker {
    /// Kafka's name for it.
    public static let fileName = ".kafka_cleanshutdown"

    /// To be called after every log's ``PartitionLog/close()`` has succeeded.
    public static func write(in dataFolder: FilePath, files: any FileSystem) throws(StorageError) {
        try files.replace(dataFolder.appending(fileName), with: ByteBuffer(string: "clean\n"))
    }

    /// Whether the last process stopped cleanly; the marker is gone for good when this returns. To be called before any
    /// log is opened.
    public static func take(in dataFolder: FilePath, files: any FileSystem) throws(StorageError) -> Bool {
        let path = dataFolder.appending(fileName)
        guard try files.byteCount(of: path) != nil else { return false }
        try files.remove(path)
        try files.syncFolder(dataFolder)
        return true
    }
}
