/* tokens.c: the file of bearer tokens in memory, and the check of a presented token. Reading: main
 * thread; checking: any. Does not read requests (credential.c does) and does not write files
 * (cmd_token.c does). */
#include "server/identity/tokens.h"
#include "core/thread.h"
#include "core/log/problem.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/object.h"
#include "core/arena.h"
#include "core/hex.h"
#include "server/identity/credential_file.h"
#include "server/identity/tenant_name.h"

#define MEMORY_MAX ((size_t)256 << 20)

struct entry {
    struct token token;
    struct entry *next_of_cell;
};

#define TOKENS_MAGIC 0x544f4b4eU

struct tokens {
    unsigned magic; /* TOKENS_MAGIC */
    struct arena arena;
    struct entry **entries;
    struct entry **cells; /* by id, as many as there is room for entries */
    size_t count, room;
};

OBJECT_CAST(tokens, TOKENS_MAGIC)

struct tokens *tokens_create(void)
{
    struct tokens *tokens = calloc(1, sizeof *tokens);
    if (!tokens)
        return NULL;
    arena_init(&tokens->arena, MEMORY_MAX);
    tokens->magic = TOKENS_MAGIC;
    return tokens;
}

void tokens_destroy(struct tokens *tokens)
{
    if (!tokens)
        return;
    for (size_t i = 0; i < tokens->count; i++)
        vehicle_set_release(tokens->entries[i]->token.vehicle_set);
    arena_fini(&tokens->arena);
    free(tokens->entries);
    free(tokens->cells);
    object_end(&tokens->magic);
    free(tokens);
}

size_t tokens_count(const struct tokens *tokens)
{
    return tokens->count;
}

struct token *tokens_at(const struct tokens *tokens, size_t index)
{
    return &tokens->entries[index]->token;
}

static size_t cell_of(const struct tokens *tokens, struct slice id)
{
    static const uint64_t seed[2] = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9};
    return (size_t)(hash_keyed(seed, id) % tokens->room);
}

struct token *tokens_find(const struct tokens *tokens, struct slice id)
{
    struct entry *e = tokens->room ? tokens->cells[cell_of(tokens, id)] : NULL;
    while (e && !slice_equal(e->token.id, id))
        e = e->next_of_cell;
    return e ? &e->token : NULL;
}

static void put_in_cell(struct tokens *tokens, struct entry *e)
{
    struct entry **cell = &tokens->cells[cell_of(tokens, e->token.id)];
    e->next_of_cell = *cell;
    *cell = e;
}

static enum status grow(struct tokens *tokens)
{
    size_t room = tokens->room ? 2 * tokens->room : 16;
    struct entry **entries = realloc(tokens->entries, room * sizeof *entries);
    if (!entries)
        return STATUS_NO_MEMORY;
    tokens->entries = entries;
    struct entry **cells = calloc(room, sizeof *cells);
    if (!cells)
        return STATUS_NO_MEMORY;
    free(tokens->cells);
    tokens->cells = cells;
    tokens->room = room;
    for (size_t i = 0; i < tokens->count; i++)
        put_in_cell(tokens, entries[i]);
    return STATUS_OK;
}

static enum status copy_texts(struct tokens *tokens, struct token *t)
{
    struct slice *texts[] = {&t->id,       &t->tenant,  &t->formats,
                             &t->vehicles, &t->created, &t->revoked};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (arena_copy(&tokens->arena, *texts[i], texts[i]) != STATUS_OK)
            return STATUS_NO_MEMORY;
    return STATUS_OK;
}

