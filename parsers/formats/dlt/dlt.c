/* dlt.c: messages of AUTOSAR Log and Trace (COVESA DLT), protocol version 1, from files, sockets
 * and serial lines. Pure, any thread. Payloads whose layout is defined in a car maker's catalogue
 * are kept as bytes. */
#include "parsers/registry/builtin.h"
#include "parsers/formats/dlt/dlt_arguments.h"
#include "parsers/formats/dlt/dlt_frame.h"
#include "core/thread.h"
#include "parsers/read/record_memory.h"
#include "parsers/read/text.h"
#include "parsers/messages/uds_words.h"

#include <stdio.h>

#define MICROSECONDS_MAX 999999
#define NAME_TEXT        32

#define CONTROL_RESPONSE         2
#define SERVICE_SOFTWARE_VERSION 0x13
#define SERVICE_OVERFLOW         0x14

enum type { TYPE_LOG, TYPE_APP_TRACE, TYPE_NETWORK_TRACE, TYPE_CONTROL };

struct message {
    struct slice body;
    const struct dlt_frame *frame;
    struct text_event t;
    bool repaired; /* a text was invalid */
    char name[NAME_TEXT], group[NAME_TEXT];
};

/* Four bytes, filled up with byte 0. */
static struct slice id_text(struct message *m, struct slice id)
{
    const uint8_t *end = slice_find_byte(id, 0);
    return dlt_text(&m->t, end ? slice_sub(id, 0, (size_t)(end - id.data)) : id, &m->repaired);
}

static inline void keep_text(struct message *m, const char *key, struct slice text)
{
    if (text.size)
        json_object_add_text(&m->t.attributes, slice_from_text(key), text);
}

static inline void keep_int(struct message *m, const char *key, int64_t value)
{
    json_object_add_int(&m->t.attributes, slice_from_text(key), value);
}

/* ---- headers ---- */

/* The writer's clock; little-endian in all known files. */
static void read_storage(struct message *m)
{
    struct reader r = reader_make(slice_sub(m->body, m->frame->start, DLT_STORAGE_BYTES));
    (void)reader_bytes(&r, DLT_MAGIC_BYTES);
    int64_t seconds = (int64_t)reader_uint_le(&r, 4);
    int64_t microseconds = (int64_t)reader_uint_le(&r, 4);
    EVENT_SET(&m->t.event, time_event_raw, slice_sub(r.in, DLT_MAGIC_BYTES, 8));
    EVENT_SET(&m->t.event, time_source, SLICE_LITERAL("rtc"));
    if (microseconds > MICROSECONDS_MAX) {
        EVENT_SET(&m->t.event, time_quality, SLICE_LITERAL("invalid"));
        text_event_partial(&m->t, RECORD_bad_time, "microseconds are above 999999");
    } else {
        EVENT_SET(&m->t.event, time_event_ns, (seconds * 1000000 + microseconds) * 1000);
    }
    struct slice ecu = id_text(m, reader_bytes(&r, 4));
    if (!text_event_set(&m->t, EVENT_ecu_id, ecu) && ecu.size &&
        !slice_equal(ecu, m->t.event.ecu_id))
        keep_text(m, "storage_ecu", ecu);
}

static void read_standard(struct message *m)
{
    const struct dlt_frame *f = m->frame;
    (void)text_event_set(&m->t, EVENT_ecu_id, id_text(m, f->ecu));
    if (f->magic == DLT_MAGIC_STORAGE)
        read_storage(m);
    keep_int(m, "mcnt", f->counter);
    if (f->htyp & DLT_HAS_SESSION)
        keep_int(m, "session_id", f->session);
    if (f->htyp & DLT_HAS_UPTIME)
        keep_int(m, "uptime_100us", f->uptime);
}

