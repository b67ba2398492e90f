/* catalog_unknown.c: counts of ids without a row. Any thread. The tables are short and searched
 * linearly. */
#include "parsers/catalog/catalog_unknown.h"
#include "core/utf8.h"
#include "core/hash.h"

#include <pthread.h>
#include <stdlib.h>

#define KEY_BYTES (CATALOG_UNKNOWN_TENANT + CATALOG_UNKNOWN_FORMAT + CATALOG_UNKNOWN_ID)

struct key {
    uint16_t tenant, format, id; /* sizes of the three texts */
    uint8_t bytes[KEY_BYTES];
};

/* What is copied for a reader. */
struct counts {
    uint64_t total;
    size_t used;
    uint64_t hashes[CATALOG_UNKNOWN_IDS];
    uint64_t counts[CATALOG_UNKNOWN_IDS];
    uint64_t errors[CATALOG_UNKNOWN_IDS]; /* of counts: what it took over from the id before it */
    struct key keys[CATALOG_UNKNOWN_IDS];
};

struct catalog_unknown {
    pthread_mutex_t lock; /* guards counts */
    uint64_t seed[2];
    struct counts now;
};

struct catalog_unknown *catalog_unknown_create(void)
{
    struct catalog_unknown *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    pthread_mutex_init(&u->lock, NULL);
    random_bytes(u->seed, sizeof u->seed);
    return u;
}

void catalog_unknown_destroy(struct catalog_unknown *u)
{
    if (!u)
        return;
    pthread_mutex_destroy(&u->lock);
    free(u);
}

/* ---- counting ---- */

static struct slice key_bytes(const struct key *key)
{
    return slice_make(key->bytes, (size_t)key->tenant + key->format + key->id);
}

static uint16_t add(struct key *key, size_t *at, struct slice text, size_t max)
{
    text = utf8_cut(text, max);
    if (text.size)
        memcpy(key->bytes + *at, text.data, text.size);
    *at += text.size;
    return (uint16_t)text.size;
}

static void make_key(struct key *key, struct slice tenant, struct slice format, struct slice id)
{
    size_t at = 0;
    key->tenant = add(key, &at, tenant, CATALOG_UNKNOWN_TENANT);
    key->format = add(key, &at, format, CATALOG_UNKNOWN_FORMAT);
    key->id = add(key, &at, id, CATALOG_UNKNOWN_ID);
}

static bool same_key(const struct key *a, const struct key *b)
{
    return a->tenant == b->tenant && a->format == b->format &&
           slice_equal(key_bytes(a), key_bytes(b));
}

static size_t place_of(const struct counts *c, uint64_t hash, const struct key *key)
{
    size_t i = 0;
    while (i < c->used && !(c->hashes[i] == hash && same_key(&c->keys[i], key)))
        i++;
    return i;
}

static size_t least(const struct counts *c)
{
    size_t found = 0;
    for (size_t i = 1; i < c->used; i++)
        if (c->counts[i] < c->counts[found])
            found = i;
    return found;
}

/* A new id replaces the rarest one and may have occurred as often as that. */
static size_t make_place(struct counts *c, uint64_t hash, const struct key *key)
{
    size_t i = c->used < CATALOG_UNKNOWN_IDS ? c->used++ : least(c);
    c->hashes[i] = hash;
    c->errors[i] = c->counts[i];
    memcpy(&c->keys[i], key, offsetof(struct key, bytes) + key_bytes(key).size);
    return i;
}

void catalog_unknown_count(struct catalog_unknown *u, struct slice tenant, struct slice format,
                           struct slice id)
{
    struct key key;
    make_key(&key, tenant, format, id);
    uint64_t hash = hash_keyed(u->seed, key_bytes(&key));
    pthread_mutex_lock(&u->lock);
    struct counts *c = &u->now;
    size_t i = place_of(c, hash, &key);
    if (i == c->used)
        i = make_place(c, hash, &key);
    c->counts[i]++;
    c->total++;
    pthread_mutex_unlock(&u->lock);
}

void catalog_unknown_reset(struct catalog_unknown *u)
{
    pthread_mutex_lock(&u->lock);
    memset(&u->now, 0, sizeof u->now);
    pthread_mutex_unlock(&u->lock);
}

