/* senders.c: the file of senders that may name other vehicles, and the search for a certificate's
 * sender. Reading: main thread and subcommands; searching: workers. */
#include "server/identity/senders.h"
#include "core/thread.h"
#include "core/log/problem.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/object.h"
#include "core/arena.h"
#include "core/hash.h"
#include "core/writer.h"
#include "server/identity/credential_file.h"
#include "server/identity/tenant_name.h"

#define MEMORY_MAX ((size_t)256 << 20)
#define CELLS      131072 /* twice SENDERS_MAX */

struct entry {
    struct sender sender;
    struct entry *next_of_cell;
};

#define SENDERS_MAGIC 0x534e4452U

struct senders {
    unsigned magic; /* SENDERS_MAGIC */
    struct arena arena;
    struct entry *entries[SENDERS_MAX];
    struct entry *wildcards[SENDERS_WILDCARDS_MAX];
    struct entry *ids[CELLS], *names[CELLS]; /* by id; by the name of a pattern without `*` */
    size_t count, wildcard_count;
    uint64_t seed[2];
};

OBJECT_CAST(senders, SENDERS_MAGIC)

void senders_destroy(struct senders *senders)
{
    if (!senders)
        return;
    for (size_t i = 0; i < senders->count; i++)
        vehicle_set_release(senders->entries[i]->sender.vehicles);
    arena_fini(&senders->arena);
    object_end(&senders->magic);
    free(senders);
}

size_t senders_count(const struct senders *senders)
{
    return senders->count;
}

const struct sender *senders_at(const struct senders *senders, size_t index)
{
    return &senders->entries[index]->sender;
}

/* Hash of a name in lower case, so that all spellings of a DNS name have the same cell. */
static size_t cell_of(const struct senders *senders, enum name_source source, struct slice name)
{
    uint8_t lower[NAME_PATTERN_TEXT_MAX + 1];
    size_t n = name.size < sizeof lower - 1 ? name.size : sizeof lower - 1;
    for (size_t i = 0; i < n; i++)
        lower[i] = name.data[i] >= 'A' && name.data[i] <= 'Z' ? (uint8_t)(name.data[i] + 32)
                                                              : name.data[i];
    lower[n] = (uint8_t)source;
    return (size_t)(hash_keyed(senders->seed, slice_make(lower, n + 1)) % CELLS);
}

static size_t id_cell(const struct senders *senders, struct slice id)
{
    return (size_t)(hash_keyed(senders->seed, id) % CELLS);
}

static bool has_id(const struct senders *senders, struct slice id)
{
    for (struct entry *e = senders->ids[id_cell(senders, id)]; e; e = e->next_of_cell)
        if (slice_equal(e->sender.id, id))
            return true;
    return false;
}

/* Members of a line; which of them are present. */
struct line {
    struct sender sender;
    bool has_id, has_issuer, has_name, has_tenant;
};

static enum status read_pattern(const struct json_node *node, struct line *line,
                                struct credential_problem *problem)
{
    struct problem reason = {"is a text"};
    line->has_name = true;
    if (node->type == JSON_STRING && name_pattern_parse(node->text, NAME_PATTERN_SENDER,
                                                        &line->sender.name, &reason) == STATUS_OK)
        return line->sender.name.source != NAME_OID
                   ? STATUS_OK
                   : credential_problem(problem, node, "name is of san_uri, san_dns or subject_cn");
    return credential_problem(problem, node, "name: %s", reason.text);
}

static bool is_digest(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (!(s.data[i] >= '0' && s.data[i] <= '9') && !(s.data[i] >= 'a' && s.data[i] <= 'f'))
            return false;
    return s.size == 2 * SHA256_BYTES;
}

