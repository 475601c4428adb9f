import KafkaWire
import Testing

@Suite("Topic ids")
struct KafkaUUIDTests {
    @Test("the text form reads back to the same id", arguments: 0..<64 as Range<UInt64>)
    func roundTrip(bit: UInt64) throws {
        for id in [KafkaUUID(high: 1 << bit, low: 0), KafkaUUID(high: 0, low: 1 << bit)] {
            #expect(id.description.utf8.count == 22)
            #expect(KafkaUUID(id.description) == id)
        }
    }

    @Test("a known id prints as Kafka prints it")
    func knownForm() {
        #expect(KafkaUUID.zero.description == "AAAAAAAAAAAAAAAAAAAAAA")
        #expect(KafkaUUID(high: 0, low: 1).description == "AAAAAAAAAAAAAAAAAAAAAQ")
    }

    @Test("random ids are version 4 and never start with a dash")
    func random() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<1000 {
            let id = KafkaUUID.random(using: &generator)
            #expect(id.high & 0xF000 == 0x4000)
            #expect(id.low >> 62 == 0b10)
            #expect(!id.description.hasPrefix("-"))
        }
    }
}