static void set_level(struct message *m)
{
    static const struct {
        const char *name;
        int severity_id;
    } levels[] = {{NULL, 0},   {"fatal", 4}, {"error", 3},  {"warn", 2},
                  {"info", 1}, {"debug", 1}, {"verbose", 1}};
    size_t level = DLT_TYPE_INFO(m->frame->msin);
    if (!level || level >= sizeof levels / sizeof *levels) {
        keep_int(m, "level", (int64_t)level);
        text_event_partial(&m->t, RECORD_bad_severity, "the log level is not one of 1 to 6");
        return;
    }
    EVENT_GUESS(&m->t.event, severity_id, levels[level].severity_id);
    EVENT_SET(&m->t.event, severity_source, slice_from_text(levels[level].name));
}

static void set_bus(struct message *m)
{
    static const char *const buses[8] = {NULL, NULL, "can", "flexray", "other", "eth", "eth", NULL};
    const char *bus = buses[DLT_TYPE_INFO(m->frame->msin) & 7];
    if (bus && DLT_TYPE_INFO(m->frame->msin) < 8)
        EVENT_SET(&m->t.event, bus_type, slice_from_text(bus));
}

static void read_type(struct message *m)
{
    static const char *const types[8] = {"log", "app_trace", "network_trace", "control"};
    static const char *const subtypes[8][8] = {
        [TYPE_APP_TRACE] = {NULL, "variable", "function_in", "function_out", "state", "vfb"},
        [TYPE_NETWORK_TRACE] = {NULL, "ipc", "can", "flexray", "most", "ethernet", "someip"},
        [TYPE_CONTROL] = {NULL, "request", "response", "time"},
    };
    unsigned type = DLT_TYPE(m->frame->msin), info = DLT_TYPE_INFO(m->frame->msin);
    if (types[type])
        keep_text(m, "type", slice_from_text(types[type]));
    else
        keep_int(m, "type", type);
    if (type == TYPE_LOG)
        set_level(m);
    else if (info < 8 && subtypes[type][info])
        keep_text(m, "subtype", slice_from_text(subtypes[type][info]));
    else
        keep_int(m, "subtype", info);
    if (type == TYPE_NETWORK_TRACE)
        set_bus(m);
}

/* APID/CTID names a verbose message. */
static void read_extended(struct message *m)
{
    struct slice app = id_text(m, m->frame->app), context = id_text(m, m->frame->context);
    keep_text(m, "apid", app);
    keep_text(m, "ctid", context);
    if (DLT_TYPE(m->frame->msin) == TYPE_LOG)
        (void)text_event_set(&m->t, EVENT_process_name, app);
    if (app.size || context.size) { /* four bytes each, or U+FFFD for some */
        const struct slice parts[] = {app, SLICE_LITERAL("/"), context};
        ensure(app.size + 1 + context.size <= sizeof m->group);
        EVENT_GUESS(&m->t.event, event_name, text_join((uint8_t *)m->group, parts, 3));
    }
    read_type(m);
}

/* ---- payload ---- */

static struct slice payload_of(struct slice body, const struct dlt_frame *f)
{
    return slice_sub(body, f->payload, f->end - f->payload);
}

static void read_verbose(struct message *m, struct reader *in)
{
    bool big_endian = m->frame->htyp & DLT_BIG_ENDIAN;
    bool all = dlt_arguments_read(&m->t, in, big_endian, m->frame->argument_count, &m->repaired);
    if (all && !reader_left(in))
        return;
    EVENT_SET(&m->t.event, context_raw, slice_sub(in->in, in->offset, in->in.size));
    text_event_partial(&m->t, RECORD_bad_payload,
                       all ? "bytes are left after the last argument"
                           : "an argument is broken or of a kind that is not decoded");
}

static uint64_t number(const struct message *m, struct reader *in, size_t bytes)
{
    return m->frame->htyp & DLT_BIG_ENDIAN ? reader_uint_be(in, bytes) : reader_uint_le(in, bytes);
}

