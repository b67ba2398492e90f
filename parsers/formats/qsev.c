/* qsev.c: AUTOSAR IDS protocol messages (PRS document 981): event frame, timestamp, context data,
 * signature. Pure, any thread. The catalogue explains context data. Signatures are not checked,
 * because no key is known. */
#include "core/reader.h"
#include "parsers/registry/builtin.h"
#include "parsers/read/json/json_object.h"
#include "parsers/read/record_memory.h"

/* Event frame, byte 0 (PRS_Ids_00006 ff.). */
#define FLAG_CONTEXT   0x01
#define FLAG_TIMESTAMP 0x02
#define FLAG_SIGNATURE 0x04
#define FLAG_RESERVED  0x08

#define FRAME_BYTES      8
#define VERSION_WITHOUT  1 /* no context data version */
#define VERSION_WITH     2 /* context data carry a version (R24-11) */
#define INVALID_EVENT_ID 0xFFFF
#define COUNT_MAX        65535
#define TIME_OEM         0x80000000u /* timestamp source: OEM-defined */
#define TIME_RESERVED    0x40000000u
#define TIME_NS_MASK     0x3FFFFFFFu
#define LONG_LENGTH      0x80 /* first byte of a 4-byte length */
#define SHORT_LENGTH_MAX 127
#define CONTEXT_MODIFIED 0x8000
#define CONTEXT_VERSION  0x7FFF

struct message {
    const struct parser_context *context;
    struct reader in;
    struct event event;
    uint8_t version, flags;
    bool failed; /* a note found no memory */
};

static void note(struct message *m, enum record_code code, const char *detail, size_t offset)
{
    if (!json_note_add(m->context, &m->event, code, detail, offset))
        m->failed = true;
}

static void read_count(struct message *m)
{
    int64_t count = (int64_t)reader_uint_be(&m->in, 2);
    if (count == 0)
        note(m, RECORD_count_zero, "count is 0, taken as 1", 5);
    if (count == COUNT_MAX)
        EVENT_SET(&m->event, count_saturated, 1);
    EVENT_SET(&m->event, count, count ? count : 1);
}

static void read_frame(struct message *m)
{
    uint8_t head = reader_u8(&m->in);
    m->version = head >> 4;
    m->flags = head & 0x0F;
    uint64_t ids = reader_uint_be(&m->in, 2);
    EVENT_SET(&m->event, idsm_instance_id, (int64_t)(ids >> 6));
    EVENT_SET(&m->event, sensor_instance_id, (int64_t)(ids & 0x3F));
    EVENT_SET(&m->event, sev_id, (int64_t)reader_uint_be(&m->in, 2));
    if (m->event.sev_id == INVALID_EVENT_ID) {
        EVENT_SET(&m->event, event_name, SLICE_LITERAL("invalid_event_id"));
        note(m, RECORD_invalid_event_id, "event definition id 0xFFFF is invalid", 3);
    }
    read_count(m);
    if (reader_u8(&m->in) != 0 || (m->flags & FLAG_RESERVED))
        note(m, RECORD_reserved_bits, "reserved bits of the event frame are set", 7);
}

/* Source 0: StbM or ara::tsync, read as Unix time. Source 1: layout and epoch are the OEM's, so
 * only the bytes are kept. */
static void read_timestamp(struct message *m)
{
    size_t start = m->in.offset;
    uint64_t head = reader_uint_be(&m->in, 4), seconds = reader_uint_be(&m->in, 4);
    if (m->in.status != STATUS_OK)
        return;
    EVENT_SET(&m->event, time_event_raw, slice_sub(m->in.in, start, 8));
    if (head & TIME_OEM) {
        EVENT_SET(&m->event, time_source, SLICE_LITERAL("oem"));
        return;
    }
    EVENT_SET(&m->event, time_source, SLICE_LITERAL("autosar"));
    if (head & TIME_RESERVED)
        note(m, RECORD_reserved_bits, "reserved bit of the timestamp is set", start);
    uint64_t ns = head & TIME_NS_MASK;
    if (ns > 999999999) {
        EVENT_SET(&m->event, time_quality, SLICE_LITERAL("invalid"));
        note(m, RECORD_bad_time, "nanoseconds are above 999999999", start);
        return;
    }
    EVENT_SET(&m->event, time_event_ns, (int64_t)(seconds * 1000000000 + ns));
}

