import Foundation
import KafkaClient
import Logging
import ServiceLifecycle
import UnixSignals

do {
    let options = try WorkerOptions(Array(CommandLine.arguments.dropFirst()))
    LoggingSystem.bootstrap(StreamLogHandler.standardError)
    var logger = Logger(label: "exactly-once")
    logger.logLevel = options.logLevel
    let consumer = try KafkaConsumer(configuration: options.consumerConfiguration, logger: logger)
    let worker = ExactlyOnceWorker(options: options, consumer: consumer, logger: logger)
    let services = ServiceGroup(
        configuration: ServiceGroupConfiguration(
            // Stopped from the last to the first: the worker's loop ends when the consumer does.
            services: [
                .init(service: worker, successTerminationBehavior: .gracefullyShutdownGroup),
                .init(service: consumer),
            ], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    try await services.run()
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
