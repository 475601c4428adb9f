import KafkaWire
import Metadata
import Storage

/// Changes to the values of one resource, before anything was checked. A rule: what becomes of the values it has.
struct ConfigurationChange: Sendable {
    /// What to do with one value. The numbers are those of IncrementalAlterConfigs (KIP-339).
    enum Operation: Int8, Sendable {
        case set = 0
        /// Back to the default.
        case delete = 1
        /// Puts words at the end of a list, those that it does not have.
        case append = 2
        /// Takes words out of a list.
        case subtract = 3
    }

    struct Entry: Sendable {
        let name: String
        let operation: Int8
        let value: String?
    }

    let resource: ConfigurationResource
    let entries: [Entry]
    /// Whether values that are not named go back to their defaults, as with AlterConfigs.
    var replacesAll = false

    /// The values that the resource has afterwards.
    ///
    /// - Parameter definition: of the values that the resource can have, by name.
    func result(
        over current: [String: String], definition: (String) -> ConfigurationDefinition?
    ) throws(TopicRefusal) -> [String: String] {
        var values = replacesAll ? [:] : current
        var seen: Set<String> = []
        for entry in entries {
            guard seen.insert(entry.name).inserted else {
                throw TopicRefusal(code: .invalidRequest, message: "\(entry.name): is in the request twice")
            }
            values[entry.name] = try value(of: entry, current: current[entry.name], definition(entry.name))
        }
        return values
    }

    private func value(
        of entry: Entry, current: String?, _ definition: ConfigurationDefinition?
    ) throws(TopicRefusal) -> String? {
        guard let operation = Operation(rawValue: entry.operation) else {
            throw TopicRefusal(
                code: .invalidRequest, message: "\(entry.name): operation \(entry.operation) is not one of 0 to 3")
        }
        if operation == .delete { return nil }
        guard let value = entry.value else {
            throw TopicRefusal(code: .invalidRequest, message: "\(entry.name): has no value")
        }
        if operation == .set { return value }
        guard let definition, definition.type == .list else {
            throw TopicRefusal(
                code: .invalidConfig, message: "\(entry.name): is not a list, so '\(value)' cannot be added or taken")
        }
        let old = Self.words(of: current ?? definition.defaultValue)
        let asked = Self.words(of: value)
        let new =
            operation == .append
            ? old + asked.filter { !old.contains($0) } : old.filter { !asked.contains($0) }
        return new.joined(separator: ",")
    }

    private static func words(of list: String) -> [String] {
        list.split(separator: ",").map { String($0.trimmed) }
    }

    /// The records that turn one set of values into the other.
    func records(from old: [String: String], to new: [String: String]) -> [MetadataRecord] {
        Set(old.keys).union(new.keys).sorted().filter { old[$0] != new[$0] }.map {
            .config(resource, key: $0, value: new[$0])
        }
    }
}
