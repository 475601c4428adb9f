import ServiceLifecycle

/// A service whose `run()` may return before the process stops, without that being an error.
///
/// Any other service that returns on its own stops the process with exit code 1.
public protocol FiniteService: Service {}

/// A service that can tell before anything runs that it will not be able to start, such as a port in use.
public protocol StartupChecking: Service {
    /// Throws the reason; called once, before any service of the process runs.
    func checkStartup() async throws(StartupError)
}
