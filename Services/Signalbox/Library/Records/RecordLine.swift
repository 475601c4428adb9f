/// One line of `signalbox produce`: a key and a value, divided by a separator, or a value alone.
struct RecordLine: Equatable {
    /// Nil when the line has no key.
    var key: String?
    /// Nil for a tombstone.
    var value: String?

    /// Divides at the first `separator`; without a separator the whole line is the value.
    ///
    /// A value that equals `tombstone` is none: it deletes the key on a compacted topic.
    init(_ line: String, separator: String?, tombstone: String? = nil) throws(CommandError) {
        guard let separator else {
            (key, value) = (nil, line == tombstone ? nil : line)
            return
        }
        guard let range = line.firstRange(of: separator) else {
            throw CommandError("the line '\(line.prefix(80))' has no key separator")
        }
        let value = String(line[range.upperBound...])
        (key, self.value) = (String(line[..<range.lowerBound]), value == tombstone ? nil : value)
    }

    /// A separator as typed: `\t` is a tab.
    static func separator(_ text: String) -> String {
        text.replacing("\\t", with: "\t")
    }
}
