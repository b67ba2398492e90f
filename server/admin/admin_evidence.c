/* admin_evidence.c: the transparency tree for those who check it: the newest signed head, older
 * ones, and tiles, under the paths of c2sp.org/tlog-tiles. Main thread's loop. Reads files of a few
 * kilobytes; signs nothing. */
#include "server/daemon/app_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/reasons/refusal.h"
#include "storage/evidence/evidence.h"
#include "storage/evidence/formats/tile_path.h"
#include "storage/evidence/heads_json.h"
#include "storage/evidence/tree.h"

#define CHECKPOINT_ROUTE "/evidence/checkpoint"
#define HEADS_ROUTE      "/evidence/heads"
#define TILE_ROUTE       "/evidence/tile"
#define BODY_LIMIT       ((size_t)16 << 20)
#define HEADS_DEFAULT    100
#define HEADS_MOST       1000

static void refuse(struct http_exchange *x, enum refusal_reason reason, const char *why,
                   const char *route)
{
    struct refusal refusal;
    refusal_say(&refusal, reason, "%s", why);
    http_problem(x, &refusal, route);
}

void admin_checkpoint(struct app *app, struct http_exchange *x)
{
    struct writer note;
    const struct http_reply_header fresh = {"Cache-Control", "no-cache"};
    writer_init(&note, BODY_LIMIT);
    if (evidence_newest(app->evidence, &note))
        http_reply(x, 200, "text/plain; charset=utf-8", writer_slice(&note), &fresh, 1,
                   CHECKPOINT_ROUTE);
    else
        refuse(x, REFUSAL_not_found, "no head is signed yet", CHECKPOINT_ROUTE);
    writer_fini(&note);
}

/* The entries of a tile, if the newest head covers all of them. */
static enum status read_tile(struct app *app, const struct tile_path *path,
                             uint8_t (*hashes)[MERKLE_HASH_BYTES])
{
    char dir[4300];
    struct evidence_state state;
    struct evidence_tree *tree;
    evidence_state(app->evidence, &state);
    if (path->level >= EVIDENCE_LEVELS)
        return STATUS_NOT_FOUND;
    uint64_t covered = state.head_size >> (TILE_HEIGHT * path->level);
    if (path->index > covered / TILE_WIDTH || path->index * TILE_WIDTH + path->width > covered)
        return STATUS_NOT_FOUND;
    snprintf(dir, sizeof dir, "%s/evidence/tree", app->config->data_dir);
    enum status status = evidence_tree_open(dir, false, &tree);
    if (status != STATUS_OK)
        return status;
    status = evidence_tree_read(tree, path->level, path->index * TILE_WIDTH, path->width, hashes);
    evidence_tree_close(tree);
    return status;
}

void admin_tile(struct app *app, struct http_exchange *x)
{
    uint8_t hashes[TILE_WIDTH][MERKLE_HASH_BYTES];
    struct tile_path path;
    const struct http_reply_header keep = {"Cache-Control", "public, max-age=31536000, immutable"};
    enum status status =
        tile_path_parse(slice_sub(http_path(x), sizeof ADMIN_TILES - 1, SIZE_MAX), &path);
    if (status == STATUS_OK)
        status = read_tile(app, &path, hashes);
    if (status == STATUS_OK)
        http_reply(x, 200, "application/octet-stream",
                   slice_make(hashes, (size_t)path.width * MERKLE_HASH_BYTES), &keep, 1,
                   TILE_ROUTE);
    else
        refuse(x, REFUSAL_not_found,
               "no such tile in the newest head; tiles are <level>/<index>[.p/<width>], see "
               "c2sp.org/tlog-tiles",
               TILE_ROUTE);
}

/* --- heads ---------------------------------------------------------------------------------- */

#define PAGE_MAGIC 0x50414745U

struct page {
    unsigned magic; /* PAGE_MAGIC */
    struct writer w;
};

OBJECT_CAST(page, PAGE_MAGIC)

static void write_head(void *arg, const struct evidence_head *head)
{
    struct writer *w = &page_cast(arg)->w;
    writer_text(w, w->data[w->size - 1] == '[' ? "\n " : ",\n ");
    evidence_head_write_json(w, head);
}

/* A number of the query; false: it is none. */
static bool read_number(struct slice query, const char *name, uint64_t *value)
{
    char text[24];
    while (query.size) {
        const uint8_t *end = slice_find_byte(query, '&');
        struct slice pair = slice_sub(query, 0, end ? (size_t)(end - query.data) : query.size);
        query = slice_sub(query, pair.size + 1, SIZE_MAX);
        if (!slice_starts_with(pair, name) || pair.size <= strlen(name) ||
            pair.data[strlen(name)] != '=')
            continue;
        struct slice digits = slice_sub(pair, strlen(name) + 1, SIZE_MAX);
        if (!digits.size || digits.size > 19)
            return false;
        for (size_t i = 0; i < digits.size; i++)
            if (digits.data[i] < '0' || digits.data[i] > '9')
                return false;
        snprintf(text, sizeof text, "%.*s", SLICE_ARGS(digits));
        *value = strtoull(text, NULL, 10);
    }
    return true;
}

void admin_heads(struct app *app, struct http_exchange *x)
{
    char dir[4300];
    struct page page = {.magic = PAGE_MAGIC};
    uint64_t limit = HEADS_DEFAULT, below = UINT64_MAX;
    if (!read_number(http_query(x), "limit", &limit) ||
        !read_number(http_query(x), "below", &below) || !limit || limit > HEADS_MOST) {
        refuse(x, REFUSAL_bad_query, "limit is 1 to 1000, below a number of records", HEADS_ROUTE);
        return;
    }
    snprintf(dir, sizeof dir, "%s/evidence", app->config->data_dir);
    writer_init(&page.w, BODY_LIMIT);
    writer_text(&page.w, "{\"heads\":[");
    enum status status = evidence_heads_recent(dir, below, (size_t)limit, write_head, &page);
    writer_text(&page.w, "]}\n");
    if (status == STATUS_OK && page.w.status == STATUS_OK)
        http_reply(x, 200, "application/json", writer_slice(&page.w), NULL, 0, HEADS_ROUTE);
    else
        refuse(x, REFUSAL_spool_failed, "stored heads can't be read", HEADS_ROUTE);
    writer_fini(&page.w);
}

void admin_describe_evidence(struct app *app, struct writer *w)
{
    struct evidence_state s;
    evidence_state(app->evidence, &s);
    writer_format(w, "evidence %s leaves %llu head %llu",
                  s.trouble == EVIDENCE_FINE      ? "signed"
                  : s.trouble == EVIDENCE_REFUSED ? "REFUSED"
                                                  : "WAITS",
                  (unsigned long long)s.leaves, (unsigned long long)s.head_size);
    writer_format(w, "%s%s\n", s.trouble == EVIDENCE_FINE ? "" : ": ", s.problem);
}
