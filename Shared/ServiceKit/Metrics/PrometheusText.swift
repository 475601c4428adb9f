/// Writes Prometheus's text format, version 0.0.4.
public struct PrometheusText: Sendable {
    /// The content type of the format.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// What has been written so far.
    public private(set) var text = ""
    private let names: [String: MetricName]
    private var begun: Set<String> = []

    init(names: [String: MetricName] = [:]) {
        self.names = names
    }

    /// Adds a gauge without labels that is read at each scrape.
    public mutating func gauge(_ name: MetricName, _ value: Double) {
        family(name, .gauge, [([], value)])
    }

    /// Adds a gauge with one value per label combination; nothing when there is none.
    public mutating func gauge(_ name: MetricName, _ values: [(labels: [(String, String)], value: Double)]) {
        family(name, .gauge, values)
    }

    /// Adds a counter without labels that is read at each scrape.
    public mutating func counter(_ name: MetricName, _ value: Double) {
        family(name, .counter, [([], value)])
    }

    private mutating func family(
        _ name: MetricName, _ kind: PrometheusRegistry.Kind, _ values: [(labels: [(String, String)], value: Double)]
    ) {
        let valid = Self.metricName(name.name)
        guard !values.isEmpty, begin(valid, kind, help: name.help) else { return }
        for (labels, value) in values { sample(valid, labels: Self.labels(labels), value: value) }
    }

    /// Writes HELP and TYPE; false when the family has been written already (it must not appear twice).
    @discardableResult
    mutating func begin(_ name: String, _ kind: PrometheusRegistry.Kind, help: String? = nil) -> Bool {
        guard begun.insert(name).inserted else { return false }
        if let help = help ?? names[name]?.help, !help.isEmpty {
            text += "# HELP \(name) \(Self.escapeHelp(help))\n"
        }
        text += "# TYPE \(name) \(kind.rawValue)\n"
        return true
    }

    mutating func add(_ name: String, labels: String, _ cell: PrometheusRegistry.Cell) {
        switch cell {
        case .counter(let cell): sample(name, labels: labels, value: Double(cell.current))
        case .double(let cell): sample(name, labels: labels, value: cell.current)
        case .histogram(let cell): histogram(name, labels: labels, cell)
        }
    }

    mutating func sample(_ name: String, labels: String, value: Double) {
        text += labels.isEmpty ? "\(name) " : "\(name){\(labels)} "
        text += Self.number(value)
        text += "\n"
    }

    private mutating func histogram(_ name: String, labels: String, _ cell: HistogramCell) {
        let snapshot = cell.current
        let prefix = labels.isEmpty ? "" : labels + ","
        var total: UInt64 = 0
        for (index, count) in snapshot.counts.enumerated() {
            total += count
            let bound = index < cell.bounds.count ? Self.number(cell.bounds[index]) : "+Inf"
            sample("\(name)_bucket", labels: "\(prefix)le=\"\(bound)\"", value: Double(total))
        }
        sample("\(name)_sum", labels: labels, value: snapshot.sum)
        sample("\(name)_count", labels: labels, value: Double(total))
    }

    /// Whole numbers without a fraction, `+Inf`, `-Inf` and `NaN` as the format spells them.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if let whole = Int64(exactly: value), abs(whole) < 1 << 53 { return String(whole) }
        return String(value)
    }

    /// The name with every sign that the format does not allow replaced by `_`.
    static func metricName(_ raw: String) -> String {
        identifier(raw, allowColon: true)
    }

    /// `name="value"` pairs, sorted, joined by commas; the last of equal names wins.
    static func labels(_ dimensions: [(String, String)]) -> String {
        if dimensions.isEmpty { return "" }
        var pairs: [String: String] = [:]
        for (name, value) in dimensions { pairs[identifier(name, allowColon: false)] = value }
        return pairs.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escapeLabel($0.value))\"" }
            .joined(separator: ",")
    }

    private static func identifier(_ raw: String, allowColon: Bool) -> String {
        var name = String(
            decoding: raw.utf8.map { byte -> UInt8 in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    byte
                case UInt8(ascii: ":") where allowColon: byte
                default: UInt8(ascii: "_")
                }
            }, as: UTF8.self)
        if name.isEmpty || name.first?.isNumber == true { name = "_" + name }
        return name
    }

    private static func escapeLabel(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\"") || $0 < 0x20 })
        else { return value }
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    private static func escapeHelp(_ help: String) -> String {
        String(help.flatMap { $0 == "\\" ? "\\\\" : $0 == "\n" ? "\\n" : String($0) })
    }
}
