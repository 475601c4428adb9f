import KafkaTransport
import Synchronization
import Testing

@Suite("Memory admission")
struct MemoryAdmissionTests {
    private final class Flag: Sendable {
        private let number = Mutex(0)
        var count: Int { number.withLock { $0 } }
        func raise() { number.withLock { $0 += 1 } }
    }

    @Test("counts what is taken and given back, and remembers the most")
    func counting() {
        let admission = MemoryAdmission(limitBytes: 10)
        admission.change(by: 4)
        admission.change(by: 0)
        #expect(admission.usedBytes == 4 && !admission.isExhausted)
        admission.change(by: 6)
        #expect(admission.isExhausted)
        admission.change(by: -10)
        #expect(admission.usedBytes == 0 && admission.peakBytes == 10 && !admission.isExhausted)
    }

    @Test("a charge lasts exactly as long as its last reference")
    func charge() {
        let admission = MemoryAdmission(limitBytes: 10)
        var charge: MemoryCharge? = MemoryCharge(bytes: 12, to: admission)
        #expect(admission.usedBytes == 12)
        withExtendedLifetime(charge) {}
        charge = nil
        #expect(admission.usedBytes == 0)
    }

    @Test("who waits is woken once, when there is room; at once when there is already")
    func waking() {
        let admission = MemoryAdmission(limitBytes: 10)
        let flag = Flag()
        admission.whenAvailable { flag.raise() }
        #expect(flag.count == 1)
        admission.change(by: 15)
        admission.whenAvailable { flag.raise() }
        admission.whenAvailable { flag.raise() }
        admission.change(by: -5)
        #expect(flag.count == 1, "the limit is reached, not passed")
        admission.change(by: -1)
        #expect(flag.count == 3)
        admission.change(by: -9)
        #expect(flag.count == 3)
    }

    @Test("one at a time may pass the limit; the next is woken when it ends")
    func overdraft() {
        let admission = MemoryAdmission(limitBytes: 10)
        let flag = Flag()
        admission.change(by: 10)
        admission.whenAvailable(isPartial: true) { flag.raise() }
        #expect(flag.count == 1)
        #expect(admission.beginOverdraft())
        #expect(!admission.beginOverdraft())
        admission.whenAvailable(isPartial: true) { flag.raise() }
        #expect(flag.count == 1)
        admission.endOverdraft()
        #expect(flag.count == 2)
        #expect(admission.beginOverdraft())
    }

    @Test("frames that are not complete have a bound of their own, that new ones do not wait for")
    func partial() {
        let admission = MemoryAdmission(limitBytes: 100, partialLimitBytes: 10)
        let flag = Flag()
        #expect(admission.beginOverdraft())
        admission.change(by: 8, partial: 12)
        #expect(admission.room == (new: true, partial: false))
        admission.whenAvailable { flag.raise() }
        #expect(flag.count == 1)
        admission.whenAvailable(isPartial: true) { flag.raise() }
        #expect(flag.count == 1 && admission.waitingCount == 1)
        admission.change(by: -1)
        #expect(flag.count == 1, "there is no more room for them than before")
        admission.change(by: -7, partial: -12)
        #expect(flag.count == 2 && admission.usedBytes == 0 && admission.partialBytes == 0)
        #expect(admission.room == (new: true, partial: true))
    }
}
