/// Turns `.kdef` definitions into Swift. Text in, text out; the caller reads and writes files.
public struct ProtocolGenerator {
    /// Files by name.
    public struct Output: Equatable {
        /// For `Shared/KafkaMessages/Generated`.
        public var messages: [String: String] = [:]
        /// For `Tests/KafkaMessagesTests/Generated`.
        public var samples: [String: String] = [:]
        /// For `Tests/Fuzz/Targets/Generated`.
        public var fuzzing: [String: String] = [:]
    }

    /// A generator has no state.
    public init() {}

    /// - Parameter definitions: the text of each definition by its file name.
    public func generate(from definitions: [String: String]) throws(DefinitionError) -> Output {
        var parsed: [Definition] = []
        for (fileName, text) in definitions.sorted(by: { $0.key < $1.key }) {
            parsed.append(try DefinitionParser.parse(text, fileName: fileName))
        }
        let apis = parsed.filter { $0.apiKey != nil }.sorted { $0.apiKey! < $1.apiKey! }
        for (one, other) in zip(apis, apis.dropFirst()) where one.apiKey == other.apiKey {
            throw DefinitionError(file: other.fileName, line: 1, reason: "has the key of \(one.fileName)")
        }
        var output = Output()
        for definition in parsed {
            for message in definition.messages {
                output.messages["\(message.typeName).swift"] = MessageEmitter.emit(message, of: definition)
                output.samples["\(message.typeName)+Sample.swift"] = SampleEmitter.emit(message, of: definition)
            }
        }
        output.messages["MessageRegistry+All.swift"] = RegistryEmitter.emitRegistry(apis)
        output.messages["APIKey+Name.swift"] = RegistryEmitter.emitNames(apis)
        output.samples["MessageCase+All.swift"] = SampleEmitter.emitCases(parsed)
        output.fuzzing["MessageDecoder+All.swift"] = SampleEmitter.emitDecoders(parsed)
        return output
    }
}
