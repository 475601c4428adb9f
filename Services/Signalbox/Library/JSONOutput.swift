#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What commands print with `--json`: one document, keys sorted.
enum JSONOutput {
    static func text(_ value: some Encodable, isPretty: Bool = true) throws(CommandError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
        } catch {
            throw CommandError("the answer has no JSON form: \(error)")
        }
    }
}
