import NIOCore
import Testing

@testable import KafkaTransport

@Suite("ConnectionStateMachine")
struct ConnectionStateMachineTests {
    typealias Machine = ConnectionStateMachine<Int, String>

    private let later = NIODeadline.uptimeNanoseconds(1_000)

    private func submit(_ machine: inout Machine, _ token: Int) -> String? {
        let id = machine.nextCorrelationID()
        switch machine.submit(correlationID: id, token: token, frame: "frame \(id)", deadline: later) {
        case .write(let frame): return frame
        case .wait, .reject: return nil
        }
    }

    @Test("requests over the limit wait and are written in order as places become free")
    func parking() {
        var machine = Machine(maximumInFlight: 2, maximumParked: 2)
        #expect(submit(&machine, 1) == "frame 1")
        #expect(submit(&machine, 2) == "frame 2")
        #expect(submit(&machine, 3) == nil)
        #expect(submit(&machine, 4) == nil)
        guard
            case .reject(.overloaded(limit: 2)) = machine.submit(
                correlationID: 5, token: 5, frame: "frame 5", deadline: later)
        else { return #expect(Bool(false), "the fifth request must be refused") }
        guard case .complete(1, let frames) = machine.received(correlationID: 1) else {
            return #expect(Bool(false), "the first request must be answered")
        }
        #expect(frames == ["frame 3"])
        #expect(machine.inFlightCount == 2)
    }

    @Test("a response out of order closes the connection and fails everybody")
    func disorder() {
        var machine = Machine(maximumInFlight: 5, maximumParked: 0)
        for token in 1...3 { _ = submit(&machine, token) }
        guard case .fail(let tokens, .malformedResponse) = machine.received(correlationID: 2) else {
            return #expect(Bool(false), "response 2 before response 1 is an error")
        }
        #expect(tokens == [1, 2, 3])
        #expect(!machine.isOpen)
        guard case .reject = machine.submit(correlationID: 9, token: 9, frame: "", deadline: later) else {
            return #expect(Bool(false), "a closed connection takes no requests")
        }
    }

    @Test("the response to a cancelled request is dropped and the order kept")
    func cancellation() {
        var machine = Machine(maximumInFlight: 5, maximumParked: 0)
        for token in 1...2 { _ = submit(&machine, token) }
        #expect(machine.cancel(correlationID: 1) == 1)
        #expect(machine.cancel(correlationID: 1) == nil)
        guard case .complete(nil, _) = machine.received(correlationID: 1),
            case .complete(2, _) = machine.received(correlationID: 2)
        else { return #expect(Bool(false), "both responses are expected") }
    }

    @Test("the first late request is told apart from those that fail with it")
    func expiry() {
        var machine = Machine(maximumInFlight: 1, maximumParked: 5)
        let early = NIODeadline.uptimeNanoseconds(10)
        _ = machine.submit(correlationID: 1, token: 1, frame: "", deadline: later)
        _ = machine.submit(correlationID: 2, token: 2, frame: "", deadline: early)
        #expect(machine.nextDeadline == early)
        #expect(machine.expire(at: .uptimeNanoseconds(9), error: .closed("")) == nil)
        let expired = machine.expire(at: early, error: .closed(""))
        #expect(expired?.late == 2)
        #expect(expired?.others == [1])
        #expect(!machine.isOpen)
    }

    @Test("a request without response frees its place at once")
    func fireAndForget() {
        var machine = Machine(maximumInFlight: 1, maximumParked: 0)
        for id in Int32(1)...3 {
            guard
                case .write = machine.submit(
                    correlationID: id, token: nil, frame: "", deadline: later, expectsResponse: false)
            else { return #expect(Bool(false), "nothing may wait") }
        }
        #expect(machine.inFlightCount == 0)
    }

    @Test("every token comes back exactly once, whatever happens", arguments: 0..<50)
    func tokensComeBackOnce(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = Machine(maximumInFlight: 3, maximumParked: 4)
        var back: [Int: Int] = [:]
        var accepted: Set<Int> = []
        var answered: Int32 = 0
        for token in 0..<200 {
            let id = machine.nextCorrelationID()
            switch machine.submit(correlationID: id, token: token, frame: "", deadline: later) {
            case .write, .wait: accepted.insert(token)
            case .reject:
                // Refused ids never reach the broker; the next answer must still be for a written request.
                continue
            }
            switch Int.random(in: 0..<4, using: &random) {
            case 0: if let token = machine.cancel(correlationID: id) { back[token, default: 0] += 1 }
            case 1...2:
                if case .complete(let token?, _) = machine.received(correlationID: answered + 1) {
                    back[token, default: 0] += 1
                }
                answered += 1
            default: break
            }
            if !machine.isOpen { break }
        }
        for token in machine.close(.closed("test")) { back[token, default: 0] += 1 }
        #expect(back.values.allSatisfy { $0 == 1 })
        #expect(machine.close(.closed("again")).isEmpty)
        #expect(Set(back.keys).isSubset(of: accepted))
    }
}

/// SplitMix64: small, and the same on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
