/* pipeline_options.h: what a pipeline run is given and what it reports: options, limits, result.
 * Plain data; what the options point to has one owner. */
#ifndef VSOC_PARSERS_PIPELINE_OPTIONS_H
#define VSOC_PARSERS_PIPELINE_OPTIONS_H

#include "core/reasons/record_code.h"
#include "core/json/json.h"
#include "parsers/engine/normaliser.h"
#include "parsers/engine/split.h"
#include "parsers/parser.h"
#include "parsers/read/work.h"
#include "parsers/registry/registry.h"

/* Readable bytes that must follow the body: parsers read in blocks. */
#define PIPELINE_PADDING JSON_PADDING
/* Errors kept for the report. */
#define PIPELINE_ERRORS 100
/* Nodes of one JSON record: give this to json_parser_create as max_nodes. */
#define PIPELINE_JSON_NODES 65536
/* The first PIPELINE_ITEMS_FREE items may have any size. Beyond them, each item must be worth a
 * number of bytes of the body, since even an empty one costs as much as a hundred ordinary bytes.
 * Records of syslog and OTLP are longer than others; the shortest message of AUTOSAR's IDS protocol
 * has 8 bytes. */
#define PIPELINE_ITEMS_FREE           200
#define PIPELINE_BYTES_OF_ITEM        12
#define PIPELINE_BYTES_OF_SYSLOG_ITEM 16 /* and of OTLP */
#define PIPELINE_BYTES_OF_QSEV        8
/* The first PIPELINE_REJECTS_SINGLE bad records of a body are quarantined one by one. After them,
 * consecutive ones with the same code become one; after PIPELINE_REJECTS_BY_CODE, consecutive ones
 * with any code. */
#define PIPELINE_REJECTS_SINGLE  256
#define PIPELINE_REJECTS_BY_CODE 1000

struct pipeline_options {
    const struct parser *parser; /* reads the records */
    enum split_prefix prefix;    /* STREAM formats: length prefix of each record */
    /* Limits. */
    size_t event_bytes;  /* of one record; longer ones are quarantined as event_too_large */
    size_t batch_events; /* items of one batch */
    size_t json_depth;   /* containers in containers; the json_parser must be made with the same */
    /* What the request says for records that do not say it (VSOC-ECU, VSOC-Software); may be
     * empty. */
    struct slice ecu_id, sw_baseline;
    const struct parser_header *headers; /* of the request: for the parsers (parser.h) */
    size_t header_count;
    /* Filled by the caller but for parser, record and batch_index, which the pipeline sets. Its
     * arena holds what must outlive a record: the texts of the report and the table of ids. */
    struct normaliser *normaliser;
    /* Reader of JSON records; borrowed, reused from call to call. Needed by JSON formats only. */
    struct json_parser *json;
    struct json_parser *json_inner; /* of JSON inside JSON; NULL: it is not read */
    const struct registry
        *registry; /* finds parsers for what parsers hand on; NULL: nothing is handed on */
    /* One event that was accepted, complete but for what the batch record carries; event and what
     * it points to live only during the call. raw_offset counts from the body's start. */
    void (*on_event)(void *arg, const struct event *event);
    /* One record that is quarantined, or several in a row (PIPELINE_REJECTS_SINGLE): then with the
     * first one's index, parser and code, and the bytes from the first to the last. raw has at most
     * event_bytes bytes and points into the body; the rest lives only during the call. */
    void (*on_reject)(void *arg, const struct event_reject *reject);
    /* An event that is dropped because it occurred earlier in the batch. May be NULL. */
    void (*on_duplicate)(void *arg, const struct event *event);
    void *arg; /* of all three */
    /* Counts what is read, records of any size included, and pauses between pieces; the thread may
     * read other bodies meanwhile, with tools of their own. NULL: all is read at once. */
    struct work *work;
};

/* Entry of the report's errors[]. Texts are static or from the normaliser's arena. */
struct pipeline_error {
    uint32_t index;  /* 0-based place in the batch: every event, duplicate and reject counts */
    uint64_t offset; /* byte in the inflated body near which it is wrong */
    struct record_reason reason;
};

struct pipeline_result {
    uint32_t accepted;       /* events handed to on_event */
    uint32_t duplicates;     /* events whose id occurred earlier in this batch; not handed over */
    uint32_t quarantined;    /* calls of on_reject: records, or several in a row as one */
    uint32_t vin_mismatches; /* of quarantined: vehicle is not the certificate's. With
                                VIN_POLICY_REJECT the server refuses the whole batch (403) */
    uint32_t vin_flagged;    /* of accepted: the same, with VIN_POLICY_FLAG */
    uint32_t items;          /* records of any outcome: the indexes that were given */
    uint32_t error_count;    /* entries of errors */
    bool truncated;          /* there were more than PIPELINE_ERRORS errors */
    bool too_short;          /* TOO_MANY because of pipeline_item_bytes */
    size_t item_bytes;       /* pipeline_item_bytes of the format */
    struct pipeline_error errors[PIPELINE_ERRORS];
};

#endif
