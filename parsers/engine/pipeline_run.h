/* pipeline_run.h: the state of one pipeline_run, common to pipeline.c, pipeline_reject.c and
 * hand_on.c. A built-in parser includes it only to read its envelope. */
#ifndef VSOC_PARSERS_PIPELINE_RUN_H
#define VSOC_PARSERS_PIPELINE_RUN_H

#include "core/reasons/record_code.h"
#include "parsers/engine/id_set.h"
#include "parsers/engine/pipeline_options.h"
#include "parsers/engine/scratch.h"

/* Size of the detail of consecutive rejected records. */
#define REJECT_DETAIL_BYTES 256

/* One running parser: the batch's own, and above it those that bytes were handed on to. */
struct frame {
    const struct parser *parser;
    bool is_plugin;               /* not built in: its output is checked */
    bool uses_json;               /* pipeline_uses_json of the parser */
    struct split_record record;   /* position that the events report */
    struct slice inner;           /* handed on: the record that is read */
    const struct event *envelope; /* the lower frame's values for the events; NULL: none */
    const char *member;           /* name of its attributes in theirs */
    size_t envelope_cost;         /* of repeating it; 0: not known yet */
    uint32_t events;              /* that the envelope was for */
    uint32_t named;               /* of them, those that took their id from it */
    struct frame *below;          /* the frame that handed on; NULL: the batch's own */
};

/* Consecutive rejected records that become one row. */
struct reject_row {
    uint32_t records;    /* 0: no row */
    uint32_t index;      /* of the first one */
    uint64_t start, end; /* in the body */
    const char *parser;
    struct record_reason reason;      /* its sentence is detail */
    char detail[REJECT_DETAIL_BYTES]; /* of the first one */
};

struct run {
    const struct pipeline_options *options;
    struct slice body;
    struct pipeline_result *result;
    struct parser_context context;
    struct id_set ids;
    struct frame own;     /* the batch's parser */
    struct frame *frame;  /* the one at work */
    uint32_t index;       /* of the next item */
    size_t items_by_size; /* that a body of this size may hold */
    enum status status;   /* sticky: TOO_MANY, NO_MEMORY, CLOSED */
    size_t shared_left;   /* budget of what its events may still repeat (shared_text.h) */
    struct scratch scratch;
    struct reject_row row;       /* not reported yet */
    struct registry_hints hints; /* of what was handed on without a format */
};

/* Whether the parser may have a JSON document open while it hands bytes on, or its events' JSON is
 * checked */
static inline bool pipeline_uses_json(const struct parser *parser)
{
    return parser->framing == PARSER_FRAMING_JSON || parser->framing == PARSER_FRAMING_BODY ||
           !registry_is_builtin(parser);
}

/* The parser failed because the process is out of memory. */
static inline bool pipeline_is_starved(const struct parser_outcome *outcome)
{
    return outcome->result == PARSER_MALFORMED && outcome->code &&
           record_code_find(slice_from_text(outcome->code)) == RECORD_out_of_memory;
}

/* The outer format's values for the events that a built-in parser is reading; NULL: there is no
 * outer format, or it has none. */
static inline const struct event *pipeline_envelope(const struct parser_context *context)
{
    const struct run *run = context->server;
    return run->frame->envelope;
}

/* Counts work; the run ends when its work is stopped. */
static inline void pipeline_count_work(struct run *run, size_t amount)
{
    if (!work_add(run->options->work, amount) && run->status == STATUS_OK)
        run->status = STATUS_CLOSED;
}

/* pipeline_enter makes frame the running one; pipeline_leave returns to the one below it. */
void pipeline_enter(struct run *run, struct frame *frame);
void pipeline_leave(struct run *run);
/* Takes the next record of a body of native events when it is plain. False: split_next must be
 * asked for it. */
bool pipeline_take_quick(struct run *run, struct split *split);
/* Index of the next item in *index; false when the batch is full. */
bool pipeline_take_index(struct run *run, uint32_t *index);

/* ---- pipeline_reject.c ---- */

/* Quarantines bytes that start at offset of the body, or that were handed on from a record there.
 * wrong_at: offset of the error in it. After PIPELINE_REJECTS_SINGLE of them, consecutive ones
 * become one. */
void pipeline_reject(struct run *run, uint32_t index, struct slice bytes, uint64_t offset,
                     size_t wrong_at, const struct record_reason *reason);
/* The same for a record over limits.event_bytes. */
void pipeline_reject_too_large(struct run *run, uint32_t index, struct slice raw, uint64_t offset);
/* Reports the consecutive rejected records collected so far, because something else follows. */
void pipeline_reject_flush(struct run *run);
/* context->reject. Handed-on bytes have the offset of the outer record. */
void pipeline_reject_stretch(const struct parser_context *context, size_t offset, size_t size,
                             const char *code, const char *detail);
/* Quarantines the frame's record. wrong_at: offset of the error in it. */
void pipeline_reject_record(struct run *run, size_t wrong_at, const struct record_reason *reason);
/* The same, of the bytes after the message in a frame that should contain one message. */
void pipeline_reject_rest(struct run *run, uint32_t index, struct slice rest, uint64_t offset);
/* Quarantines the record that a parser refused as broken or not its own. */
void pipeline_take_outcome(struct run *run, const struct parser_outcome *outcome);

/* context->hand_on. */
enum parser_result pipeline_hand_on(const struct parser_context *context,
                                    const struct parser_inner *inner,
                                    struct parser_outcome *outcome);

#endif
