import Foundation
import FuzzTargets

// Hands one target to libFuzzer, which comes with the sanitizer: built by `make fuzz` alone, see Package.swift.
// FUZZ_TARGET names the target; FUZZ_SEEDS is a folder that the target's seeds are written to first. Without
// FUZZ_TARGET the names of all targets are printed. The arguments are libFuzzer's own.

/// libFuzzer's loop, for programs that have a `main` of their own. Source: LLVM, "Using libFuzzer as a library".
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ argumentCount: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What the environment asks for; a C function can look here, where it can capture nothing.
enum Chosen {
    static let environment = ProcessInfo.processInfo.environment
    static let target = FuzzTarget.named(environment["FUZZ_TARGET"] ?? "")
}

guard let chosen = Chosen.target else {
    for target in FuzzTarget.all { print(target.name) }
    exit(Chosen.environment["FUZZ_TARGET"] == nil ? 0 : 2)
}
if let folder = Chosen.environment["FUZZ_SEEDS"] {
    for (index, seed) in chosen.seeds.enumerated() {
        try Data(seed).write(to: URL(fileURLWithPath: folder).appendingPathComponent("seed-\(index)"))
    }
}
var argumentCount = CommandLine.argc
var arguments = CommandLine.unsafeArgv
exit(
    runFuzzer(&argumentCount, &arguments) { bytes, count in
        Chosen.target?.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
        return 0
    })
