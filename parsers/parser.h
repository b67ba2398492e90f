/* parser.h: THE PARSER ABI. PUBLIC, versioned, installed. A plug-in author needs this header and
 * core/event.h only.
 *
 * A parser turns the bytes of one record into events. It is pure: no I/O, no clock, no globals, no
 * logging, no threads. It keeps no pointer after the call and allocates with context->alloc only.
 * Many threads call it at once, each with its own context. */
#ifndef VSOC_PARSERS_PARSER_H
#define VSOC_PARSERS_PARSER_H

#include "core/event.h"

#define VSOC_PARSER_ABI 1
#define PARSER_HEADERS  64 /* most headers of a request that parsers see */

/* How a body of this format falls into records. The server splits; the parser sees one record a
 * call. */
enum parser_framing {
    PARSER_FRAMING_JSON,   /* JSON values: an object, an array of them, concatenated or one a line
                              (NDJSON) */
    PARSER_FRAMING_LINES,  /* text lines, ended by LF or CR LF */
    PARSER_FRAMING_STREAM, /* records delimit themselves: the parser says in outcome.consumed where
                              its record ended */
    PARSER_FRAMING_BODY,   /* one call sees the whole body and finds the records itself: emit with
                              raw_offset and raw_size, reject what is broken. MALFORMED quarantines
                              from outcome.offset to the end */
    PARSER_FRAMING_SYSLOG, /* lines, or octet-counted frames (RFC 6587) with their count: "LEN SP"
                              and LEN bytes; each record may be either */
};

enum parser_result {
    PARSER_OK,        /* the record's events were emitted */
    PARSER_NOT_MINE,  /* record is of another format; nothing was emitted */
    PARSER_MALFORMED, /* record is broken at outcome.offset; becomes a quarantined event. Events
                         emitted before stay */
};

struct parser_outcome {
    enum parser_result result;
    size_t consumed;    /* STREAM: bytes of the record; 0 when its end is not known: the rest of the
                           body is one record */
    size_t offset;      /* MALFORMED: byte in the record near which it is wrong */
    const char *code;   /* MALFORMED: machine word, e.g. "wrong_type", static; NULL: "malformed" */
    const char *detail; /* MALFORMED: sentence for people; static or from context->alloc */
};

/* Code of an outcome that does not concern the record: the process is out of memory. The whole
 * batch is refused for now, and sent again. (The server detects a failing context->alloc itself.)
 */
#define PARSER_OUT_OF_MEMORY "out_of_memory"

/* Bytes of another format inside a record (a syslog line that carries JSON, the data of a
 * CloudEvent). */
struct parser_inner {
    struct slice bytes;  /* followed by 64 readable bytes */
    struct slice format; /* name of a format, or a media type with its parameters; empty: probed */
    /* Stretch of the record that holds them: where their events and what is quarantined of them are
     * said to stand. The bytes that are quarantined are those of the inner record. */
    size_t offset, size;
    /* What the outer format says, or NULL. An inner event takes the fields that it does not set
     * itself; the envelope's attributes become a member of its attributes. */
    const struct event *envelope;
    const char *member; /* static; its name; NULL: the outer format's */
};

/* A header of the request. */
struct parser_header {
    struct slice name;  /* lower case */
    struct slice value; /* as sent, trimmed; any bytes but control characters */
};

struct parser_context;

struct parser_context {
    uint32_t struct_size; /* of the server's struct; a plug-in looks at no member past it */
    int64_t
        received_ns; /* server clock, ns since 1970 UTC: for formats whose times lack the year */
    /* What the request says for records that do not say it (VSOC-ECU, VSOC-Software, …); may be
     * empty. */
    struct slice ecu_id, sw_baseline;
    /* Content-Type and every ce-… of the request, in its order; on Splunk's raw route also the
     * parameters of its query, as ?host; at most PARSER_HEADERS. */
    const struct parser_header *headers;
    size_t header_count;
    /* Limits of the server. */
    size_t json_depth;
    size_t event_bytes;
    /* size bytes aligned for any type, valid until the parser returns (texts of the outcome: until
     * the record is done with); NULL when the limit is reached: answer
     * MALFORMED. */
    void *(*alloc)(const struct parser_context *context, size_t size);
    /* Hands over one event. It and what it points to need live only during the call; the server
     * completes it in place, so the next one starts with event_clear. raw_offset and raw_size, when
     * set, are relative to the record. Never fails: an event that breaks the model's rules is
     * quarantined by the server. */
    void (*emit)(const struct parser_context *context, struct event *event);
    /* Quarantines size bytes at offset of the record; the parser goes on behind them. code and
     * detail as in the outcome. */
    void (*reject)(const struct parser_context *context, size_t offset, size_t size,
                   const char *code, const char *detail);
    /* Gives bytes in another format to the parser of that format. OK: its events were emitted, its
     * broken records quarantined. MALFORMED: its first record is broken as *outcome says and
     * nothing came of the bytes. NOT_MINE: no parser takes them, they hold no record, or they stand
     * in too many others; nothing came of them. The JSON document that the calling parser has read
     * stays valid. */
    enum parser_result (*hand_on)(const struct parser_context *context,
                                  const struct parser_inner *inner, struct parser_outcome *outcome);
    /* release frees what alloc returned after mark: for BODY formats, whose call lasts for many
     * events. NULL when the limit is reached or the batch takes no more events: answer MALFORMED at
     * the rest. release of NULL frees nothing. */
    const void *(*mark)(const struct parser_context *context);
    void (*release)(const struct parser_context *context, const void *mark);
    void *server;             /* the server's own */
    struct json_parser *json; /* built-in parsers only */
};

struct parser {
    uint32_t abi_version; /* VSOC_PARSER_ABI */
    uint32_t struct_size; /* sizeof(struct parser) */
    /* Of the events it makes; the server refuses plug-ins built for others. What is built in leaves
     * both out. */
    uint32_t event_abi;      /* VSOC_EVENT_ABI */
    uint32_t event_size;     /* sizeof(struct event) */
    const char *name;        /* lower case, a-z 0-9 _ */
    const char *version;     /* semantic version, stored with each event */
    const char *description; /* one sentence */
    const char *const
        *content_types; /* media types without parameters, NULL-terminated; may be NULL */
    enum parser_framing framing;
    /* Can this body's head (at most 4 KiB, whole records not guaranteed) be of the format? 0 no …
     * 100 surely. NULL: never guessed. */
    int (*probe)(struct slice head);
    const char *guessed_by; /* what probe looks for, as Markdown text; NULL: no description */
    /* Reads one record. For JSON, LINES and SYSLOG, record is followed by 64 readable bytes.
     * *outcome is zeroed before. */
    void (*parse)(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome);
};

#define VSOC_PARSER_PLUGIN_SYMBOL "vsoc_parser_plugin"

#ifdef __cplusplus
extern "C" {
#endif
/* What a plug-in defines: its parser, which lives as long as the plug-in is loaded. */
__attribute__((visibility("default"))) const struct parser *vsoc_parser_plugin(void);
#ifdef __cplusplus
}
#endif

/* Helpers for parsers. */
static inline void parser_malformed(struct parser_outcome *outcome, size_t offset, const char *code,
                                    const char *detail)
{
    outcome->result = PARSER_MALFORMED;
    outcome->offset = offset;
    outcome->code = code;
    outcome->detail = detail;
}

#endif
