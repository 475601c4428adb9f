/// What there is to know of one configuration apart from its value: for DescribeConfigs and for checking.
public struct ConfigurationDefinition: Hashable, Sendable {
    /// The type of a value, with the number it has in DescribeConfigs. Source: KIP-569.
    public enum ValueType: Int8, Hashable, Sendable {
        case boolean = 1
        case string = 2
        case int = 3
        case short = 4
        case long = 5
        case double = 6
        case list = 7
        case `class` = 8
        case password = 9
    }

    /// Kafka's key.
    public let name: String
    public let type: ValueType
    /// As Kafka writes it; empty where the default is no value.
    public let defaultValue: String
    /// One sentence.
    public let documentation: String
    /// The broker's settings that give a topic's configuration its default; of several that are set, the first counts.
    public let synonyms: [String]

    public init(name: String, type: ValueType, defaultValue: String, documentation: String, synonyms: [String] = []) {
        self.name = name
        self.type = type
        self.defaultValue = defaultValue
        self.documentation = documentation
        self.synonyms = synonyms
    }
}