/* Names of COVESA dlt-daemon (dlt_protocol.h), lower case. */
static const char *service_name(uint64_t id)
{
    static const struct {
        uint64_t id;
        const char *name;
    } services[] = {{0x01, "set_log_level"},
                    {0x02, "set_trace_status"},
                    {0x03, "get_log_info"},
                    {0x04, "get_default_log_level"},
                    {0x05, "store_config"},
                    {0x06, "reset_to_factory_default"},
                    {0x11, "set_default_log_level"},
                    {0x12, "set_default_trace_status"},
                    {SERVICE_SOFTWARE_VERSION, "get_software_version"},
                    {SERVICE_OVERFLOW, "message_buffer_overflow"},
                    {0xF01, "unregister_context"},
                    {0xF02, "connection_info"},
                    {0xF03, "timezone"},
                    {0xF04, "marker"}};
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        if (services[i].id == id)
            return services[i].name;
    return NULL;
}

/* Response of get_software_version: status, length, text. */
static void set_software(struct message *m, struct reader in)
{
    (void)reader_u8(&in);
    uint64_t size = number(m, &in, 4);
    struct slice text = dlt_text(&m->t, reader_bytes(&in, (size_t)size), &m->repaired);
    (void)text_event_set(&m->t, EVENT_ecu_sw_version, text);
}

static void read_service(struct message *m, uint64_t id, struct reader in)
{
    keep_int(m, "service_id", (int64_t)id);
    if (DLT_TYPE_INFO(m->frame->msin) != CONTROL_RESPONSE)
        return;
    if (id == SERVICE_SOFTWARE_VERSION)
        set_software(m, in);
    else if (id == SERVICE_OVERFLOW) /* messages were lost */
        EVENT_GUESS(&m->t.event, event_category, SLICE_LITERAL("ids_health"));
}

static void read_opaque(struct message *m, struct reader *in)
{
    uint64_t id = number(m, in, 4);
    bool is_control = DLT_TYPE(m->frame->msin) == TYPE_CONTROL;
    const char *name = is_control ? service_name(id) : NULL;
    EVENT_SET(&m->t.event, context_raw, slice_sub(in->in, in->offset, in->in.size));
    if (in->status != STATUS_OK) {
        text_event_partial(&m->t, RECORD_bad_payload, "the payload is too short for a message id");
        return;
    }
    if (is_control)
        read_service(m, id, *in);
    else
        keep_int(m, "message_id", (int64_t)id);
    int n = name ? snprintf(m->name, sizeof m->name, "%s", name)
                 : snprintf(m->name, sizeof m->name, "%s:0x%08x",
                            is_control ? "service" : "message", (unsigned)id);
    if (EVENT_HAS(&m->t.event, event_name))
        m->t.event.catalog_group = m->t.event.event_name; /* APID/CTID */
    EVENT_GUESS(&m->t.event, event_name, slice_make(m->name, (size_t)n));
    if (!is_control)
        m->t.event.catalog_id = m->t.event.event_name;
}

static void read_message(struct message *m)
{
    struct reader payload = reader_make(payload_of(m->body, m->frame));
    read_standard(m);
    if (m->frame->htyp & DLT_HAS_EXTENDED)
        read_extended(m);
    if (m->frame->msin & DLT_IS_VERBOSE)
        read_verbose(m, &payload);
    else
        read_opaque(m, &payload);
    if (EVENT_HAS(&m->t.event, message))
        uds_words_read(&m->t, m->t.event.message);
    if (m->repaired)
        text_event_partial(&m->t, RECORD_bad_text, "bytes that are no UTF-8 text stand as U+FFFD");
}

/* ---- the body ---- */

/* True when the arguments end where the length says; other payloads can't be checked. */
static bool is_whole(struct slice body, const struct dlt_frame *f)
{
    return (f->msin & DLT_IS_VERBOSE) &&
           dlt_arguments_fit(payload_of(body, f), f->htyp & DLT_BIG_ENDIAN, f->argument_count);
}

/* Start of the first message inside this one, or its end. A damaged length covers the messages that
 * follow; raw data may contain anything, so this is used only for messages that are not whole. */
