/* archive_entry.c: index object ↔ struct, and the names of objects. Any thread; works on memory
 * alone. */
#include "storage/evidence/archive/archive_entry.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/hex.h"
#include "core/json/json.h"

#define FORMAT      "vsocd-archive/1"
#define DEPTH       2
#define NODES       64
#define NAME_DIGITS 20
#define NAME_HASH   8 /* bytes of the object's hash in its name */

/* The numbers of an entry: every one is required. */
static const struct {
    const char *key;
    size_t offset;
} numbers[] = {
    {"segment", offsetof(struct archive_entry, segment)},
    {"first_position", offsetof(struct archive_entry, first)},
    {"last_position", offsetof(struct archive_entry, last)},
    {"records", offsetof(struct archive_entry, records)},
    {"events", offsetof(struct archive_entry, events)},
    {"events_before", offsetof(struct archive_entry, events_before)},
    {"first_leaf", offsetof(struct archive_entry, first_leaf)},
    {"leaves", offsetof(struct archive_entry, leaves)},
    {"leaf_hashes", offsetof(struct archive_entry, leaf_hashes)},
    {"oldest_ns", offsetof(struct archive_entry, oldest_ns)},
    {"newest_ns", offsetof(struct archive_entry, newest_ns)},
    {"bytes", offsetof(struct archive_entry, bytes)},
    {"damaged_bytes", offsetof(struct archive_entry, damaged_bytes)},
    {"key_areas", offsetof(struct archive_entry, key_areas)},
};
#define NUMBERS (sizeof numbers / sizeof *numbers)

static void write_hash(struct writer *w, const char *key, const uint8_t hash[SHA256_BYTES])
{
    writer_format(w, ",\"%s\":\"", key);
    writer_hex(w, slice_make(hash, SHA256_BYTES));
    writer_u8(w, '"');
}

uint64_t archive_head_size(struct slice head)
{
    const uint8_t *line = slice_find_byte(head, '\n');
    uint64_t v = 0;
    for (size_t i = line ? (size_t)(line - head.data) + 1 : head.size;
         i < head.size && head.data[i] >= '0' && head.data[i] <= '9' && v < UINT64_MAX / 10 - 1;
         i++)
        v = v * 10 + (uint64_t)(head.data[i] - '0');
    return v;
}

void archive_entry_write(struct writer *w, const struct archive_entry *entry)
{
    char uid[UUID_TEXT_BYTES];
    uuid_to_text(entry->spool_uid, uid);
    writer_format(w, "{\"format\":\"" FORMAT "\",\"spool\":\"%.*s\"", UUID_TEXT_BYTES, uid);
    for (size_t i = 0; i < NUMBERS; i++) {
        int64_t v;
        memcpy(&v, (const uint8_t *)entry + numbers[i].offset, sizeof v);
        writer_format(w, ",\"%s\":%" PRId64, numbers[i].key, v);
    }
    write_hash(w, "sha256", entry->sha256);
    write_hash(w, "chain_before", entry->chain_before);
    write_hash(w, "chain_hash", entry->chain_hash);
    if (entry->leaf_hashes)
        write_hash(w, "leaves_sha256", entry->leaves_sha256);
    if (entry->head.size) {
        writer_text(w, ",\"head\":");
        writer_json_string(w, entry->head);
    }
    writer_text(w, "}\n");
}

