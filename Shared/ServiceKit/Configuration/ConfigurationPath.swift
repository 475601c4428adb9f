/// A key's place in a document: table names, the key, and `[n]` for the nth element of an array of tables.
///
/// Written with dots; a segment that itself holds a dot is quoted: `kafka."num.partitions"`.
struct ConfigurationPath: Hashable, Sendable, CustomStringConvertible {
    var segments: [String]

    init(_ segments: [String] = []) {
        self.segments = segments
    }

    /// A path written by our own code, such as `http.port`; quotes are not expected.
    init(dotted: String) {
        segments = dotted.isEmpty ? [] : dotted.split(separator: ".").map(String.init)
    }

    static func element(_ index: Int) -> String { "[\(index)]" }

    func appending(_ segment: String) -> ConfigurationPath { ConfigurationPath(segments + [segment]) }
    func appending(_ other: ConfigurationPath) -> ConfigurationPath { ConfigurationPath(segments + other.segments) }

    var parent: ConfigurationPath { ConfigurationPath(segments.dropLast()) }
    var last: String { segments.last ?? "" }

    var description: String {
        var text = ""
        for segment in segments {
            if segment.first == "[" {
                text += segment
            } else {
                if !text.isEmpty { text += "." }
                text += segment.contains(".") ? "\"\(segment)\"" : segment
            }
        }
        return text
    }

    /// The path with plain dots between all parts, to compare with what a person wrote after `--set`.
    var plain: String {
        segments.joined(separator: ".")
    }

    /// The path's environment variable: `SIGNALBOX_`, levels joined by `__`, every other sign than a letter or
    /// digit replaced by `_`, in upper case.
    var environmentName: String {
        Self.environmentPrefix + segments.map(Self.environmentSegment).joined(separator: "__")
    }

    static let environmentPrefix = "SIGNALBOX_"

    static func environmentSegment(_ segment: String) -> String {
        let trimmed = segment.first == "[" ? String(segment.dropFirst().dropLast()) : segment
        return String(trimmed.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }).uppercased()
    }
}

/// The candidate nearest to a misspelt name, when it is near enough to be what was meant.
func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
    let limit = max(1, min(3, name.count / 3))
    var best: (distance: Int, candidate: String)?
    for candidate in candidates where candidate != name {
        let distance = editDistance(Array(name.utf8), Array(candidate.utf8))
        guard distance <= limit else { continue }
        if let current = best, (current.distance, current.candidate) <= (distance, candidate) { continue }
        best = (distance, candidate)
    }
    return best?.candidate
}

/// Insertions, deletions, replacements and swaps of neighbours between two texts.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var older: [Int] = []
    var previous = Array(0...right.count)
    for i in 0..<left.count {
        var current = [i + 1]
        for j in 0..<right.count {
            var cost = min(previous[j + 1] + 1, current[j] + 1, previous[j] + (left[i] == right[j] ? 0 : 1))
            if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] { cost = min(cost, older[j - 1] + 1) }
            current.append(cost)
        }
        older = previous
        previous = current
    }
    return previous[right.count]
}
