// CRC-32C (Castagnoli), the checksum of Kafka's record batches. Source: RFC 3720, appendix B.4.
//
// Every function takes the checksum of what came before (0 at the start) and returns the checksum of that
// and the `count` bytes at `bytes` together. They are safe to call from any thread.
#ifndef SIGNALBOX_CCHECKSUMS_H
#define SIGNALBOX_CCHECKSUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The fastest way this processor has, chosen once when the program starts.
uint32_t signalbox_crc32c(uint32_t crc, const void *_Nullable bytes, size_t count);

/// Whether the processor has instructions for it.
bool signalbox_crc32c_has_hardware(void);

/// With the processor's instructions; call only where `signalbox_crc32c_has_hardware` says so.
uint32_t signalbox_crc32c_hardware(uint32_t crc, const void *_Nullable bytes, size_t count);

/// With tables, eight bytes at a time; the same result on every processor.
uint32_t signalbox_crc32c_software(uint32_t crc, const void *_Nullable bytes, size_t count);

#endif
