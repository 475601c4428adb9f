import DelaysService
import ServiceKit

@main
enum DelaysMain {
    static func main() async {
        await ServiceRunner(DelaysService.self).runAndExit()
    }
}
