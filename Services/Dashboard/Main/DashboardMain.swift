import DashboardService
import ServiceKit

@main
enum DashboardMain {
    static func main() async {
        await ServiceRunner(DashboardService.self).runAndExit()
    }
}