static void read_context(struct message *m)
{
    if (m->version == VERSION_WITH) {
        uint64_t version = reader_uint_be(&m->in, 2);
        EVENT_SET(&m->event, context_modified, (version & CONTEXT_MODIFIED) != 0);
        EVENT_SET(&m->event, context_version, (int64_t)(version & CONTEXT_VERSION));
    }
    size_t start = m->in.offset;
    uint64_t size = reader_u8(&m->in);
    if (size & LONG_LENGTH) {
        size = (size & SHORT_LENGTH_MAX) << 24 | reader_uint_be(&m->in, 3);
        if (size <= SHORT_LENGTH_MAX)
            note(m, RECORD_not_canonical, "context length is written long although it is short",
                 start);
    } else if (size == 0) {
        note(m, RECORD_not_canonical, "context data are announced but empty", start);
    }
    EVENT_SET(&m->event, context_raw, reader_bytes(&m->in, (size_t)size));
}

static void read_signature(struct message *m)
{
    uint64_t size = reader_uint_be(&m->in, 2);
    (void)reader_bytes(&m->in, (size_t)size);
    EVENT_SET(&m->event, sig_state, SLICE_LITERAL("unverifiable"));
}

static void read_parts(struct message *m)
{
    EVENT_SET(&m->event, sig_state, SLICE_LITERAL("none"));
    if (m->flags & FLAG_TIMESTAMP)
        read_timestamp(m);
    if (m->flags & FLAG_CONTEXT)
        read_context(m);
    if (m->flags & FLAG_SIGNATURE)
        read_signature(m);
}

/* Without the end of this message the start of the next is unknown: consumed stays 0. */
static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct message m;
    m.context = context;
    m.in = reader_make(record);
    m.failed = false;
    event_clear(&m.event);
    if (record.size < FRAME_BYTES) {
        record_refuse(outcome, record.size, RECORD_truncated, "an event frame has 8 bytes");
        return;
    }
    read_frame(&m);
    if (m.version != VERSION_WITHOUT && m.version != VERSION_WITH) {
        record_refuse(outcome, 0, RECORD_unsupported_version,
                      "protocol version must be 1 or 2; the bytes after it can't be parsed");
        return;
    }
    read_parts(&m);
    if (m.in.status != STATUS_OK) {
        record_refuse(outcome, m.in.offset, RECORD_truncated,
                      "an announced part runs past the end of the batch");
        return;
    }
    outcome->consumed = m.in.offset;
    if (m.in.offset > context->event_bytes) {
        record_refuse(outcome, 0, RECORD_event_too_large,
                      "message is longer than limits.event_bytes");
        return;
    }
    if (m.failed) {
        record_memory_refuse(outcome, 0);
        return;
    }
    EVENT_SET(&m.event, raw_offset, 0);
    EVENT_SET(&m.event, raw_size, (int64_t)m.in.offset);
    context->emit(context, &m.event);
}

/* No text has a byte 0 at place 7. */
static int probe(struct slice head)
{
    if (head.size < FRAME_BYTES || head.data[7] != 0 || (head.data[0] & FLAG_RESERVED))
        return 0;
    uint8_t version = head.data[0] >> 4;
    return version == VERSION_WITHOUT || version == VERSION_WITH ? 60 : 0;
}

static const char *const content_types[] = {"application/vnd.autosar.idsm", NULL};

const struct parser parser_qsev = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "qsev",
    .version = "1.0.0",
    .description = "qualified security events of the AUTOSAR IDS protocol, versions 1 and 2",
    .content_types = content_types,
    .framing = PARSER_FRAMING_STREAM,
    .probe = probe,
    .guessed_by = "version 1 or 2, and a byte 0 at place 7",
    .parse = parse,
};
