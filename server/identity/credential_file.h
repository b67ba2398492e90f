/* credential_file.h: reads sender and token files: one JSON object per line, `#` comments, and the
 * members that both have. Thread: not a worker. */
#ifndef VSOC_SERVER_CREDENTIAL_FILE_H
#define VSOC_SERVER_CREDENTIAL_FILE_H

#include "core/log/problem.h"
#include "core/arena.h"
#include "core/json/json.h"
#include "server/identity/vehicle_set.h"

#define CREDENTIAL_FORMATS_MAX  1024
#define CREDENTIAL_VEHICLES_MAX 100000 /* of one line */

/* What is wrong with a line. */
struct credential_problem {
    const uint8_t *at; /* in the line; NULL: the line as a whole */
    char text[160];
};

/* Reads the object of one line. CONFIG with *problem; NO_MEMORY. */
typedef enum status (*credential_line)(void *arg, const struct json_document *object,
                                       struct credential_problem *problem);

/* Calls `line` for every object. CONFIG with "line 3, column 9: …" (or "line 3: …") in
 * *reason; NO_MEMORY. */
enum status credential_lines(struct slice text, credential_line line, void *arg,
                             struct problem *problem) must_check;
/* Records a problem and returns CONFIG. node NULL: the whole line. */
enum status credential_problem(struct credential_problem *problem, const struct json_node *node,
                               const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Letters, digits and the characters in more; at most max bytes. */
bool credential_is_word(struct slice text, const char *more, size_t max);
/* Names separated by single commas; empty: all. */
bool credential_is_formats(struct slice text);
/* A text with at least one byte. */
bool credential_read_text(const struct json_node *node, struct slice *out);
/* A number from 0 to 1,000,000,000. */
bool credential_read_count(const struct json_node *node, uint64_t *out);
/* ["a","b"], not empty, → "a,b" in the arena; NULL arena memory counts as no list. */
bool credential_read_list(struct arena *arena, const struct json_node *node, struct slice *out);
/* ["1M8*","VIN"], not empty. CONFIG with *problem, NO_MEMORY. */
enum status credential_read_vehicles(struct arena *arena, const struct json_node *node,
                                     struct vehicle_set **out,
                                     struct credential_problem *problem) must_check;
/* The same for "1M8*,VIN". OUT_OF_RANGE, TOO_MANY, NO_MEMORY. */
enum status credential_vehicles(struct slice list, struct vehicle_set **out) must_check;

/* The same for the lines of a file; IO and the like too, with *problem. Thread: not a worker. */
enum status credential_file_read(const char *path, credential_line line, void *arg,
                                 struct problem *problem) must_check;

#endif
