/* syslog_data.h: STRUCTURED-DATA of RFC 5424 section 6.3, as senders write them. Thread: any. */
#ifndef VSOC_PARSERS_SYSLOG_DATA_H
#define VSOC_PARSERS_SYSLOG_DATA_H

#include "core/slice.h"

/* A parameter, or an element without parameters: then name and value are empty. */
struct syslog_param {
    struct slice element, name;
    struct slice value; /* as written, with escapes */
};

/* Bytes of the elements at the head of s; 0 when none can be read. Adds to *flaws (SYSLOG_FLAW_…)
 * violations of the grammar; truncated elements end after their last parameter. */
size_t syslog_data_size(struct slice s, unsigned *flaws);

/* Place in a walk; zeroed before the first step. */
struct syslog_data_place {
    size_t at;
    struct slice element;
    bool is_inside, has_params;
};

/* Next parameter, or element without one, of data that syslog_data_size has measured. False after
 * the last. */
bool syslog_param_next(struct slice data, struct syslog_data_place *place,
                       struct syslog_param *param);

#endif
