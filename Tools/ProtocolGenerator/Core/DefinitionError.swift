/// What is wrong with a definition, and where.
public struct DefinitionError: Error, Equatable, CustomStringConvertible {
    /// The definition's file name.
    public let file: String
    /// Counted from 1.
    public let line: Int
    /// Half a sentence.
    public let reason: String

    /// `file:line: reason`, as compilers print it.
    public var description: String { "\(file):\(line): \(reason)" }
}
