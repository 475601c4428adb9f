import Foundation
import KafkaClient
import Logging
import ServiceLifecycle
import UnixSignals

do {
    let options = try WorkerOptions(Array(CommandLine.arguments.dropFirst()))
    LoggingSystem.bootstrap(StreamLogHandler.standardError)
    let logger = Logger(label: "exactly-once")
    let consumer = try KafkaConsumer(configuration: options.consumerConfiguration, logger: logger)
    let worker = ExactlyOnceWorker(options: options, consumer: consumer, logger: logger)
    let services = ServiceGroup(
        configuration: ServiceGroupConfiguration(
            services: [
                .init(service: consumer),
                .init(service: worker, successTerminationBehavior: .gracefullyShutdownGroup),
            ], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    try await services.run()
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
