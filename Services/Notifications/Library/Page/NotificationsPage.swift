/// The page at `/`: subscribe, and watch what comes. Its files are part of the executable.
enum NotificationsPage {
    static let files: [String: [UInt8]] = [
        "index.html": PackageResources.index_html,
        "notifications.css": PackageResources.notifications_css,
        "notifications.js": PackageResources.notifications_js,
    ]
}
