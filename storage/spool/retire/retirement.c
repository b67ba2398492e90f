/* retirement.c: the body of a record of kind 3 ↔ struct. Any thread. Removes and stores nothing. */
#include "storage/spool/retire/retirement.h"

#include <inttypes.h>
#include <string.h>

#include "core/event/event_json.h"
#include "core/hex.h"
#include "core/reasons/audit_kind.h"
#include "storage/spool/retire/record_object.h"

#define BYTES_MAX 4096 /* of the object */
#define DEPTH     1

static const char *const causes[RETIREMENT_CAUSES] = {
    [RETIREMENT_AGE] = "age", [RETIREMENT_MAX_BYTES] = "max_bytes", [RETIREMENT_ROOM] = "room"};

const char *retirement_cause_text(enum retirement_cause cause)
{
    return causes[cause];
}

/* --- writing -------------------------------------------------------------------------------- */

static void write_head(struct writer *w, const struct retirement_head *head,
                       enum retirement_cause cause)
{
    const struct audit_kind_info *kind =
        &audit_kind_table[cause == RETIREMENT_AGE ? AUDIT_evidence_retired
                                                  : AUDIT_evidence_evicted];
    writer_text(w, "{\"audit_uid\":\"");
    event_json_write_uuid(w, head->uid);
    writer_text(w, "\",\"time\":");
    event_json_write_time(w, head->time_ns);
    writer_text(w, ",\"instance\":");
    writer_json_string(w, slice_from_text(head->instance));
    writer_format(w,
                  ",\"kind\":\"%s\",\"severity_id\":%u,\"class_uid\":%u,\"class_name\":\"%s\","
                  "\"activity_id\":%u,\"reason\":\"%s\"",
                  kind->name, kind->severity, kind->class_uid, kind->class_name, kind->activity_id,
                  causes[cause]);
}

static void write_number(struct writer *w, const char *name, uint64_t value)
{
    writer_format(w, ",\"%s\":%" PRIu64, name, value);
}

static void write_time(struct writer *w, const char *name, int64_t ns)
{
    if (!ns)
        return;
    writer_format(w, ",\"%s\":", name);
    event_json_write_time(w, ns);
}

static void write_hash(struct writer *w, const char *name, const uint8_t hash[SHA256_BYTES])
{
    writer_format(w, ",\"%s\":\"", name);
    writer_hex(w, slice_make(hash, SHA256_BYTES));
    writer_u8(w, '"');
}

void retirement_write(struct writer *w, const struct retirement_head *head,
                      const struct retirement *r)
{
    write_head(w, head, r->cause);
    write_number(w, "from_position", r->first);
    write_number(w, "to_position", r->last);
    write_number(w, "first_leaf", r->first_leaf);
    write_number(w, "leaves", r->leaves);
    write_number(w, "records", r->records);
    write_number(w, "events", r->events);
    write_number(w, "bytes", r->file_bytes);
    write_time(w, "from", r->oldest_ns);
    write_time(w, "to", r->newest_ns);
    if (r->holds_checked) {
        writer_text(w, ",\"hold_check\":\"free\"");
        write_number(w, "holds", r->holds);
    }
    write_number(w, "tree_size", r->tree_size);
    write_hash(w, "root", r->root);
    write_hash(w, "chain_hash", r->chain_hash);
    writer_u8(w, '}');
}

/* --- reading -------------------------------------------------------------------------------- */

static bool read_number(const struct json_document *d, const char *name, uint64_t *out)
{
    const struct json_node *n = json_find(d, 0, name);
    if (!n || n->type != JSON_INT || n->integer < 0)
        return false;
    *out = (uint64_t)n->integer;
    return true;
}

static bool read_hash(const struct json_document *d, const char *name, uint8_t out[SHA256_BYTES])
{
    const struct json_node *n = json_find(d, 0, name);
    if (!n || n->type != JSON_STRING || n->text.size != 2 * (size_t)SHA256_BYTES)
        return false;
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        int high = hex_digit_value(n->text.data[2 * i]);
        int low = hex_digit_value(n->text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static bool read_cause(const struct json_document *d, enum retirement_cause *out)
{
    const struct json_node *n = json_find(d, 0, "reason");
    for (unsigned i = 0; n && n->type == JSON_STRING && i < RETIREMENT_CAUSES; i++)
        if (slice_equal_text(n->text, causes[i])) {
            *out = (enum retirement_cause)i;
            return true;
        }
    return false;
}

static bool read_all(const struct json_document *d, struct retirement *r)
{
    const struct json_node *check = json_find(d, 0, "hold_check");
    r->holds_checked = check && check->type == JSON_STRING && slice_equal_text(check->text, "free");
    return read_cause(d, &r->cause) && read_number(d, "from_position", &r->first) &&
           read_number(d, "to_position", &r->last) &&
           read_number(d, "first_leaf", &r->first_leaf) && read_number(d, "leaves", &r->leaves) &&
           read_number(d, "records", &r->records) && read_number(d, "events", &r->events) &&
           read_number(d, "bytes", &r->file_bytes) &&
           (!r->holds_checked || read_number(d, "holds", &r->holds)) &&
           read_number(d, "tree_size", &r->tree_size) && read_hash(d, "root", r->root) &&
           read_hash(d, "chain_hash", r->chain_hash) && r->first <= r->last;
}

enum status retirement_read(struct slice json, struct retirement *out)
{
    struct record_object object;
    struct retirement r = {0};
    if (json.size > BYTES_MAX)
        return STATUS_MALFORMED;
    enum status status = record_object_open(&object, json, DEPTH);
    if (status != STATUS_OK)
        return status;
    bool good = read_all(&object.document, &r);
    record_object_close(&object);
    if (!good)
        return STATUS_MALFORMED;
    *out = r;
    return STATUS_OK;
}
