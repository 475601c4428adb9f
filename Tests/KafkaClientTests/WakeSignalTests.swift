import NIOCore
import NIOPosix
import Testing

@testable import KafkaClient

@Suite("WakeSignal and OneShot")
struct WakeSignalTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    @Test("a signal before the wait is kept, once")
    func kept() async {
        let signal = WakeSignal(eventLoop: loop)
        signal.signal()
        signal.signal()
        await signal.wait(until: nil)
        await signal.wait(until: .now() + .milliseconds(1))
    }

    @Test("a wait ends by a signal, its deadline, or the task's cancellation")
    func ends() async {
        let signal = WakeSignal(eventLoop: loop)
        async let waiting: Void = signal.wait(until: nil)
        signal.signal()
        await waiting
        await signal.wait(until: .now())
        let task = Task { await signal.wait(until: nil) }
        task.cancel()
        await task.value
    }

    @Test("many signals and waits never hang")
    func race() async {
        let signal = WakeSignal(eventLoop: loop)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for _ in 0..<500 { await signal.wait(until: .now() + .milliseconds(1)) } }
            group.addTask {
                for _ in 0..<1000 {
                    signal.signal()
                    await Task.yield()
                }
            }
        }
    }

    @Test("the first value counts, and a cancelled wait has none")
    func oneShot() async {
        let filled = OneShot<Int>()
        filled.fulfil(1)
        filled.fulfil(2)
        #expect(await filled.value() == 1)
        let empty = OneShot<Int>()
        let task = Task { await empty.value() }
        task.cancel()
        #expect(await task.value == nil)
    }
}