static enum status read_member(struct senders *senders, const struct json_node *node,
                               struct line *line, struct credential_problem *problem)
{
    struct sender *s = &line->sender;
    struct slice key = node->key;
    bool good = false;
    if (slice_equal_text(key, "name"))
        return read_pattern(node, line, problem);
    if (slice_equal_text(key, "vehicles"))
        return credential_read_vehicles(&senders->arena, node, &s->vehicles, problem);
    if (slice_equal_text(key, "id")) {
        line->has_id = true;
        good =
            credential_read_text(node, &s->id) && credential_is_word(s->id, "-_.", SENDER_ID_MAX);
    } else if (slice_equal_text(key, "issuer")) {
        line->has_issuer = true;
        good = credential_read_text(node, &s->issuer);
    } else if (slice_equal_text(key, "issuer_key")) {
        if (credential_read_text(node, &s->issuer_key) && is_digest(s->issuer_key))
            return STATUS_OK;
        return credential_problem(problem, node,
                                  "issuer_key is the SHA-256 of the public key of the issuer, 64 "
                                  "lower-case hex digits (`vsocd identity explain` prints it)");
    } else if (slice_equal_text(key, "tenant")) {
        line->has_tenant = true;
        good = credential_read_text(node, &s->tenant) && tenant_name_is_valid(s->tenant);
    } else if (slice_equal_text(key, "formats")) {
        good = credential_read_list(&senders->arena, node, &s->formats) &&
               credential_is_formats(s->formats);
    } else if (slice_equal_text(key, "events_per_second")) {
        good = credential_read_count(node, &s->events_per_second);
    } else if (slice_equal_text(key, "burst")) {
        good = credential_read_count(node, &s->burst);
    } else {
        return credential_problem(
            problem, node,
            "'%.*s' is not a member of a sender: id, issuer, issuer_key, name, tenant, vehicles, "
            "formats, events_per_second, burst",
            (int)(key.size < 32 ? key.size : 32), (const char *)key.data);
    }
    return good ? STATUS_OK
                : credential_problem(problem, node, "%.*s has a wrong value", (int)key.size,
                                     (const char *)key.data);
}

static bool is_same_name(const struct sender *a, const struct sender *b)
{
    return a->name.source == b->name.source && slice_equal(a->name.text, b->name.text) &&
           slice_equal(a->issuer, b->issuer) && slice_equal(a->issuer_key, b->issuer_key);
}

static enum status copy_texts(struct senders *senders, struct sender *s)
{
    struct slice *texts[] = {&s->id,     &s->issuer,    &s->issuer_key,
                             &s->tenant, &s->name.text, &s->formats};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (arena_copy(&senders->arena, *texts[i], texts[i]) != STATUS_OK)
            return STATUS_NO_MEMORY;
    return STATUS_OK;
}

static void put_in_cells(struct senders *senders, struct entry *e, struct entry *by_name)
{
    struct entry **cell = &senders->ids[id_cell(senders, e->sender.id)];
    e->next_of_cell = *cell;
    *cell = e;
    senders->entries[senders->count++] = e;
    if (e->sender.name.has_wildcard) {
        senders->wildcards[senders->wildcard_count++] = e;
        return;
    }
    *by_name = *e;
    cell = &senders->names[cell_of(senders, e->sender.name.source, e->sender.name.text)];
    by_name->next_of_cell = *cell;
    *cell = by_name;
}

static enum status add(struct senders *senders, const struct sender *sender,
                       struct credential_problem *problem)
{
    if (senders->count == SENDERS_MAX)
        return credential_problem(problem, NULL, "more than %d senders", SENDERS_MAX);
    if (sender->name.has_wildcard && senders->wildcard_count == SENDERS_WILDCARDS_MAX)
        return credential_problem(problem, NULL, "more than %d names with *",
                                  SENDERS_WILDCARDS_MAX);
    if (has_id(senders, sender->id))
        return credential_problem(problem, NULL, "its id is used in an earlier line too");
    size_t cell = cell_of(senders, sender->name.source, sender->name.text);
    for (struct entry *e = senders->names[cell]; e; e = e->next_of_cell)
        if (is_same_name(&e->sender, sender))
            return credential_problem(problem, NULL,
                                      "its issuer and name are used in an earlier line");
    struct entry *entries = arena_alloc(&senders->arena, 2 * sizeof *entries);
    if (!entries)
        return STATUS_NO_MEMORY;
    entries[0].sender = *sender;
    if (copy_texts(senders, &entries[0].sender) != STATUS_OK)
        return STATUS_NO_MEMORY;
    put_in_cells(senders, &entries[0], &entries[1]);
    return STATUS_OK;
}

