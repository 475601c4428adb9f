import KafkaClient
import Logging

/// What the command line says: `--name value` pairs, all of them named in ``usage``.
struct WorkerOptions: Sendable {
    static let usage = """
        ExactlyOnceWorker --bootstrap HOST:PORT --input TOPIC --output TOPIC --group ID --transactional-id ID
            [--protocol classic|consumer] [--instance-id ID] [--records-per-transaction 100] [--abort-every 0]
            [--log-level info]

        Reads INPUT as a member of the group, writes each record to OUTPUT with the same key and the value
        "done:VALUE", and commits its place in the same transaction. Every --abort-every'th transaction is aborted
        and done again. Ends on SIGTERM.
        """

    struct Mistake: Error, CustomStringConvertible {
        var description: String
    }

    var bootstrap: String
    var input: String
    var output: String
    var group: String
    var transactionalID: String
    var groupProtocol = KafkaGroupProtocol.classic
    var instanceID: String?
    var recordsPerTransaction = 100
    var abortEvery = 0
    var logLevel = Logger.Level.info

    init(_ arguments: [String]) throws(Mistake) {
        var values: [String: String] = [:]
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard name.hasPrefix("--"), let value = rest.popFirst() else {
                throw Mistake(description: "\(name): a name is followed by its value\n\(Self.usage)")
            }
            values[String(name.dropFirst(2))] = value
        }
        func take(_ name: String) throws(Mistake) -> String {
            guard let value = values.removeValue(forKey: name) else {
                throw Mistake(description: "--\(name) is missing\n\(Self.usage)")
            }
            return value
        }
        func number(_ name: String, _ otherwise: Int, from least: Int) throws(Mistake) -> Int {
            guard let text = values.removeValue(forKey: name) else { return otherwise }
            guard let value = Int(text), value >= least else {
                throw Mistake(description: "--\(name) is \(text), not a number from \(least) on")
            }
            return value
        }
        bootstrap = try take("bootstrap")
        input = try take("input")
        output = try take("output")
        group = try take("group")
        transactionalID = try take("transactional-id")
        if let name = values.removeValue(forKey: "protocol") {
            guard let known = KafkaGroupProtocol(rawValue: name) else {
                throw Mistake(description: "--protocol is \(name), neither classic nor consumer")
            }
            groupProtocol = known
        }
        instanceID = values.removeValue(forKey: "instance-id")
        recordsPerTransaction = try number("records-per-transaction", recordsPerTransaction, from: 1)
        abortEvery = try number("abort-every", abortEvery, from: 0)
        if let name = values.removeValue(forKey: "log-level") { logLevel = Logger.Level(rawValue: name) ?? .info }
        if let unknown = values.keys.sorted().first {
            throw Mistake(description: "--\(unknown) is no option\n\(Self.usage)")
        }
    }

    var consumerConfiguration: KafkaConsumerConfiguration {
        var group = KafkaGroupConfiguration(groupID: group, topics: [input])
        group.groupInstanceID = instanceID
        group.groupProtocol = groupProtocol
        group.sessionTimeout = .seconds(6)
        group.heartbeatInterval = .seconds(1)
        var configuration = KafkaConsumerConfiguration(
            client: KafkaClientConfiguration(bootstrapServers: [bootstrap], clientID: transactionalID),
            mode: .group(group))
        configuration.autoOffsetReset = .earliest
        configuration.isolationLevel = .readCommitted
        return configuration
    }

    var producerConfiguration: KafkaProducerConfiguration {
        var configuration = KafkaProducerConfiguration(bootstrapServers: [bootstrap], clientID: transactionalID)
        configuration.transactionalID = transactionalID
        configuration.transactionTimeout = .seconds(20)
        configuration.linger = .milliseconds(2)
        return configuration
    }
}
