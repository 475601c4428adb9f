import ServiceKit
import ArrivalsService

@main
enum ArrivalsMain {
    static func main() async {
        await ServiceRunner(ArrivalsService.self).runAndExit()
    }
}
