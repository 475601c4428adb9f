import ServiceKit

/// The control room's page; its files are part of the executable.
enum DashboardPage {
    static let resources = StaticResources(files: [
        "index.html": PackageResources.index_html,
        "dashboard.css": PackageResources.dashboard_css,
        "dashboard.js": PackageResources.dashboard_js,
        "line.js": PackageResources.line_js,
    ])
}
