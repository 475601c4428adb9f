import CZstd
import Synchronization

/// Keeps a few of the library's contexts for the next use: making one costs more than a small batch does.
///
/// A context is lent to one caller at a time. The pool holds at most ``maximumIdle`` small ones; others are freed.
final class ZstdContextPool: Sendable {
    private static let maximumIdle = 4
    /// Contexts grow with what they were used for; larger ones are not kept.
    private static let maximumIdleBytes = 2 << 20

    /// A context that nobody uses.
    // Safety: only the pool holds it, and gives it to one caller, who is then its only user.
    private struct IdleContext: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    static let compression = ZstdContextPool(
        create: { ZSTD_createCCtx() }, byteCount: { ZSTD_sizeof_CCtx($0) },
        reset: { ZSTD_CCtx_reset($0, ZSTD_reset_session_and_parameters) }, free: { ZSTD_freeCCtx($0) })

    static let decompression = ZstdContextPool(
        create: { ZSTD_createDCtx() }, byteCount: { ZSTD_sizeof_DCtx($0) },
        reset: { ZSTD_DCtx_reset($0, ZSTD_reset_session_and_parameters) }, free: { ZSTD_freeDCtx($0) })

    private let idle = Mutex<[IdleContext]>([])
    private let create: @Sendable () -> OpaquePointer?
    private let byteCount: @Sendable (OpaquePointer) -> Int
    private let reset: @Sendable (OpaquePointer) -> Int
    private let free: @Sendable (OpaquePointer) -> Int

    private init(
        create: @escaping @Sendable () -> OpaquePointer?, byteCount: @escaping @Sendable (OpaquePointer) -> Int,
        reset: @escaping @Sendable (OpaquePointer) -> Int, free: @escaping @Sendable (OpaquePointer) -> Int
    ) {
        self.create = create
        self.byteCount = byteCount
        self.reset = reset
        self.free = free
    }

    /// Calls `body` with a context in its initial state; its result is `noMemory` where there is none.
    func withContext(_ body: (OpaquePointer) -> CodecFailure?) -> CodecFailure? {
        guard let context = idle.withLock({ $0.popLast() })?.pointer ?? create() else { return .noMemory }
        defer { giveBack(IdleContext(pointer: context)) }
        return body(context)
    }

    private func giveBack(_ context: IdleContext) {
        let fits = byteCount(context.pointer) <= Self.maximumIdleBytes && ZSTD_isError(reset(context.pointer)) == 0
        let kept =
            fits
            && idle.withLock { idle in
                guard idle.count < Self.maximumIdle else { return false }
                idle.append(context)
                return true
            }
        if !kept { _ = free(context.pointer) }
    }
}