enum status tokens_add(struct tokens *tokens, const struct token *token)
{
    if (!token->id.size || !credential_is_word(token->id, "-_", TOKEN_ID_MAX) ||
        !tenant_name_is_valid(token->tenant) || !credential_is_formats(token->formats))
        return STATUS_OUT_OF_RANGE;
    if (tokens_find(tokens, token->id))
        return STATUS_EXISTS;
    if (tokens->count == tokens->room && grow(tokens) != STATUS_OK)
        return STATUS_NO_MEMORY;
    struct entry *e = arena_alloc(&tokens->arena, sizeof *e);
    if (!e)
        return STATUS_NO_MEMORY;
    e->token = *token;
    e->token.vehicle_set = NULL;
    if (copy_texts(tokens, &e->token) != STATUS_OK)
        return STATUS_NO_MEMORY;
    enum status s = STATUS_OK;
    if (token->vehicles.size)
        s = credential_vehicles(e->token.vehicles, &e->token.vehicle_set);
    if (s != STATUS_OK)
        return s == STATUS_NO_MEMORY ? s : STATUS_OUT_OF_RANGE;
    tokens->entries[tokens->count++] = e;
    put_in_cell(tokens, e);
    return STATUS_OK;
}

static bool read_hex(struct slice text, uint8_t *out, size_t size)
{
    if (text.size != 2 * size)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        int digit = hex_digit_value(text.data[i]);
        if (digit < 0)
            return false;
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | digit : digit << 4);
    }
    return true;
}

static bool read_member(struct tokens *tokens, const struct json_node *node, struct token *t)
{
    struct slice key = node->key, hex = node->type == JSON_STRING ? node->text : SLICE_EMPTY;
    if (slice_equal_text(key, "id"))
        return credential_read_text(node, &t->id);
    if (slice_equal_text(key, "tenant"))
        return credential_read_text(node, &t->tenant);
    if (slice_equal_text(key, "salt"))
        return read_hex(hex, t->salt, sizeof t->salt);
    if (slice_equal_text(key, "hash"))
        return read_hex(hex, t->hash, sizeof t->hash);
    if (slice_equal_text(key, "formats"))
        return credential_read_list(&tokens->arena, node, &t->formats);
    if (slice_equal_text(key, "vehicles"))
        return credential_read_list(&tokens->arena, node, &t->vehicles);
    if (slice_equal_text(key, "events_per_second"))
        return credential_read_count(node, &t->events_per_second);
    if (slice_equal_text(key, "burst"))
        return credential_read_count(node, &t->burst);
    if (slice_equal_text(key, "created"))
        return credential_read_text(node, &t->created);
    return slice_equal_text(key, "revoked") && credential_read_text(node, &t->revoked);
}

static enum status read_line(void *arg, const struct json_document *d,
                             struct credential_problem *problem)
{
    struct tokens *tokens = tokens_cast(arg);
    struct token t = {0};
    for (size_t k = 1; k < d->count; k += d->nodes[k].span)
        if (!read_member(tokens, &d->nodes[k], &t))
            return credential_problem(problem, &d->nodes[k],
                                      "'%.*s' is not a member of a token or has a wrong value",
                                      (int)(d->nodes[k].key.size < 32 ? d->nodes[k].key.size : 32),
                                      (const char *)d->nodes[k].key.data);
    if (!json_find(d, 0, "salt") || !json_find(d, 0, "hash"))
        return credential_problem(problem, NULL, "'salt' and 'hash' are required");
    enum status s = tokens_add(tokens, &t);
    if (s == STATUS_EXISTS)
        return credential_problem(problem, NULL, "its id is used in an earlier line too");
    if (s == STATUS_OUT_OF_RANGE)
        return credential_problem(problem, NULL,
                                  "'id' and 'tenant' are required; an id has letters, digits, - "
                                  "and _; vehicles are VINs, or prefixes such as 1M8*");
    return s;
}

/* Gives what was read without a mistake. */
static enum status give(struct tokens *tokens, enum status s, struct tokens **out)
{
    if (s == STATUS_OK)
        *out = tokens;
    else
        tokens_destroy(tokens);
    return s;
}

enum status tokens_parse(struct slice text, struct tokens **out, struct problem *problem)
{
    struct tokens *tokens = tokens_create();
    problem_say(problem, "%s", status_text(STATUS_NO_MEMORY));
    return give(tokens,
                tokens ? credential_lines(text, read_line, tokens, problem) : STATUS_NO_MEMORY,
                out);
}

