/// Finds the line of every key of a TOML document that has already been parsed.
///
/// TOMLKit tells lines of syntax errors only, so this light scan of the same text fills the gap. It trusts the
/// document to be well formed: on anything else it stops early and the remaining keys have no line.
struct TOMLLineScan {
    private let bytes: [UInt8]
    private var index = 0
    private var line = 1
    private var lines: [ConfigurationPath: Int] = [:]
    private var arrayCounts: [ConfigurationPath: Int] = [:]

    /// The line (from 1) of each key, table header and array element of `text`.
    static func lines(of text: String) -> [ConfigurationPath: Int] {
        var scan = TOMLLineScan(bytes: Array(text.utf8))
        scan.scanDocument()
        return scan.lines
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    private func peek(_ distance: Int) -> UInt8? { index + distance < bytes.count ? bytes[index + distance] : nil }

    private mutating func advance() {
        if current == UInt8(ascii: "\n") { line += 1 }
        index += 1
    }

    private mutating func scanDocument() {
        var table = ConfigurationPath()
        while true {
            skipSpace(lineBreaks: true)
            guard let byte = current else { return }
            let before = index
            if byte == UInt8(ascii: "[") {
                table = scanHeader()
            } else {
                scanKeyValue(in: table)
            }
            if index == before { return }
        }
    }

    private mutating func scanHeader() -> ConfigurationPath {
        let isArray = peek(1) == UInt8(ascii: "[")
        let start = line
        for _ in 0..<(isArray ? 2 : 1) { advance() }
        let names = scanKey()
        while let byte = current, byte == UInt8(ascii: "]") || byte == UInt8(ascii: " ") { advance() }
        var path = ConfigurationPath()
        for (position, name) in names.enumerated() {
            path = path.appending(name)
            let isLast = position == names.count - 1
            if isLast, isArray { arrayCounts[path, default: 0] += 1 }
            note(path, at: start)
            if let count = arrayCounts[path] { path = path.appending(ConfigurationPath.element(count - 1)) }
        }
        note(path, at: start)
        return path
    }

    private mutating func scanKeyValue(in table: ConfigurationPath) {
        let start = line
        var path = table
        for name in scanKey() {
            path = path.appending(name)
            note(path, at: start)
        }
        skipSpace(lineBreaks: false)
        guard current == UInt8(ascii: "=") else { return }
        advance()
        skipSpace(lineBreaks: false)
        scanValue(at: path)
    }

    private mutating func scanKey() -> [String] {
        var names: [String] = []
        while true {
            skipSpace(lineBreaks: false)
            guard let byte = current else { return names }
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                names.append(scanString())
            } else {
                let start = index
                while let byte = current, isBare(byte) { advance() }
                guard index > start else { return names }
                names.append(String(decoding: bytes[start..<index], as: UTF8.self))
            }
            skipSpace(lineBreaks: false)
            guard current == UInt8(ascii: ".") else { return names }
            advance()
        }
    }

    private mutating func scanValue(at path: ConfigurationPath) {
        switch current {
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            _ = scanString()
        case UInt8(ascii: "["):
            scanArray(at: path)
        case UInt8(ascii: "{"):
            scanInlineTable(at: path)
        default:
            while let byte = current, !",]}#\n".utf8.contains(byte) { advance() }
        }
    }

    private mutating func scanArray(at path: ConfigurationPath) {
        advance()
        var count = 0
        while true {
            skipSpace(lineBreaks: true)
            guard let byte = current else { return }
            if byte == UInt8(ascii: "]") { return advance() }
            if byte == UInt8(ascii: ",") {
                advance()
                continue
            }
            let element = path.appending(ConfigurationPath.element(count))
            note(element, at: line)
            let before = index
            scanValue(at: element)
            guard index > before else { return }
            count += 1
        }
    }

    private mutating func scanInlineTable(at path: ConfigurationPath) {
        advance()
        while true {
            skipSpace(lineBreaks: true)
            guard let byte = current else { return }
            if byte == UInt8(ascii: "}") { return advance() }
            if byte == UInt8(ascii: ",") {
                advance()
                continue
            }
            let before = index
            scanKeyValue(in: path)
            guard index > before else { return }
        }
    }

    /// Skips a string of any of the four kinds; returns its text, with simple escapes only, for quoted keys.
    private mutating func scanString() -> String {
        guard let quote = current else { return "" }
        let escapes = quote == UInt8(ascii: "\"")
        let isLong = peek(1) == quote && peek(2) == quote
        for _ in 0..<(isLong ? 3 : 1) { advance() }
        var text: [UInt8] = []
        while let byte = current {
            if escapes, byte == UInt8(ascii: "\\") {
                advance()
                if let escaped = current { text.append(escaped) }
                advance()
            } else if byte == quote, !isLong || (peek(1) == quote && peek(2) == quote) {
                for _ in 0..<(isLong ? 3 : 1) { advance() }
                while isLong, current == quote { advance() }
                break
            } else {
                text.append(byte)
                advance()
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func skipSpace(lineBreaks: Bool) {
        while let byte = current {
            if byte == UInt8(ascii: "#") {
                while let byte = current, byte != UInt8(ascii: "\n") { _ = byte; advance() }
            } else if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") {
                advance()
            } else if lineBreaks, byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                advance()
            } else {
                return
            }
        }
    }

    private func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: byte >= 0x80
        }
    }

    private mutating func note(_ path: ConfigurationPath, at line: Int) {
        if lines[path] == nil { lines[path] = line }
    }
}
