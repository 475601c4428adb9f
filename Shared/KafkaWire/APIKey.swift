/// Which request a frame carries.
public struct APIKey: RawRepresentable, Hashable, Sendable {
    public let rawValue: Int16

    public init(rawValue: Int16) { self.rawValue = rawValue }

    public static let produce = APIKey(rawValue: 0)
    public static let fetch = APIKey(rawValue: 1)
    public static let listOffsets = APIKey(rawValue: 2)
    public static let metadata = APIKey(rawValue: 3)
    public static let offsetCommit = APIKey(rawValue: 8)
    public static let offsetFetch = APIKey(rawValue: 9)
    public static let findCoordinator = APIKey(rawValue: 10)
    public static let joinGroup = APIKey(rawValue: 11)
    public static let heartbeat = APIKey(rawValue: 12)
    public static let leaveGroup = APIKey(rawValue: 13)
    public static let syncGroup = APIKey(rawValue: 14)
    public static let describeGroups = APIKey(rawValue: 15)
    public static let listGroups = APIKey(rawValue: 16)
    public static let apiVersions = APIKey(rawValue: 18)
    public static let createTopics = APIKey(rawValue: 19)
    public static let deleteTopics = APIKey(rawValue: 20)
    public static let initProducerId = APIKey(rawValue: 22)
}
