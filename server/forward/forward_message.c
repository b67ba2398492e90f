/* forward_message.c: RFC 5424 and CEF from a record's JSON. Any thread. Sends nothing. */
#include "server/forward/forward_message.h"

#include <inttypes.h>

#include "core/clock.h"
#include "core/event/event_json.h"

#define MESSAGE_BYTES ((size_t)128 << 10)
#define FACILITY      13 /* log audit */

static struct slice text_of(const struct json_document *d, const char *key)
{
    const struct json_node *node = json_find(d, 0, key);
    return node && node->type == JSON_STRING ? node->text : SLICE_EMPTY;
}

static int severity_of(const struct json_document *d)
{
    const struct json_node *node = json_find(d, 0, "severity_id");
    return node && node->type == JSON_INT && node->integer >= 1 && node->integer <= 6
               ? (int)node->integer
               : 1;
}

/* PRINTUSASCII without blanks, cut; "-" when there is none. */
static void write_name(struct writer *w, struct slice name, size_t most)
{
    size_t written = 0;
    for (size_t i = 0; i < name.size && written < most; i++, written++)
        writer_u8(w, name.data[i] > 0x20 && name.data[i] < 0x7f ? name.data[i] : '_');
    if (!written)
        writer_u8(w, '-');
}

/* The time of the record without the quotes of JSON. */
static void write_time(struct writer *w, int64_t ns)
{
    uint8_t room[64];
    struct writer quoted = {.data = room, .capacity = sizeof room, .limit = sizeof room};
    event_json_write_time(&quoted, ns);
    if (quoted.size > 2)
        writer_bytes(w, room + 1, quoted.size - 2);
}

static void write_header(struct writer *w, const struct forward_origin *origin,
                         const struct batch_record *record, const struct json_document *d,
                         struct slice kind)
{
    /* OCSF: 1 informational … 6 fatal; syslog: 6 informational … 1 alert. */
    static const int levels[] = {6, 6, 5, 4, 3, 2, 1};
    const struct batch_meta *m = &record->meta;
    writer_format(w, "<%d>1 ", FACILITY * 8 + levels[severity_of(d)]);
    write_time(w, m->received_ns);
    writer_u8(w, ' ');
    write_name(w, slice_from_text(origin->instance), 255);
    writer_text(w, " vsocd - ");
    write_name(w, kind, 32);
    writer_text(w, " [audit@32473 uid=\"");
    event_json_write_uuid(w, m->batch_uid);
    writer_text(w, "\" spool=\"");
    event_json_write_uuid(w, origin->spool_uid);
    writer_format(w, "\" position=\"%" PRIu64 "\"", m->position);
    if (m->leaf_index != BATCH_NO_LEAF)
        writer_format(w, " leaf=\"%" PRIu64 "\"", m->leaf_index);
    writer_text(w, "] ");
}

/* --- CEF ------------------------------------------------------------------------------------- */

/* Of a header field: | and \ are escaped; of an extension: = and \; line ends in both. */
static void write_escaped(struct writer *w, struct slice text, char also)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '\n' || c == '\r') {
            writer_text(w, c == '\n' ? "\\n" : "\\r");
            continue;
        }
        if (c == '\\' || c == (uint8_t)also)
            writer_u8(w, '\\');
        writer_u8(w, c);
    }
}

static void write_extension(struct writer *w, const char *key, struct slice value)
{
    if (!value.size)
        return;
    writer_format(w, " %s=", key);
    write_escaped(w, value, '=');
}

static void write_fields(struct writer *w, const struct json_document *d)
{
    static const struct {
        const char *field, *key, *label;
    } keys[] = {
        {"peer", "src", NULL},
        {"actor", "suser", NULL},
        {"action", "act", NULL},
        {"result", "outcome", NULL},
        {"file", "filePath", NULL},
        {"reason", "reason", NULL},
        {"count", "cnt", NULL},
        {"vehicle", "cs1", "vehicle"},
        {"credential", "cs2", "credential"},
        {"tenant", "cs3", "tenant"},
        {"hold", "cs4", "hold"},
        {"code", "cs5", "code"},
        {"target", "cs6", "target"},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct json_node *node = json_find(d, 0, keys[i].field);
        if (!node || (node->type != JSON_STRING && node->type != JSON_INT))
            continue;
        struct slice value = node->type == JSON_STRING ? node->text : node->raw;
        if (!strcmp(keys[i].key, "src") && slice_equal_text(value, "(others)"))
            continue; /* no address */
        if (keys[i].label)
            writer_format(w, " %sLabel=%s", keys[i].key, keys[i].label);
        write_extension(w, keys[i].key, value);
    }
}

static void write_cef(struct writer *w, const struct forward_origin *origin,
                      const struct batch_record *record, const struct json_document *d,
                      struct slice kind)
{
    static const int levels[] = {0, 1, 3, 6, 8, 9, 10};
    char uid[UUID_TEXT_BYTES];
    uuid_to_text(record->meta.batch_uid, uid);
    writer_text(w, "CEF:0|vsocd|vsocd|");
    write_escaped(w, slice_from_text(origin->version), '|');
    writer_u8(w, '|');
    write_escaped(w, kind, '|');
    writer_text(w, "|audit ");
    write_escaped(w, kind, '|');
    writer_format(w, "|%d|rt=%" PRId64, levels[severity_of(d)],
                  record->meta.received_ns / NS_PER_MS);
    write_extension(w, "externalId", slice_make((const uint8_t *)uid, sizeof uid));
    write_extension(w, "dvchost", slice_from_text(origin->instance));
    writer_format(w, " cn1Label=position cn1=%" PRIu64, record->meta.position);
    write_fields(w, d);
    write_extension(w, "msg", record->body);
}

void forward_message_write(struct writer *w, enum forward_format format,
                           const struct forward_origin *origin, const struct batch_record *record,
                           const struct json_document *json)
{
    struct writer message;
    struct slice kind = text_of(json, "kind");
    writer_init(&message, MESSAGE_BYTES);
    write_header(&message, origin, record, json, kind);
    if (format == FORWARD_CEF)
        write_cef(&message, origin, record, json, kind);
    else
        writer_add_slice(&message, record->body);
    if (message.status != STATUS_OK)
        w->status = w->status == STATUS_OK ? message.status : w->status;
    writer_format(w, "%zu ", message.size);
    writer_add_slice(w, writer_slice(&message));
    writer_fini(&message);
}
