import Testing

@testable import BrokerServer

@Suite("Memory that the allocator keeps")
struct MemoryReturnTests {
    @Test("goes back where it was unused at two looks in a row, and then only after two more")
    func looks() {
        var rule = MemoryReturn()
        let (little, much) = (MemoryReturn.keptBytes, MemoryReturn.keptBytes + 1)
        let due = [little, much, little, much, much, much, much, little, much].map { rule.isDue(unusedBytes: $0) }
        #expect(due == [false, false, false, false, true, false, true, false, false])
    }
}