static bool read_hash(const struct json_document *d, const char *key, uint8_t hash[SHA256_BYTES])
{
    const struct json_node *n = json_find(d, 0, key);
    if (!n || n->type != JSON_STRING || n->text.size != 2 * (size_t)SHA256_BYTES)
        return false;
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        int high = hex_digit_value(n->text.data[2 * i]);
        int low = hex_digit_value(n->text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        hash[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static bool read_numbers(const struct json_document *d, struct archive_entry *e)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        const struct json_node *n = json_find(d, 0, numbers[i].key);
        if (!n || n->type != JSON_INT || n->integer < 0)
            return false;
        memcpy((uint8_t *)e + numbers[i].offset, &n->integer, sizeof n->integer);
    }
    return true;
}

static bool is_consistent(const struct archive_entry *e)
{
    if (!e->records)
        return !e->first && !e->last && !e->leaves && !e->leaf_hashes;
    return e->first >= e->segment && e->last >= e->first && e->records <= e->last - e->first + 1 &&
           e->leaves <= e->records && (!e->leaf_hashes || e->leaf_hashes >= e->leaves) &&
           e->leaf_hashes < UINT64_C(1) << 48 && e->damaged_bytes <= e->bytes;
}

static enum status read_document(const struct json_document *d, struct archive_entry *e,
                                 struct writer *head)
{
    const struct json_node *format = json_find(d, 0, "format"), *uid = json_find(d, 0, "spool"),
                           *leaves = json_find(d, 0, "leaves_sha256"),
                           *text = json_find(d, 0, "head");
    if (!format || format->type != JSON_STRING ||
        !slice_starts_with(format->text, "vsocd-archive/"))
        return STATUS_MALFORMED;
    if (!slice_equal_text(format->text, FORMAT))
        return STATUS_VERSION;
    if (!uid || uid->type != JSON_STRING || uuid_from_text(uid->text, e->spool_uid) != STATUS_OK ||
        !read_numbers(d, e) || !read_hash(d, "sha256", e->sha256) ||
        !read_hash(d, "chain_before", e->chain_before) ||
        !read_hash(d, "chain_hash", e->chain_hash) || !is_consistent(e))
        return STATUS_MALFORMED;
    if ((leaves != NULL) != (e->leaf_hashes > 0))
        return STATUS_MALFORMED;
    if (leaves && !read_hash(d, "leaves_sha256", e->leaves_sha256))
        return STATUS_MALFORMED;
    if (text && (text->type != JSON_STRING || text->text.size > ARCHIVE_HEAD_BYTES_MAX))
        return STATUS_MALFORMED;
    writer_reset(head);
    if (text)
        writer_add_slice(head, text->text);
    e->head = writer_slice(head);
    return head->status;
}

enum status archive_entry_read(struct slice json, struct archive_entry *entry, struct writer *head)
{
    struct json_document document;
    struct json_error error;
    struct archive_entry read = {0};
    if (json.size > ARCHIVE_ENTRY_BYTES_MAX)
        return STATUS_MALFORMED;
    struct json_parser *parser = json_parser_create(DEPTH, NODES);
    uint8_t *padded = calloc(1, json.size + JSON_PADDING);
    enum status status = parser && padded ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        if (json.size)
            memcpy(padded, json.data, json.size);
        status = json_parse(parser, slice_make(padded, json.size), &document, &error);
        if (status != STATUS_OK && status != STATUS_NO_MEMORY)
            status = STATUS_MALFORMED;
    }
    if (status == STATUS_OK)
        status = read_document(&document, &read, head);
    if (status == STATUS_OK)
        *entry = read;
    free(padded);
    json_parser_destroy(parser);
    return status;
}

void archive_object_name(const struct archive_entry *entry, enum archive_object kind,
                         char name[ARCHIVE_NAME_BYTES])
{
    static const char *const suffixes[] = {"seg", "leaves", "json"};
    const uint8_t *sha256 = kind == ARCHIVE_LEAVES ? entry->leaves_sha256 : entry->sha256;
    char uid[UUID_TEXT_BYTES], hash[2 * NAME_HASH + 1];
    uuid_to_text(entry->spool_uid, uid);
    for (size_t i = 0; i < NAME_HASH; i++)
        snprintf(hash + 2 * i, 3, "%02x", sha256[i]);
    snprintf(name, ARCHIVE_NAME_BYTES, "%.*s/%0*" PRIu64 "-%s.%s", UUID_TEXT_BYTES, uid,
             NAME_DIGITS, entry->segment, hash, suffixes[kind]);
}

bool archive_index_name_parse(struct slice name, uint8_t spool_uid[UUID_BYTES], uint64_t *segment)
{
    const size_t digits = UUID_TEXT_BYTES + 1, dash = digits + NAME_DIGITS,
                 dot = dash + 1 + (size_t)2 * NAME_HASH;
    uint64_t v = 0;
    if (name.size != dot + 5 || name.data[UUID_TEXT_BYTES] != '/' || name.data[dash] != '-' ||
        memcmp(name.data + dot, ".json", 5) != 0 ||
        uuid_from_text(slice_sub(name, 0, UUID_TEXT_BYTES), spool_uid) != STATUS_OK)
        return false;
    for (size_t i = digits; i < dash; i++) {
        uint8_t c = name.data[i];
        if (c < '0' || c > '9' || v > (UINT64_MAX - (c - '0')) / 10)
            return false;
        v = v * 10 + (uint64_t)(c - '0');
    }
    for (size_t i = dash + 1; i < dot; i++)
        if (hex_digit_value(name.data[i]) < 0)
            return false;
    *segment = v;
    return true;
}
