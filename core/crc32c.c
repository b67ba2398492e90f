/* crc32c.c: CRC32C (RFC 3720 appendix B.4): isa-l's folding code, else the SSE4.2 instruction, else
 * a table. Any thread. */
#include "core/hash.h"

#ifdef HAVE_ISAL
#include <isa-l/crc.h>

uint32_t crc32c(uint32_t crc, struct slice data)
{
    const size_t piece = (size_t)1 << 30;          /* isa-l counts in int */
    uint8_t *at = (uint8_t *)(uintptr_t)data.data; /* isa-l only reads, without const */
    uint32_t state = ~crc;
    for (size_t left = data.size; left;) {
        size_t n = left < piece ? left : piece;
        state = crc32_iscsi(at, (int)n, state);
        at += n;
        left -= n;
    }
    return ~state;
}

#else
#include <pthread.h>

#define CRC32C_REFLECTED UINT32_C(0x82f63b78)

static uint32_t crc_table[256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_table_make(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t v = i;
        for (int bit = 0; bit < 8; bit++)
            v = v & 1 ? v >> 1 ^ CRC32C_REFLECTED : v >> 1;
        crc_table[i] = v;
    }
}

static uint32_t crc_by_table(uint32_t state, struct slice data)
{
    pthread_once(&crc_once, crc_table_make);
    for (size_t i = 0; i < data.size; i++)
        state = crc_table[(state ^ data.data[i]) & 0xff] ^ state >> 8;
    return state;
}

#ifdef __x86_64__
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t state,
                                                                     struct slice data)
{
    size_t i = 0;
    uint64_t wide = state;
    for (; i + 8 <= data.size; i += 8) {
        uint64_t v;
        memcpy(&v, data.data + i, 8);
        wide = _mm_crc32_u64(wide, v);
    }
    state = (uint32_t)wide;
    for (; i < data.size; i++)
        state = _mm_crc32_u8(state, data.data[i]);
    return state;
}

uint32_t crc32c(uint32_t crc, struct slice data)
{
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc_by_instruction(~crc, data);
    return ~crc_by_table(~crc, data);
}
#else
uint32_t crc32c(uint32_t crc, struct slice data)
{
    return ~crc_by_table(~crc, data);
}
#endif
#endif
