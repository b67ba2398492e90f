/* config_value.h: one setting's value from text to its type and back. Thread: any. */
#ifndef VSOC_SERVER_CONFIG_VALUE_H
#define VSOC_SERVER_CONFIG_VALUE_H

#include "core/log/problem.h"
#include "core/status.h"
#include "server/config/config_table.h"

struct writer;

/* Reads text (NULL: null) as a TEXT, BOOL, UINT, SIZE, DURATION or ENUM row into its member of
 * config; TEXT is copied into config's arena. On WRONG_TYPE, OUT_OF_RANGE or NO_MEMORY the member
 * is unchanged and problem has the valid values ("must be …"). */
enum status config_value_parse(const struct config_row *row, const char *text,
                               struct config *config, struct problem *problem) must_check;
/* UTF-8 without control characters and line ends; lines true: line feeds and tabs may be in it. */
bool config_text_is_plain(const char *text, bool lines);
/* Appends to a LIST row. WRONG_TYPE: not plain; TOO_MANY, NO_MEMORY. */
enum status config_list_add(const struct config_row *row, const char *text,
                            struct config *config) must_check;
/* Sets an entry of a MAP row; value NULL removes it; it may have lines (a PEM text). WRONG_TYPE:
 * not plain; TOO_MANY, NO_MEMORY. */
enum status config_map_set(const struct config_row *row, const char *name, const char *value,
                           struct config *config) must_check;
/* True if both are equal. */
bool config_value_equal(const struct config_row *row, const struct config *a,
                        const struct config *b);
/* The word of an ENUM row at this place; "" when the row has no such word. */
const char *config_word(const struct config_row *row, unsigned place, char *buffer, size_t size);
/* Longest word of an ENUM row and its 0. */
#define CONFIG_WORD_BYTES 64
/* hec.ack in force, as a word; buffer. */
const char *config_hec_ack_word(const struct config *config, char buffer[CONFIG_WORD_BYTES]);
/* Bytes or nanoseconds with the largest exact unit: "64MiB", "75s". */
void config_size_write(uint64_t bytes, struct writer *out);
void config_duration_write(uint64_t ns, struct writer *out);
/* A number of the row: as its unit wants it, plain for a kind without one. */
void config_number_write(const struct config_row *row, uint64_t v, struct writer *out);

#endif
