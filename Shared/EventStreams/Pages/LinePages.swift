import Hummingbird
import ServiceKit

/// One of the line's pages.
public enum LinePage: String, Sendable, CaseIterable {
    case control, board, delays, notifications

    /// What its visitors read.
    var title: String {
        switch self {
        case .control: "Control room"
        case .board: "Boards"
        case .delays: "Delays"
        case .notifications: "Notifications"
        }
    }

    /// Where its service listens unless it is told otherwise.
    public var defaultPort: Int {
        switch self {
        case .control: 8080
        case .board: 8090
        case .delays: 8091
        case .notifications: 8092
        }
    }

    /// The key of its address.
    public var key: String { "links.\(rawValue)" }

    /// Its address on a port of the machine that the visitor came to.
    public static func address(port: Int) -> String { "http://{host}:\(port)/" }
}

/// What the line's pages have in common: where the others are, the bar that leads there, and how they look.
///
/// A page says which one it is by `<body data-page="board">`, has `<header class="bar">`, and loads `/shell.css` and
/// `/shell.js`, which fills the bar.
public struct LinePages: Sendable {
    /// Addresses; `{host}` in them stands for the one that the visitor used.
    public let addresses: [LinePage: String]

    /// Reads `[links]`.
    public init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        var addresses: [LinePage: String] = [:]
        for page in LinePage.allCases {
            addresses[page] = try reader.string(
                page.key, default: LinePage.address(port: page.defaultPort),
                doc: "Address of that page; {host} is the one that the visitor used.")
        }
        self.addresses = addresses
    }

    private struct Entry: Encodable {
        let page: String
        let title: String
        let address: String
    }

    /// Serves a page's own files and those that all pages share.
    public func addRoutes(to router: ServiceRouter, files: [String: [UInt8]]) {
        let entries = LinePage.allCases.map { page in
            Entry(page: page.rawValue, title: page.title, address: addresses[page] ?? "/")
        }
        let shared = [
            "shell.css": PackageResources.shell_css, "shell.js": PackageResources.shell_js,
            "shell.json": Array(jsonText(entries).utf8),
        ]
        StaticResources(files: files.merging(shared) { own, _ in own }).addRoutes(to: router)
    }
}
