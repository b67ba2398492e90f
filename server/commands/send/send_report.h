/* send_report.h: the server's reports, added up for people. Thread: main. */
#ifndef VSOC_SERVER_SEND_REPORT_H
#define VSOC_SERVER_SEND_REPORT_H

#include "core/slice.h"
#include "core/status.h"

struct json_parser;

/* Errors kept to be shown. */
#define SEND_ERRORS_MAX 20

struct send_totals {
    struct json_parser *json;
    uint64_t batches, accepted, duplicates, quarantined;
    uint64_t repeated; /* batches that the server already had */
    uint64_t failed;   /* batches it refused */
    uint64_t unknown;  /* batches whose answer was not awaited */
    uint64_t below;    /* batches whose VSOC-Ack level was not reached in time */
    char errors[SEND_ERRORS_MAX][400];
    size_t errors_count;
};

/* NO_MEMORY. */
enum status send_totals_init(struct send_totals *totals) must_check;
void send_totals_fini(struct send_totals *totals);

/* Adds a report (body of a 200 or 422). file and offset (of the batch in it) name the place of its
 * errors; wanted_ack NULL: none. MALFORMED: not a report. */
enum status send_totals_add(struct send_totals *totals, struct slice body, const char *file,
                            size_t offset, const char *wanted_ack) must_check;
/* The server's own text of a refusal, "CODE: DETAIL" of problem+json (RFC 9457), or "" if the body
 * is something else. */
void send_totals_reason(struct send_totals *totals, struct slice body, char *out, size_t room);
/* Adds a refused batch: status and problem+json body. */
void send_totals_refused(struct send_totals *totals, int status, struct slice body,
                         const char *file, size_t offset);
/* Adds a line to the errors. */
void send_totals_error(struct send_totals *totals, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Totals on stdout, errors on stderr. */
void send_totals_print(const struct send_totals *totals);

#endif
