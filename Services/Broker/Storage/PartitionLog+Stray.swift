import KafkaWire
import SystemPackage

/// Folders that nobody owns.
extension PartitionLog {
    /// Whether there are records in a partition's folder; `false` where there is none.
    public static func hasRecords(in folder: FilePath, files: any FileSystem) throws(StorageError) -> Bool {
        for name in try files.list(folder) where LogFileName.parse(name)?.kind == .log {
            if try files.byteCount(of: folder.appending(name)) ?? 0 > 0 { return true }
        }
        return false
    }

    /// Gives a folder a name under which it is no partition's; returns that. A number in it tells several apart.
    public static func setAsideStray(_ folder: FilePath, files: any FileSystem) throws(StorageError) -> FilePath {
        let parent = folder.removingLastComponent()
        let taken = Set(try files.list(parent))
        var number = 1
        var name = LogFileName.strayFolder(for: folder, number)
        while taken.contains(name) {
            number += 1
            name = LogFileName.strayFolder(for: folder, number)
        }
        try files.rename(folder, to: parent.appending(name))
        try files.syncFolder(parent)
        return parent.appending(name)
    }
}
