/// The rules for a topic's name (Kafka's own: it becomes part of a folder's name).
public enum TopicName {
    /// The offsets of all consumer groups.
    public static let consumerOffsets = "__consumer_offsets"
    /// The transactional ids and their transactions.
    public static let transactionState = "__transaction_state"
    /// The metadata log itself; it is no topic that clients see.
    public static let clusterMetadata = "__cluster_metadata"

    /// The longest name, in characters.
    public static let maximumLength = 249

    /// Why a name cannot be a topic's.
    public static func problem(with name: String) -> String? {
        if name.isEmpty { return "a topic's name may not be empty" }
        if name == "." || name == ".." { return "a topic's name may not be '\(name)'" }
        if name.utf8.count > maximumLength {
            return "a topic's name has at most \(maximumLength) characters, this one has \(name.utf8.count)"
        }
        if let wrong = name.unicodeScalars.first(where: { !isAllowed($0) }) {
            return "a topic's name has only letters, digits, '.', '_' and '-', not '\(wrong)'"
        }
        return nil
    }

    /// Whether clients are kept from writing to the topic and its deletion is refused.
    public static func isInternal(_ name: String) -> Bool {
        name == consumerOffsets || name == transactionState
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-": true
        default: false
        }
    }
}
