import Hummingbird
import HummingbirdCore
import NIOCore
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A service's page: files held in memory, each with a content type and an ETag.
///
/// A browser asks each time (`Cache-Control: no-cache`) and gets 304 while nothing changed.
public struct StaticResources: Sendable {
    struct Resource: Sendable {
        var content: ByteBuffer
        var contentType: String
        var etag: String
    }

    private let resources: [String: Resource]

    /// Files by path without a leading slash: `index.html`, `assets/board.js`.
    public init(files: [String: [UInt8]]) {
        resources = Dictionary(
            uniqueKeysWithValues: files.map { path, bytes in
                (
                    path,
                    Resource(
                        content: ByteBuffer(bytes: bytes), contentType: Self.contentType(of: path),
                        etag: Self.etag(of: bytes))
                )
            })
    }

    /// All files below a folder, except hidden ones; at most 32 MiB each, 16 folders deep.
    public init(directory: String) throws(StartupError) {
        var files: [String: [UInt8]] = [:]
        do {
            try Self.collect(directory, prefix: "", depth: 0, into: &files)
        } catch {
            throw StartupError("static resources: \(directory) cannot be read: \(error)")
        }
        self.init(files: files)
    }

    /// The paths held, sorted.
    public var paths: [String] { resources.keys.sorted() }

    /// Serves every file below `prefix`, and `index.html` also at the folder itself.
    public func addRoutes(to router: ServiceRouter, at prefix: String = "/") {
        let base = prefix.hasSuffix("/") ? prefix : prefix + "/"
        for (path, resource) in resources {
            let respond: @Sendable (Request, ServiceRequestContext) -> Response = { request, _ in
                Self.response(request, resource)
            }
            router.get(RouterPath(base + path), use: respond)
            if path == "index.html" {
                router.get(RouterPath(base), use: respond)
            } else if path.hasSuffix("/index.html") {
                router.get(RouterPath(base + path.dropLast("/index.html".count)), use: respond)
            }
        }
    }

    private static func response(_ request: Request, _ resource: Resource) -> Response {
        let headers: HTTPFields = [
            .contentType: resource.contentType, .eTag: resource.etag, .cacheControl: "no-cache",
        ]
        if let known = request.headers[.ifNoneMatch], matches(known, resource.etag) {
            return Response(status: .notModified, headers: headers)
        }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: resource.content))
    }

    private static func matches(_ header: String, _ etag: String) -> Bool {
        header.split(separator: ",").contains { part in
            let tag = part.drop { $0 == " " }
            return tag == "*" || tag == etag || tag == "W/\(etag)"
        }
    }

    private static func etag(of bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return "\"\(hexadecimal(hash, digits: 16))-\(String(bytes.count, radix: 16))\""
    }

    private static func contentType(of path: String) -> String {
        let types = [
            "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8",
            "mjs": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8",
            "json": "application/json", "svg": "image/svg+xml", "png": "image/png", "ico": "image/x-icon",
            "webp": "image/webp", "woff2": "font/woff2", "txt": "text/plain; charset=utf-8",
            "webmanifest": "application/manifest+json", "map": "application/json",
        ]
        let suffix = path.split(separator: ".").last.map(String.init) ?? ""
        return types[suffix] ?? "application/octet-stream"
    }

    private static func collect(
        _ directory: String, prefix: String, depth: Int, into files: inout [String: [UInt8]]
    ) throws {
        guard depth < 16 else { return }
        guard let handle = opendir(directory) else { throw Errno(rawValue: errno) }
        defer { closedir(handle) }
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(".") { continue }
            let path = "\(directory)/\(name)"
            var status = stat()
            guard stat(path, &status) == 0 else { throw Errno(rawValue: errno) }
            if status.st_mode & S_IFMT == S_IFDIR {
                try collect(path, prefix: "\(prefix)\(name)/", depth: depth + 1, into: &files)
            } else {
                files[prefix + name] = try readFile(path, limitBytes: 32 << 20)
            }
        }
    }
}
