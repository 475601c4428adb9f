import KafkaClient
import ServiceKit

/// Why a command failed, as the one line that people read.
struct CommandError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// The line for any error of a command; `parserMessage` is what the argument parser would say of it.
    static func line(_ error: any Error, parserMessage: String) -> String {
        switch error {
        case let error as CommandError: "signalbox: \(flat(error.description))"
        case let error as ConfigurationError: error.description
        case let error as StartupError: error.description
        case let error as KafkaError: "signalbox: \(flat(sentence(error)))"
        case is CancellationError: "signalbox: stopped"
        default: "signalbox: \(flat(parserMessage))"
        }
    }

    /// What a client's error means to somebody at a terminal.
    static func sentence(_ error: KafkaError, subject: String? = nil) -> String {
        let about = subject.map { "\($0): " } ?? ""
        switch error.errorCode {
        case .unknownTopicOrPartition: return "\(about)there is no such topic"
        case .topicAlreadyExists: return "\(about)the topic exists already"
        case .groupIdNotFound: return "\(about)there is no such group"
        case .invalidTopicException: return "\(about)\(error.message)"
        case .some(let code): return "\(about)\(error.message) (\(code.name))"
        case nil:
            let place = subject == nil ? error.topicPartition.map { "\($0): " } ?? "" : about
            return place + error.message + (error.cause.map { ": \($0)" } ?? "")
        }
    }

    private static func flat(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}

extension Result where Failure == KafkaError {
    /// The value; throws the error as a sentence about `subject`.
    func get(about subject: String) throws(CommandError) -> Success {
        switch self {
        case .success(let value): return value
        case .failure(let error): throw CommandError(CommandError.sentence(error, subject: subject))
        }
    }
}
