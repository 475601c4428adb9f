import BrokerService
import ServiceKit

@main
enum BrokerMain {
    static func main() async {
        await ServiceRunner(BrokerService.self).runAndExit()
    }
}
