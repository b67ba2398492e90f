/* json_paths.h: members of a JSON object by their path. "source.ip" is the member ip of the member
 * source, and a member whose key is "source.ip". Thread: any, one owner. */
#ifndef VSOC_PARSERS_JSON_PATHS_H
#define VSOC_PARSERS_JSON_PATHS_H

#include "core/json/json_names.h"
#include "parsers/fill/text_event.h"

#define JSON_PATH_BYTES 64 /* longer paths, and those of more parts, are not matched */
#define JSON_PATH_DEPTH 5

/* Meaning of a path for the event. take: true when a column holds the whole value; otherwise the
 * value is kept in attributes. */
struct json_path_row {
    const char *path;
    enum event_field field;
    bool (*take)(struct text_event *t, enum event_field field, const struct json_node *value);
};

/* Rows of one kind of object; when several fill one column, the first that succeeds counts. */
struct json_path_table {
    const struct json_path_row *rows;
    size_t count;            /* at most JSON_NAMES_MAX */
    struct json_names names; /* number of a path: that of its row + 1 */
};

/* Fills names. Each path occurs in one row. Runs before main. */
void json_paths_init(struct json_path_table *table, const struct json_path_row *rows, size_t count);
/* Gives each row its value, in the order of the rows, and puts what no column holds into
 * t->attributes, under its original path. In time linear in the document. */
void json_paths_take(struct text_event *t, const struct json_path_table *table,
                     const struct json_document *document);

#endif
