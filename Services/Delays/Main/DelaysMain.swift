import ServiceKit
import DelaysService

@main
enum DelaysMain {
    static func main() async {
        await ServiceRunner(DelaysService.self).runAndExit()
    }
}