enum status tokens_load(const char *path, struct tokens **out, struct problem *problem)
{
    thread_assert_not(THREAD_WORKER);
    struct tokens *tokens = tokens_create();
    problem_say(problem, "%s", status_text(STATUS_NO_MEMORY));
    return give(tokens,
                tokens ? credential_file_read(path, read_line, tokens, problem) : STATUS_NO_MEMORY,
                out);
}

static void write_list(struct writer *w, const char *name, struct slice list)
{
    writer_format(w, ",\"%s\":[\"", name);
    for (size_t i = 0; i < list.size; i++)
        if (list.data[i] == ',')
            writer_text(w, "\",\"");
        else
            writer_u8(w, list.data[i]);
    writer_text(w, "\"]");
}

static void write_time(struct writer *w, const char *name, struct slice time)
{
    if (!time.size)
        return;
    writer_format(w, ",\"%s\":", name);
    writer_json_string(w, time);
}

static void write_token(struct writer *w, const struct token *t)
{
    writer_text(w, "{\"id\":");
    writer_json_string(w, t->id);
    writer_text(w, ",\"tenant\":");
    writer_json_string(w, t->tenant);
    writer_text(w, ",\"salt\":\"");
    writer_hex(w, slice_make(t->salt, sizeof t->salt));
    writer_text(w, "\",\"hash\":\"");
    writer_hex(w, slice_make(t->hash, sizeof t->hash));
    writer_text(w, "\"");
    if (t->formats.size)
        write_list(w, "formats", t->formats);
    if (t->vehicles.size)
        write_list(w, "vehicles", t->vehicles);
    if (t->events_per_second)
        writer_format(w, ",\"events_per_second\":%llu", (unsigned long long)t->events_per_second);
    if (t->burst)
        writer_format(w, ",\"burst\":%llu", (unsigned long long)t->burst);
    write_time(w, "created", t->created);
    write_time(w, "revoked", t->revoked);
    writer_text(w, "}\n");
}

void tokens_write(const struct tokens *tokens, struct writer *out)
{
    for (size_t i = 0; i < tokens->count; i++)
        write_token(out, tokens_at(tokens, i));
}

static void hash_secret(const struct token *t, struct slice secret, uint8_t hash[SHA256_BYTES])
{
    struct sha256_prefix salt;
    sha256_prefix_init(&salt, slice_make(t->salt, sizeof t->salt));
    sha256_prefix_finish(&salt, secret, hash);
}

enum status tokens_check(const struct tokens *tokens, struct slice shown, const struct token **out)
{
    const uint8_t *dot = slice_find_byte(shown, '.');
    size_t id = dot ? (size_t)(dot - shown.data) : shown.size;
    const struct token *t = tokens_find(tokens, slice_sub(shown, 0, id));
    if (!dot || !t)
        return STATUS_NOT_FOUND;
    uint8_t hash[SHA256_BYTES];
    unsigned difference = 0;
    hash_secret(t, slice_sub(shown, id + 1, shown.size), hash);
    for (size_t i = 0; i < sizeof hash; i++)
        difference |= hash[i] ^ t->hash[i];
    if (difference)
        return STATUS_NOT_FOUND;
    *out = t;
    return t->revoked.size ? STATUS_REFUSED : STATUS_OK;
}

void token_renew(struct token *token, char secret[2 * TOKEN_SECRET_BYTES + 1])
{
    uint8_t bytes[TOKEN_SECRET_BYTES];
    random_bytes(bytes, sizeof bytes);
    random_bytes(token->salt, sizeof token->salt);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(secret + 2 * i, 3, "%02x", bytes[i]);
    hash_secret(token, slice_make(secret, 2 * sizeof bytes), token->hash);
}

bool token_formats_allow(struct slice formats, struct slice format)
{
    bool allowed = !formats.size;
    while (!allowed && formats.size) {
        const uint8_t *comma = memchr(formats.data, ',', formats.size);
        size_t size = comma ? (size_t)(comma - formats.data) : formats.size;
        allowed = slice_equal(slice_sub(formats, 0, size), format);
        formats = slice_sub(formats, size + 1, formats.size);
    }
    return allowed;
}
