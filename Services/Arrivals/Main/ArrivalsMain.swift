import ArrivalsService
import ServiceKit

@main
enum ArrivalsMain {
    static func main() async {
        await ServiceRunner(ArrivalsService.self).runAndExit()
    }
}
