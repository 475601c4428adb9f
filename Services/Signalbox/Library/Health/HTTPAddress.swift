/// The parts of an `http://host:port/path` address.
struct HTTPAddress: Equatable, Sendable {
    let host: String
    let port: Int
    /// With its leading slash and its query.
    let path: String

    /// Host and port as they stand in the `Host` header.
    var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

    init(_ text: String) throws(CommandError) {
        let refusal = CommandError("'\(text)' is no address such as http://127.0.0.1:9600/health/ready")
        guard text.hasPrefix("http://"), !text.contains(where: \.isWhitespace) else { throw refusal }
        let rest = text.dropFirst("http://".count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<slash]
        var port = 80
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            guard let number = Int(authority[authority.index(after: colon)...]), (1...65_535).contains(number) else {
                throw refusal
            }
            port = number
            authority = authority[..<colon]
        }
        if authority.hasPrefix("["), authority.hasSuffix("]") { authority = authority.dropFirst().dropLast() }
        guard !authority.isEmpty else { throw refusal }
        host = String(authority)
        self.port = port
        path = slash == rest.endIndex ? "/" : String(rest[slash...])
    }
}
