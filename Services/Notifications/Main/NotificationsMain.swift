import NotificationsService
import ServiceKit

@main
enum NotificationsMain {
    static func main() async {
        await ServiceRunner(NotificationsService.self).runAndExit()
    }
}
