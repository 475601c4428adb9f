import KafkaMessages
import KafkaWire

/// `docs/protocol-support.md`, written from the registry so that it cannot say anything else.
enum ProtocolSupportDocument {
    static func text(of registry: APIRegistry) -> String {
        var lines = [
            "# What the broker serves of Kafka's protocol",
            "",
            "Written by `make documents` from the broker's registry of handlers, and compared with it by",
            "`Tests/BrokerServerTests`. Every version inside a range is served, at every field, unless its row says",
            "otherwise. A client that wants a newer version negotiates down.",
            "",
            "| API | key | versions | gaps |",
            "|---|---|---|---|",
        ]
        for api in registry.all {
            let versions = "\(api.advertised.lowerBound)-\(api.advertised.upperBound)"
            let gaps = api.gaps.isEmpty ? "" : " \(api.gaps)"
            lines.append("| \(api.key.name) | \(api.key.rawValue) | \(versions) |\(gaps) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
