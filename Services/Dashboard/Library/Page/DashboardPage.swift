/// The control room's page; its files are part of the executable.
enum DashboardPage {
    static let files: [String: [UInt8]] = [
        "index.html": PackageResources.index_html,
        "dashboard.css": PackageResources.dashboard_css,
        "dashboard.js": PackageResources.dashboard_js,
        "line.js": PackageResources.line_js,
    ]
}
