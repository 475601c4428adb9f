import ServiceKit
import StationService

@main
enum StationMain {
    static func main() async {
        await ServiceRunner(StationService.self).runAndExit()
    }
}
