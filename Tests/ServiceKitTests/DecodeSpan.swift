import ServiceKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Reads a span back from its JSON.
func decodeSpan(_ text: String) throws -> FinishedSpan {
    try JSONDecoder().decode(FinishedSpan.self, from: Data(text.utf8))
}
