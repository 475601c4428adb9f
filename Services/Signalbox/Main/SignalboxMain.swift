import SignalboxCLI

@main
enum SignalboxMain {
    static func main() async {
        await SignalboxCommand.runAndExit()
    }
}
