/* uuid7.c: UUID version 7 (RFC 9562 §5.7) and the text form (§4). Any thread. Keeps no state, so
 * ids of one millisecond have no order among each other. Each thread gets random bytes from the
 * kernel for many ids at once. */
#include "core/uuid7.h"

#include "core/clock.h"
#include "core/hash.h"
#include "core/hex.h"
#include "core/thread.h"

#define RANDOM_BYTES 7 /* of an id */
#define RANDOM_IDS   64

/* Of one id. Each byte is used once and then erased. */
static void take_random(uint8_t out[RANDOM_BYTES])
{
    static _Thread_local uint8_t pool[RANDOM_IDS][RANDOM_BYTES];
    static _Thread_local unsigned left;
    if (left == 0) {
        random_bytes(pool, sizeof pool);
        left = RANDOM_IDS;
    }
    left--;
    memcpy(out, pool[left], RANDOM_BYTES);
    memset(pool[left], 0, RANDOM_BYTES);
}

void uuid7_make(int64_t wall_ns, uint8_t uuid[UUID_BYTES])
{
    uint64_t ms = wall_ns > 0 ? (uint64_t)(wall_ns / NS_PER_MS) : 0;
    for (int i = 0; i < 6; i++)
        uuid[i] = (uint8_t)(ms >> (40 - 8 * i));
    take_random(uuid + 6);
    uuid[6] = (uint8_t)(0x70 | (uuid[6] & 0x0f)); /* version */
    uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f)); /* variant */
    uuid[13] = uuid[14] = uuid[15] = 0;
}

void uuid7_of_event(const uint8_t batch_uid[UUID_BYTES], uint32_t index, uint8_t uuid[UUID_BYTES])
{
    ensure(index < UUID7_EVENT_MAX - 1);
    memmove(uuid, batch_uid, UUID_BYTES - 3);
    uint32_t tail = index + 1;
    uuid[13] = (uint8_t)(tail >> 16);
    uuid[14] = (uint8_t)(tail >> 8);
    uuid[15] = (uint8_t)tail;
}

static bool is_dash_place(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

void uuid_to_text(const uint8_t uuid[UUID_BYTES], char text[UUID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t at = 0, i = 0; i < UUID_BYTES; i++) {
        if (is_dash_place(at))
            text[at++] = '-';
        text[at++] = digits[uuid[i] >> 4];
        text[at++] = digits[uuid[i] & 15];
    }
}

enum status uuid_from_text(struct slice text, uint8_t uuid[UUID_BYTES])
{
    uint8_t bytes[UUID_BYTES];
    if (text.size != UUID_TEXT_BYTES)
        return STATUS_MALFORMED;
    for (size_t at = 0, i = 0; i < UUID_BYTES; i++) {
        if (is_dash_place(at) && text.data[at++] != '-')
            return STATUS_MALFORMED;
        int high = hex_digit_value(text.data[at++]), low = hex_digit_value(text.data[at++]);
        if (high < 0 || low < 0)
            return STATUS_MALFORMED;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(uuid, bytes, UUID_BYTES);
    return STATUS_OK;
}