uint64_t catalog_unknown_total(struct catalog_unknown *u)
{
    pthread_mutex_lock(&u->lock);
    uint64_t total = u->now.total;
    pthread_mutex_unlock(&u->lock);
    return total;
}

/* ---- reading ---- */

/* One id of one table. */
struct entry {
    const struct key *key;
    uint64_t count, error;
    uint64_t floor; /* of its table: an upper bound for the count of an id that is not in it */
};

static uint64_t floor_of(const struct counts *c)
{
    return c->used < CATALOG_UNKNOWN_IDS ? 0 : c->counts[least(c)];
}

static int by_key(const void *left, const void *right)
{
    const struct key *a = ((const struct entry *)left)->key,
                     *b = ((const struct entry *)right)->key;
    struct slice x = key_bytes(a), y = key_bytes(b);
    if (a->tenant != b->tenant)
        return a->tenant < b->tenant ? -1 : 1;
    if (a->format != b->format)
        return a->format < b->format ? -1 : 1;
    if (x.size != y.size)
        return x.size < y.size ? -1 : 1;
    return memcmp(x.data, y.data, x.size);
}

static int by_count(const void *left, const void *right)
{
    const struct catalog_unknown_item *a = left, *b = right;
    return a->count < b->count ? 1 : a->count > b->count ? -1 : 0;
}

static struct catalog_unknown_item item_of(const struct key *k)
{
    return (struct catalog_unknown_item){
        .tenant = slice_make(k->bytes, k->tenant),
        .format = slice_make(k->bytes + k->tenant, k->format),
        .id = slice_make(k->bytes + k->tenant + k->format, k->id),
    };
}

/* Entries of one id are adjacent. A table without the id may have counted it up to floor times. */
static void add_up(struct catalog_unknown_list *list, const struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count;) {
        struct catalog_unknown_item *item = &list->items[list->count++];
        const struct key *key = entries[i].key;
        uint64_t elsewhere = list->others_at_most;
        *item = item_of(key);
        for (; i < count && same_key(entries[i].key, key); i++) {
            item->count += entries[i].count;
            item->error += entries[i].error;
            elsewhere -= entries[i].floor;
        }
        item->count += elsewhere;
        item->error += elsewhere;
    }
}

static void keep_most_frequent(struct catalog_unknown_list *list)
{
    qsort(list->items, list->count, sizeof *list->items, by_count);
    if (list->count <= CATALOG_UNKNOWN_IDS)
        return;
    list->count = CATALOG_UNKNOWN_IDS;
    if (list->others_at_most < list->items[list->count].count)
        list->others_at_most = list->items[list->count].count;
}

static size_t collect(const struct counts *tables, size_t table_count, struct entry *entries,
                      struct catalog_unknown_list *list)
{
    size_t count = 0;
    for (size_t t = 0; t < table_count; t++) {
        const struct counts *c = &tables[t];
        uint64_t floor = floor_of(c);
        list->total += c->total;
        list->others_at_most += floor;
        for (size_t i = 0; i < c->used; i++)
            entries[count++] = (struct entry){&c->keys[i], c->counts[i], c->errors[i], floor};
    }
    return count;
}

enum status catalog_unknown_list(struct catalog_unknown *const *tables, size_t table_count,
                                 struct catalog_unknown_list *out)
{
    size_t most = table_count * CATALOG_UNKNOWN_IDS + 1;
    struct counts *copies = calloc(table_count + 1, sizeof *copies);
    struct entry *entries = calloc(most, sizeof *entries);
    struct catalog_unknown_list list = {.items = calloc(most, sizeof *list.items),
                                        .memory = copies};
    if (!copies || !entries || !list.items) {
        free(entries);
        catalog_unknown_list_fini(&list);
        return STATUS_NO_MEMORY;
    }
    for (size_t t = 0; t < table_count; t++) {
        pthread_mutex_lock(&tables[t]->lock);
        copies[t] = tables[t]->now;
        pthread_mutex_unlock(&tables[t]->lock);
    }
    size_t count = collect(copies, table_count, entries, &list);
    qsort(entries, count, sizeof *entries, by_key);
    add_up(&list, entries, count);
    free(entries);
    keep_most_frequent(&list);
    *out = list;
    return STATUS_OK;
}

void catalog_unknown_list_fini(struct catalog_unknown_list *list)
{
    free(list->items);
    free(list->memory);
}
