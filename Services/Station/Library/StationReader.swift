import ServiceKit

extension ConfigurationReader {
    /// A key that may be written as a number or as text: `60`, `0.5` or `"max"`.
    func numberOrText(_ key: String, default value: String, doc: String) throws(ConfigurationError) -> String {
        do throws(ConfigurationError) {
            return try string(key, default: value, doc: doc)
        } catch {
            // It is there and no text: then it is a number, or neither.
            let number = try double(key, doc: doc)
            return number == number.rounded() && number.magnitude < 1e15 ? "\(Int64(number))" : "\(number)"
        }
    }
}
