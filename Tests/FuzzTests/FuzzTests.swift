import FuzzTargets
import Testing

@Suite("Fuzzing, briefly; make fuzz goes on for longer")
struct FuzzTests {
    @Test("no input stops a decoder", arguments: FuzzTarget.all)
    func mutated(target: FuzzTarget) {
        var mutator = Mutator(seed: 0x5167_6E61_6C62_6F78)
        for seed in target.seeds { target.run(seed) }
        target.run([])
        for _ in 0..<target.briefInputs { target.run(mutator.input(from: target.seeds)) }
    }

    @Test("every target has an input to start from and a name of its own")
    func names() {
        #expect(FuzzTarget.all.allSatisfy { !$0.seeds.isEmpty })
        #expect(Set(FuzzTarget.all.map(\.name)).count == FuzzTarget.all.count)
    }
}
