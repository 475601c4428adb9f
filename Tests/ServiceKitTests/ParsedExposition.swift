/// A strict reader of Prometheus's text format that lists what `promtool check metrics` would complain about.
struct ParsedExposition {
    struct Sample {
        var name: String
        var labels: String
        var value: Double
    }

    struct Malformed: Error {
        var line: String
    }

    private(set) var samples: [Sample] = []
    private(set) var kinds: [String: String] = [:]
    private(set) var violations: [String] = []

    init(_ text: String) throws {
        var helps: Set<String> = []
        var closed: Set<String> = []
        var current = ""
        if !text.isEmpty, !text.hasSuffix("\n") { violations.append("no line break at the end") }
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3)
            if line.hasPrefix("# HELP ") {
                if !helps.insert(String(words[2])).inserted { violations.append("second HELP: \(words[2])") }
            } else if line.hasPrefix("# TYPE ") {
                let name = String(words[2])
                let known = kinds.updateValue(String(words[3]), forKey: name)
                if known != nil { violations.append("second TYPE: \(name)") }
                closed.insert(current)
                current = name
                if closed.contains(name) { violations.append("family in two places: \(name)") }
                let isCounter = words[3] == "counter"
                if isCounter != name.hasSuffix("_total") { violations.append("counter without _total: \(name)") }
            } else {
                try add(String(line), family: current)
            }
        }
        let keys = samples.map { "\($0.name){\($0.labels)}" }
        if Set(keys).count != keys.count { violations.append("a series appears twice") }
        for (name, kind) in kinds where kind == "histogram" { checkHistogram(name) }
    }

    private mutating func add(_ line: String, family: String) throws {
        let pattern = #/^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/#
        guard let match = try pattern.wholeMatch(in: line) else { throw Malformed(line: line) }
        let (name, labels) = (String(match.1), String(match.2 ?? ""))
        let pair = #/[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\["\\n])*"/#
        let rest = labels.replacing(pair, with: "")
        if rest.contains(where: { $0 != "," }) { throw Malformed(line: line) }
        let special = ["+Inf": Double.infinity, "-Inf": -Double.infinity, "NaN": Double.nan]
        guard let value = special[String(match.3)] ?? Double(match.3) else { throw Malformed(line: line) }
        let base = ["_bucket", "_sum", "_count"].first { name == family + $0 } != nil ? family : name
        if base != family { violations.append("sample outside its family: \(name)") }
        samples.append(Sample(name: name, labels: labels, value: value))
    }

    private mutating func checkHistogram(_ name: String) {
        let buckets = samples.filter { $0.name == name + "_bucket" }
        let count = samples.first { $0.name == name + "_count" }
        if buckets.last?.labels.hasSuffix("le=\"+Inf\"") != true { violations.append("no +Inf bucket: \(name)") }
        if buckets.last?.value != samples.last(where: { $0.name == name + "_count" })?.value {
            violations.append("+Inf bucket differs from count: \(name)")
        }
        if count == nil { violations.append("no count: \(name)") }
    }
}
