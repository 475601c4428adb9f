#include "CChecksums.h"

#include <string.h>

typedef uint32_t (*crc32c_function)(uint32_t, const void *, size_t);

// The polynomial 0x1EDC6F41, bits reversed.
static const uint32_t polynomial = 0x82F63B78;

// tables[k][b] is the checksum of byte b followed by k zero bytes. 8 KiB, filled before main.
static uint32_t tables[8][256];

static void fill_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? polynomial : 0);
        }
        tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int k = 1; k < 8; k++) {
            uint32_t previous = tables[k - 1][byte];
            tables[k][byte] = (previous >> 8) ^ tables[0][previous & 0xFF];
        }
    }
}

static inline uint64_t load_little_endian(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

uint32_t signalbox_crc32c_software(uint32_t crc, const void *start, size_t count) {
    const uint8_t *bytes = start;
    crc = ~crc;
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word = load_little_endian(bytes) ^ crc;
        crc = tables[7][word & 0xFF] ^ tables[6][(word >> 8) & 0xFF] ^ tables[5][(word >> 16) & 0xFF]
            ^ tables[4][(word >> 24) & 0xFF] ^ tables[3][(word >> 32) & 0xFF] ^ tables[2][(word >> 40) & 0xFF]
            ^ tables[1][(word >> 48) & 0xFF] ^ tables[0][word >> 56];
    }
    for (; count > 0; bytes++, count--) {
        crc = (crc >> 8) ^ tables[0][(crc ^ *bytes) & 0xFF];
    }
    return ~crc;
}

#if defined(__x86_64__)

#include <immintrin.h>

#define CRC_TARGET __attribute__((target("sse4.2,pclmul")))

// Multiplies by x^(8n): the checksum as if n zero bytes followed. `factor` is x^(8n - 33) modulo the polynomial;
// the carry-less product adds one to the exponent and the reduction by the crc32 instruction adds 32.
CRC_TARGET static inline uint64_t shifted(uint64_t crc, uint32_t factor) {
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)crc), _mm_cvtsi32_si128((int)factor), 0);
    return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

// The instruction takes three cycles and a new one can start each cycle: three lanes side by side keep it busy.
// `factor_1` and `factor_2` shift over one and two lanes of `lane` bytes.
CRC_TARGET static inline uint64_t three_lanes(
    uint64_t crc, const uint8_t *bytes, size_t lane, uint32_t factor_1, uint32_t factor_2
) {
    uint64_t second = 0, third = 0;
    for (size_t index = 0; index < lane; index += 8) {
        crc = _mm_crc32_u64(crc, load_little_endian(bytes + index));
        second = _mm_crc32_u64(second, load_little_endian(bytes + lane + index));
        third = _mm_crc32_u64(third, load_little_endian(bytes + 2 * lane + index));
    }
    return shifted(crc, factor_2) ^ shifted(second, factor_1) ^ third;
}

CRC_TARGET uint32_t signalbox_crc32c_hardware(uint32_t initial, const void *start, size_t count) {
    const uint8_t *bytes = start;
    uint64_t crc = (uint32_t)~initial;
    for (; count >= 3 * 1024; bytes += 3 * 1024, count -= 3 * 1024) {
        crc = three_lanes(crc, bytes, 1024, 0x170076FA, 0xA51B6135);
    }
    for (; count >= 3 * 128; bytes += 3 * 128, count -= 3 * 128) {
        crc = three_lanes(crc, bytes, 128, 0x0D3B6092, 0xB9E02B86);
    }
    for (; count >= 8; bytes += 8, count -= 8) {
        crc = _mm_crc32_u64(crc, load_little_endian(bytes));
    }
    for (; count > 0; bytes++, count--) {
        crc = _mm_crc32_u8((uint32_t)crc, *bytes);
    }
    return ~(uint32_t)crc;
}

static bool detect_hardware(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

#elif defined(__aarch64__)

#if defined(__linux__) && !defined(__ARM_FEATURE_CRC32)
#include <sys/auxv.h>
#endif

__attribute__((target("crc")))
uint32_t signalbox_crc32c_hardware(uint32_t crc, const void *start, size_t count) {
    const uint8_t *bytes = start;
    crc = ~crc;
    for (; count >= 8; bytes += 8, count -= 8) {
        crc = __builtin_arm_crc32cd(crc, load_little_endian(bytes));
    }
    for (; count > 0; bytes++, count--) {
        crc = __builtin_arm_crc32cb(crc, *bytes);
    }
    return ~crc;
}

static bool detect_hardware(void) {
#if defined(__ARM_FEATURE_CRC32) || defined(__APPLE__)
    return true;
#elif defined(__linux__)
    // HWCAP_CRC32, bit 7 of the kernel's feature word for this architecture.
    return (getauxval(AT_HWCAP) & (1UL << 7)) != 0;
#else
    return false;
#endif
}

#else

uint32_t signalbox_crc32c_hardware(uint32_t crc, const void *start, size_t count) {
    return signalbox_crc32c_software(crc, start, count);
}

static bool detect_hardware(void) {
    return false;
}

#endif

static crc32c_function chosen = signalbox_crc32c_software;
static bool has_hardware = false;

__attribute__((constructor)) static void choose(void) {
    fill_tables();
    has_hardware = detect_hardware();
    if (has_hardware) chosen = signalbox_crc32c_hardware;
}

bool signalbox_crc32c_has_hardware(void) {
    return has_hardware;
}

uint32_t signalbox_crc32c(uint32_t crc, const void *bytes, size_t count) {
    return chosen(crc, bytes, count);
}
