/* json_paths.c: finds members by path and removes them from an object. Pure, any thread. Has no
 * paths of its own. */
#include "parsers/formats/json/json_paths.h"
#include "core/thread.h"

void json_paths_init(struct json_path_table *table, const struct json_path_row *rows, size_t count)
{
    ensure(count <= JSON_NAMES_MAX);
    table->rows = rows;
    table->count = count;
    for (size_t i = 0; i < count; i++)
        json_names_add(&table->names, rows[i].path, (unsigned)i + 1);
}

/* ---- search ---- */

/* State of the walk: the open objects, and the path to the innermost. */
struct walk {
    size_t depth;
    size_t ends[JSON_PATH_DEPTH];  /* node after the object */
    size_t sizes[JSON_PATH_DEPTH]; /* of its path */
    uint8_t path[JSON_PATH_BYTES];
};

/* Path of a member of the innermost object; empty when it is too long. */
static struct slice path_of(struct walk *w, struct slice key)
{
    size_t size = w->sizes[w->depth - 1];
    if (size + 1 + key.size > sizeof w->path || !key.size)
        return SLICE_EMPTY;
    if (!size)
        return key;
    w->path[size++] = '.';
    memcpy(w->path + size, key.data, key.size);
    return slice_make(w->path, size + key.size);
}

/* values[n]: the first member whose path has the number n, when there has its bit. */
struct found {
    uint64_t there[2];
    const struct json_node *values[JSON_NAMES_MAX + 1];
};
_Static_assert(JSON_NAMES_MAX < 128, "each number has a bit");

static void find(const struct json_names *names, const struct json_document *document,
                 struct found *found)
{
    struct walk w = {.depth = 1, .ends = {document->count}};
    const struct json_node *nodes = document->nodes;
    for (size_t k = 1; k < document->count;) {
        while (k >= w.ends[w.depth - 1])
            w.depth--;
        struct slice path = path_of(&w, nodes[k].key);
        unsigned number = path.size ? json_names_find(names, path) : 0;
        uint64_t *there = &found->there[number / 64], bit = UINT64_C(1) << number % 64;
        if (number && !(*there & bit)) {
            found->values[number] = &nodes[k];
            *there |= bit;
        }
        bool goes_in = path.size && nodes[k].type == JSON_OBJECT && nodes[k].span > 1 &&
                       w.depth < JSON_PATH_DEPTH;
        if (goes_in) {
            if (w.depth == 1)
                memcpy(w.path, path.data, path.size);
            w.ends[w.depth] = k + nodes[k].span;
            w.sizes[w.depth++] = path.size;
        }
        k += goes_in ? 1 : nodes[k].span;
    }
}

/* ---- what is left ---- */

/* The taken nodes, in the order of the document. */
struct taken {
    const struct json_node *nodes[JSON_NAMES_MAX];
    size_t count, at; /* at: the next one that was not met */
};

static void taken_add(struct taken *taken, const struct json_node *node)
{
    size_t i = taken->count++;
    for (; i > 0 && taken->nodes[i - 1] > node; i--)
        taken->nodes[i] = taken->nodes[i - 1];
    taken->nodes[i] = node;
}

/* Were all members of the object taken? Its members are the next nodes. */
static bool is_emptied(const struct taken *taken, const struct json_node *object)
{
    size_t at = taken->at;
    for (size_t k = 1; k < object->span; k += object[k].span)
        if (at == taken->count || taken->nodes[at++] != &object[k])
            return false;
    return true;
}

/* Recursion ends at JSON_PATH_DEPTH: only there are taken nodes. */
static void keep_rest(struct json_object *out, struct taken *taken, const struct json_node *object)
{
    for (size_t k = 1; k < object->span; k += object[k].span) {
        const struct json_node *node = &object[k];
        const struct json_node *next =
            taken->at < taken->count ? taken->nodes[taken->at] : node + node->span;
        if (next == node) {
            taken->at++;
        } else if (next > node && next < node + node->span) {
            if (is_emptied(taken, node)) {
                while (taken->at < taken->count && taken->nodes[taken->at] < node + node->span)
                    taken->at++;
                continue;
            }
            json_object_open(out, node->key);
            keep_rest(out, taken, node);
            json_object_close(out);
        } else {
            json_object_add_raw(out, node->key, node->raw);
        }
    }
}

void json_paths_take(struct text_event *t, const struct json_path_table *table,
                     const struct json_document *document)
{
    struct found found;
    struct taken taken;
    taken.count = taken.at = 0;
    found.there[0] = found.there[1] = 0;
    find(&table->names, document, &found);
    for (unsigned word = 0; word < 2; word++)
        for (uint64_t left = found.there[word]; left; left &= left - 1) {
            unsigned number = word * 64 + (unsigned)__builtin_ctzll(left);
            const struct json_path_row *row = &table->rows[number - 1];
            const struct json_node *value = found.values[number];
            if (value->type != JSON_NULL && row->take(t, row->field, value))
                taken_add(&taken, value);
        }
    keep_rest(&t->attributes, &taken, document->nodes);
}
