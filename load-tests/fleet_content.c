/* Hashes events and quarantined records. Pure, any thread. It reads only what fleet_event.c writes:
 * flat objects, no escapes, no spaces. */
#include "fleet_content.h"

#include "fleet_event.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <time.h>

enum { MEMBERS_MAX = 48 };

/* One member: its name in the event model and its value, a text without its quotes. */
struct member {
    const char *name, *value;
    size_t name_size, value_size;
    bool quoted;
};

struct event_members {
    struct member list[MEMBERS_MAX];
    size_t count;
};

static bool is(const struct member *member, const char *name)
{
    return member->name_size == strlen(name) && memcmp(member->name, name, member->name_size) == 0;
}

/* Members that have no column of their own: the server keeps them in attributes. */
static bool is_attribute(const struct member *member)
{
    return is(member, "pid") || is(member, "program");
}

static int compare_names(const void *a, const void *b)
{
    const struct member *left = a, *right = b;
    size_t shorter = left->name_size < right->name_size ? left->name_size : right->name_size;
    int order = memcmp(left->name, right->name, shorter);
    return order != 0 ? order
                      : (left->name_size > right->name_size) - (left->name_size < right->name_size);
}

static void rename_member(struct member *member)
{
    static const struct {
        const char *sent, *name;
    } NAMES[] = {{"id", "source_event_id"}, {"time", "time_event_ns"}};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (is(member, NAMES[i].sent)) {
            member->name = NAMES[i].name;
            member->name_size = strlen(NAMES[i].name);
            return;
        }
    }
}

/* "name":value at `at`; where it ends, or NULL. */
static const char *read_member(const char *at, const char *end, struct member *member)
{
    const char *name_end =
        at < end && *at == '"' ? memchr(at + 1, '"', (size_t)(end - at - 1)) : NULL;
    if (name_end == NULL || end - name_end < 3 || name_end[1] != ':')
        return NULL;
    member->name = at + 1;
    member->name_size = (size_t)(name_end - member->name);
    at = name_end + 2;
    member->quoted = *at == '"';
    member->value = at += member->quoted;
    while (at < end && *at != '"' && (member->quoted || (*at != ',' && *at != '}')))
        at++;
    member->value_size = (size_t)(at - member->value);
    return at + member->quoted < end ? at + member->quoted : NULL;
}

static bool read_event(const char *json, size_t bytes, struct event_members *members)
{
    const char *at = json, *end = json + bytes;
    members->count = 0;
    if (bytes < 2 || *at != '{')
        return false;
    while (at != NULL && *at != '}') {
        if (members->count == MEMBERS_MAX)
            return false;
        struct member *member = &members->list[members->count++];
        at = read_member(at + 1, end, member);
        if (at != NULL)
            rename_member(member);
    }
    return at != NULL;
}

static void put_time_ns(struct fleet_text *text, const struct member *member)
{
    struct tm tm = {0};
    int ms = 0;
    char value[32]; /* sscanf looks for the end of its text, and the batch has none */
    bool fits = member->value_size < sizeof value;
    snprintf(value, sizeof value, "%.*s", fits ? (int)member->value_size : 0, member->value);
    if (sscanf(value, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) != 7)
        text->overflow = true;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    fleet_text_printf(text, "%lld%03d000000", (long long)timegm(&tm), ms);
}

static void put_value(struct fleet_text *text, const struct member *member)
{
    size_t size = member->value_size;
    if (is(member, "time_event_ns")) {
        put_time_ns(text, member);
        return;
    }
    /* A whole number is written as one, also where it was measured with a fraction. */
    if (!member->quoted && size > 2 && memcmp(member->value + size - 2, ".0", 2) == 0)
        size -= 2;
    fleet_text_put(text, member->value, size);
}

/* As PostgreSQL writes jsonb. The names happen to be in its order, which is by length. */
static void put_attributes(struct fleet_text *text, const struct event_members *members)
{
    const char *before = "attributes={";
    for (size_t i = 0; i < members->count; i++) {
        const struct member *member = &members->list[i];
        if (!is_attribute(member))
            continue;
        const char *quote = member->quoted ? "\"" : "";
        fleet_text_printf(text, "%s\"%.*s\": %s%.*s%s", before, (int)member->name_size,
                          member->name, quote, (int)member->value_size, member->value, quote);
        before = ", ";
    }
    if (*before == ',')
        fleet_text_puts(text, "}\x1e");
}

static bool hash(const struct fleet_text *text, char out[FLEET_CONTENT_HEX])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    if (text->overflow || SHA256((const unsigned char *)text->data, text->used, digest) == NULL)
        return false;
    for (int i = 0; i < FLEET_CONTENT_HEX / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return true;
}

bool fleet_content_of_event(const char *json, size_t bytes, char out[FLEET_CONTENT_HEX])
{
    char room[FLEET_EVENT_MAX_BYTES * 2];
    struct fleet_text text = {.data = room, .capacity = sizeof room};
    struct event_members members;
    if (!read_event(json, bytes, &members))
        return false;
    qsort(members.list, members.count, sizeof *members.list, compare_names);
    put_attributes(&text, &members);
    for (size_t i = 0; i < members.count; i++) {
        const struct member *member = &members.list[i];
        if (is_attribute(member) || is(member, "vin"))
            continue;
        fleet_text_put(&text, member->name, member->name_size);
        fleet_text_puts(&text, "=");
        put_value(&text, member);
        fleet_text_puts(&text, "\x1e");
    }
    return hash(&text, out);
}

bool fleet_content_of_reject(const char *raw, size_t bytes, const char *code,
                             char out[FLEET_CONTENT_HEX])
{
    char room[FLEET_EVENT_MAX_BYTES + 64];
    struct fleet_text text = {.data = room, .capacity = sizeof room};
    fleet_text_put(&text, raw, bytes);
    fleet_text_put(&text, "", 1);
    fleet_text_puts(&text, code);
    return hash(&text, out);
}
