import KafkaWire
import Storage
import Testing

@testable import BrokerServer

@Suite("Words of the coordinator that a partition waits for")
struct TransactionVerificationTests {
    private let producer = ProducerID(7)

    private func marker(epoch: Int16, version: Int8) -> TransactionMarker {
        TransactionMarker(
            producerID: producer, producerEpoch: epoch, isCommit: true, coordinatorEpoch: 0,
            transactionVersion: version)
    }

    @Test("a marker takes the word back from a late batch of the transaction that it ends")
    func late() {
        for (version, markerEpoch) in [(Int8(0), Int16(5)), (2, 6)] {
            var verifications = TransactionVerifications()
            let waiting = verifications.begin(of: producer, epoch: 5, isOpen: false)
            verifications.marked(marker(epoch: markerEpoch, version: version))
            let holds = verifications.end(waiting)
            #expect(!holds && verifications.count == 0)
        }
    }

    @Test("the marker of the transaction before leaves the next one's first batch its word (KIP-890)")
    func next() {
        var verifications = TransactionVerifications()
        let waiting = verifications.begin(of: producer, epoch: 6, isOpen: false)
        verifications.marked(marker(epoch: 6, version: 2))
        let holds = verifications.end(waiting)
        #expect(holds && verifications.count == 0)
    }

    @Test("a zombie's batch never gets the word, and takes it from nobody")
    func zombie() {
        var verifications = TransactionVerifications()
        let heir = verifications.begin(of: producer, epoch: 6, isOpen: false)
        let zombie = verifications.begin(of: producer, epoch: 4, isOpen: false)
        #expect(zombie.isPending)
        let held = [zombie, heir].map { verifications.end($0) }
        #expect(held == [false, true] && verifications.count == 0)
    }

    @Test("a batch of another epoch waits for a word of its own")
    func epochs() {
        var verifications = TransactionVerifications()
        let old = verifications.begin(of: producer, epoch: 5, isOpen: false)
        let new = verifications.begin(of: producer, epoch: 6, isOpen: false)
        let second = verifications.begin(of: producer, epoch: 6, isOpen: false)
        let held = [old, new, second].map { verifications.end($0) }
        #expect(held == [false, true, true] && verifications.count == 0)
        let open = verifications.begin(of: producer, epoch: 6, isOpen: true)
        #expect(!open.isPending)
    }
}
