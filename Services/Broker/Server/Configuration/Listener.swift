/// One address a broker listens on, and the one it tells clients to use.
public struct Listener: Equatable, Sendable {
    /// The listener's name, such as `PLAINTEXT` or `INTERNAL`.
    public let name: String
    /// Where to bind; empty for every address of the machine.
    public let host: String
    /// 0 lets the system choose.
    public let port: Int
    /// What Metadata answers; `nil` answers the address that the client connected to.
    public let advertised: Endpoint?

    /// A host and port as clients are told them.
    public struct Endpoint: Hashable, Sendable {
        public let host: String
        public let port: Int

        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    public init(name: String, host: String, port: Int, advertised: Endpoint? = nil) {
        self.name = name
        self.host = host
        self.port = port
        self.advertised = advertised
    }

    /// Whether the bind address says nothing about how clients reach it.
    var isWildcard: Bool { ["", "0.0.0.0", "::"].contains(host) }
}

extension Listener {
    /// Joins `listeners` and `advertised.listeners`, both lists of `NAME://host:port`.
    ///
    /// Without an advertised address a listener on one address advertises that one, and a listener on every address
    /// advertises whatever the client connected to.
    static func parse(listeners: String, advertised: String?) throws(SettingError) -> [Listener] {
        let bound = try parse(listeners, key: "listeners")
        if bound.isEmpty { throw SettingError(key: "listeners", message: "names no address") }
        let told = try parse(advertised ?? "", key: "advertised.listeners")
        for entry in told where !bound.contains(where: { $0.name == entry.name }) {
            throw SettingError(key: "advertised.listeners", message: "'\(entry.name)' is not one of the listeners")
        }
        for entry in told where entry.endpoint.host.isEmpty || entry.endpoint.port == 0 {
            throw SettingError(
                key: "advertised.listeners", message: "'\(entry.name)' needs a host and a port that clients can use")
        }
        return bound.map { entry in
            Listener(
                name: entry.name, host: entry.endpoint.host, port: entry.endpoint.port,
                advertised: told.first { $0.name == entry.name }?.endpoint)
        }
    }

    /// Names that stand for security protocols where nothing maps them to another, and that are not served.
    private static let protocols: Set<String> = ["SSL", "SASL_PLAINTEXT", "SASL_SSL"]

    private static func parse(
        _ list: String, key: String
    ) throws(SettingError) -> [(name: String, endpoint: Endpoint)] {
        var result: [(name: String, endpoint: Endpoint)] = []
        for item in list.split(separator: ",") {
            let entry = item.trimmed
            guard let scheme = entry.range(of: "://") else {
                throw SettingError(key: key, message: "'\(entry)' is not of the form NAME://host:port")
            }
            let name = String(entry[..<scheme.lowerBound])
            let address = entry[scheme.upperBound...]
            if protocols.contains(name) {
                throw SettingError(
                    key: key,
                    message: "'\(name)' names a security protocol that is not served, only PLAINTEXT is; "
                        + "a listener of another name speaks it too")
            }
            guard !name.isEmpty, let colon = address.lastIndex(of: ":"),
                let port = UInt16(address[address.index(after: colon)...])
            else {
                throw SettingError(key: key, message: "'\(entry)' is not of the form NAME://host:port")
            }
            if result.contains(where: { $0.name == name }) {
                throw SettingError(key: key, message: "'\(name)' is there twice")
            }
            let host = address[..<colon].trimming { $0 == "[" || $0 == "]" }
            result.append((name, Endpoint(host: String(host), port: Int(port))))
        }
        return result
    }
}

extension Substring {
    /// Without spaces at either end.
    var trimmed: Substring { trimming { $0 == " " } }

    fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> Substring {
        var result = self
        while let first = result.first, isTrimmed(first) { result.removeFirst() }
        while let last = result.last, isTrimmed(last) { result.removeLast() }
        return result
    }

    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