static enum status read_line(void *arg, const struct json_document *d,
                             struct credential_problem *problem)
{
    struct senders *senders = senders_cast(arg);
    struct line line = {0};
    enum status s = STATUS_OK;
    for (size_t k = 1; s == STATUS_OK && k < d->count; k += d->nodes[k].span)
        s = read_member(senders, &d->nodes[k], &line, problem);
    if (s == STATUS_OK && !(line.has_id && line.has_issuer && line.has_name && line.has_tenant))
        s = credential_problem(problem, NULL, "id, issuer, name and tenant are required");
    if (s == STATUS_OK)
        s = add(senders, &line.sender, problem);
    if (s != STATUS_OK)
        vehicle_set_release(line.sender.vehicles);
    return s;
}

static struct senders *create(struct problem *problem)
{
    struct senders *senders = (struct senders *)calloc(1, sizeof *senders);
    problem_say(problem, "%s", status_text(STATUS_NO_MEMORY));
    if (!senders)
        return NULL;
    arena_init(&senders->arena, MEMORY_MAX);
    senders->magic = SENDERS_MAGIC;
    random_bytes(senders->seed, sizeof senders->seed);
    return senders;
}

/* Gives what was read without a mistake. */
static enum status give(struct senders *senders, enum status s, struct senders **out)
{
    if (s == STATUS_OK)
        *out = senders;
    else
        senders_destroy(senders);
    return s;
}

enum status senders_parse(struct slice text, struct senders **out, struct problem *problem)
{
    struct senders *senders = create(problem);
    return give(senders,
                senders ? credential_lines(text, read_line, senders, problem) : STATUS_NO_MEMORY,
                out);
}

enum status senders_load(const char *path, struct senders **out, struct problem *problem)
{
    thread_assert_not(THREAD_WORKER);
    struct senders *senders = create(problem);
    return give(
        senders,
        senders ? credential_file_read(path, read_line, senders, problem) : STATUS_NO_MEMORY, out);
}

/* What has been found so far. */
struct search {
    const struct http_peer *peer;
    const struct sender *found;
    bool several;
};

static void try(struct search *search, const struct sender *sender, struct slice name)
{
    uint8_t unused[VIN_BYTES];
    if (!slice_equal(sender->issuer, search->peer->issuer) ||
        (sender->issuer_key.size && !slice_equal(sender->issuer_key, search->peer->issuer_key)) ||
        name_pattern_match(&sender->name, name, unused) != NAME_MATCHES)
        return;
    search->several |= search->found && !slice_equal(search->found->id, sender->id);
    search->found = sender;
}

static void try_names(const struct senders *senders, struct search *search, enum name_source source,
                      const struct slice_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        struct slice name = names->items[i];
        for (struct entry *e = senders->names[cell_of(senders, source, name)]; e;
             e = e->next_of_cell)
            if (e->sender.name.source == source)
                try(search, &e->sender, name);
        for (size_t k = 0; k < senders->wildcard_count; k++)
            if (senders->wildcards[k]->sender.name.source == source)
                try(search, &senders->wildcards[k]->sender, name);
    }
}

enum status senders_find(const struct senders *senders, const struct http_peer *peer,
                         const struct sender **out)
{
    struct search search = {.peer = peer};
    if (!senders)
        return STATUS_NOT_FOUND;
    try_names(senders, &search, NAME_SAN_URI, &peer->san_uri);
    try_names(senders, &search, NAME_SAN_DNS, &peer->san_dns);
    try_names(senders, &search, NAME_SUBJECT_CN, &peer->subject_cns);
    if (search.several)
        return STATUS_CONFLICT;
    if (!search.found)
        return STATUS_NOT_FOUND;
    *out = search.found;
    return STATUS_OK;
}
