/* Reads the server's batch report: the few fields a sender acts on. */
#ifndef LOAD_TESTS_FLEET_REPORT_H
#define LOAD_TESTS_FLEET_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLEET_REPORT_BATCH_ID_MAX = 64, FLEET_REPORT_ERRORS_MAX = 100, FLEET_REPORT_CODE_MAX = 32 };

/* What the report says. The server lists at most 100 errors; `truncated` tells that there were
 * more. */
struct fleet_report {
    char batch_id[FLEET_REPORT_BATCH_ID_MAX];
    bool duplicate, truncated;
    uint64_t accepted, duplicates, quarantined;
    uint32_t error_count;
    uint64_t error_index[FLEET_REPORT_ERRORS_MAX];
    char error_code[FLEET_REPORT_ERRORS_MAX][FLEET_REPORT_CODE_MAX];
};

/* Scans one JSON object. Unknown fields are skipped. False when it is no JSON object, or batch_id,
 * accepted, duplicates or quarantined are missing; the report is then undefined. Thread: any. */
__attribute__((warn_unused_result)) bool fleet_report_read(const char *json, size_t bytes,
                                                           struct fleet_report *report);

#endif