static size_t find_swallowed(struct slice body, const struct dlt_frame *f)
{
    struct dlt_frame inner;
    for (size_t at = f->payload; at < f->end; at += DLT_MAGIC_BYTES) {
        at = dlt_magic_next(body, at, f->end);
        if (at < f->end && !dlt_frame_read(body, at, &inner))
            return at;
    }
    return f->end;
}

static bool ends_between_messages(struct slice body, const struct dlt_frame *f)
{
    return f->magic == DLT_MAGIC_NONE || f->end == body.size ||
           dlt_magic_at(body, f->end) != DLT_MAGIC_NONE;
}

static void emit_message(struct slice body, const struct dlt_frame *f, bool whole,
                         const struct parser_context *context)
{
    struct message m; /* large */
    struct parser_outcome outcome = {.result = PARSER_OK};
    m.body = body;
    m.frame = f;
    m.repaired = false;
    text_event_init(&m.t, context);
    m.t.attributes.more_left = f->end - f->start;
    read_message(&m);
    if (!whole && !ends_between_messages(body, f))
        text_event_partial(&m.t, RECORD_bad_length, "no message starts where this one ends");
    EVENT_SET(&m.t.event, raw_offset, (int64_t)f->start);
    EVENT_SET(&m.t.event, raw_size, (int64_t)(f->end - f->start));
    text_event_emit(&m.t, &outcome);
    if (outcome.result != PARSER_OK)
        record_reject_outcome(context, f->start, f->end - f->start, &outcome);
}

/* Emits the message or quarantines it. Returns the offset from which the next one is searched. */
static size_t take_message(struct slice body, const struct dlt_frame *f,
                           const struct parser_context *context)
{
    bool whole = is_whole(body, f);
    size_t end = whole ? f->end : find_swallowed(body, f);
    if (end < f->end)
        record_reject(context, f->start, end - f->start, RECORD_bad_length,
                      "the length runs over the start of another message");
    else if (end - f->start > context->event_bytes)
        record_reject(context, f->start, end - f->start, RECORD_event_too_large,
                      "message is longer than limits.event_bytes");
    else
        emit_message(body, f, whole, context);
    return end;
}

/* Quarantines bytes that are not a message, up to the next place where one may start. */
static size_t skip_broken(struct slice body, size_t at, const struct dlt_problem *problem,
                          const struct parser_context *context)
{
    size_t next = dlt_magic_next(body, at + 1, body.size);
    record_reject(context, at, next - at, problem->code, problem->detail);
    return next;
}

/* Takes all messages of the record, which is a body or a frame. Messages without a storage or
 * serial header are found only directly after each other: after broken bytes nothing marks them. */
static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    static const struct dlt_problem no_message = {RECORD_malformed, "no DLT message starts here"};
    bool may_be_bare = true;
    for (size_t at = 0; at < record.size;) {
        struct dlt_frame frame;
        const void *mark = context->mark(context);
        if (!mark) {
            record_memory_refuse(outcome, at);
            return;
        }
        bool is_bare = dlt_magic_at(record, at) == DLT_MAGIC_NONE;
        const struct dlt_problem *problem =
            is_bare && !may_be_bare ? &no_message : dlt_frame_read(record, at, &frame);
        may_be_bare = is_bare && !problem;
        at = problem ? skip_broken(record, at, problem, context)
                     : take_message(record, &frame, context);
        context->release(context, mark);
    }
}

/* Messages without a storage or serial header look like text: they are never probed. */
static int probe(struct slice head)
{
    return dlt_magic_at(head, 0) == DLT_MAGIC_NONE ? 0 : 100;
}

static const char *const content_types[] = {"application/vnd.covesa.dlt", NULL};

const struct parser parser_dlt = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "dlt",
    .version = "1.0.0",
    .description = "messages of AUTOSAR Log and Trace (COVESA DLT), protocol version 1",
    .content_types = content_types,
    .framing = PARSER_FRAMING_STREAM,
    .probe = probe,
    .guessed_by = "`DLT` or `DLS` and a byte 1, or `DLT` and a byte 2, at the start",
    .parse = parse,
};
