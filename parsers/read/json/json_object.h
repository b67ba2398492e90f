/* json_object.h: builds the text of one JSON object (attributes) or array (parse_notes) in the
 * memory of a parser's call. Errors are sticky. Thread: any, one owner. */
#ifndef VSOC_PARSERS_JSON_OBJECT_H
#define VSOC_PARSERS_JSON_OBJECT_H

#include "core/reasons/record_code.h"
#include "core/json/json_node.h"
#include "core/writer.h"
#include "parsers/parser.h"

struct json_object {
    const struct parser_context *context;
    struct writer writer; /* over memory from context->alloc; never freed */
    bool failed;          /* out of memory */
    bool cut;             /* a text was, see json_object_write_text */
    size_t more_left;     /* extra bytes that escapes may add */
};

/* Empties *object; allocates no memory yet. Escapes may add as much as the size of the record
 * (more_left), until the caller sets another limit. */
void json_object_init(struct json_object *object, const struct parser_context *context);
/* Adds a member. Keys must be valid UTF-8 and unique; raw is the text of a JSON value, whose white
 * space is removed. */
void json_object_add_raw(struct json_object *object, struct slice key, struct slice raw);
/* True when the text of an object that was read has members and is what adding each of them would
 * write. False: undecided. */
bool json_object_is_written(const struct json_node *object);
/* The same for a value without white space, as these functions write it. */
void json_object_add_compact(struct json_object *object, struct slice key, struct slice raw);
void json_object_add_text(struct json_object *object, struct slice key, struct slice text);
void json_object_add_int(struct json_object *object, struct slice key, int64_t value);
/* Adds the members of another object, whose text was made by these functions. */
void json_object_add_members(struct json_object *object, struct slice text);
/* Starts and ends a member that is an object. */
void json_object_open(struct json_object *object, struct slice key);
void json_object_close(struct json_object *object);
/* Starts and ends a member that is an array of objects; each of them is an open_item and a close.
 */
void json_object_open_list(struct json_object *object, struct slice key);
void json_object_open_item(struct json_object *object);
void json_object_close_list(struct json_object *object);
/* Ensures room for size more bytes in the writer, for callers that write to it directly: moves to a
 * block twice as large when necessary. False: out of memory. */
#define JSON_ESCAPED_MAX 6 /* bytes a byte may take in a JSON string */
bool json_object_reserve(struct json_object *object, size_t size);
/* Writes text as a JSON string; the caller has ensured room. Control characters take up to six
 * bytes each: where the object's escapes would add more than more_left bytes, the text is cut
 * (object->cut), so that no record becomes many times its size. */
void json_object_write_text(struct json_object *object, struct slice text);
/* The whole text in *out, when it has members and no call failed. */
bool json_object_end(struct json_object *object, struct slice *out);

/* Appends {"code":…,"detail":…} to the event's parse_notes. offset: byte of the record, or
 * JSON_NOTE_NO_OFFSET. detail is a static text. False: out of memory. */
#define JSON_NOTE_NO_OFFSET SIZE_MAX
bool json_note_add(const struct parser_context *context, struct event *event, enum record_code code,
                   const char *detail, size_t offset);
/* The same for a reason that may hold a plug-in's own word. */
bool json_note_add_reason(const struct parser_context *context, struct event *event,
                          const struct record_reason *reason, size_t offset);

#endif
