/* The command line of the load generator. */
#ifndef LOAD_TESTS_FLEET_OPTIONS_H
#define LOAD_TESTS_FLEET_OPTIONS_H

#include "fleet_batch.h"
#include "fleet_url.h"

/* Every setting of a run. Strings point into argv; not to be copied.
 */
struct fleet_options {
    struct fleet_url url;
    const char *ca, *certificate, *key;
    uint32_t connections;
    double rate;          /* events per second; 0 = as fast as answers come */
    uint32_t run_seconds; /* --retry-for: the deadline of the whole run */
    uint32_t timeout_seconds;
    const char *ledger, *ack, *token;
    bool no_idempotency_key, no_report, json, progress, hold;
    struct fleet_source_settings source;
};

enum fleet_options_result { FLEET_OPTIONS_RUN, FLEET_OPTIONS_HELP, FLEET_OPTIONS_WRONG };

/* Reads argv into *options, defaults first. HELP and WRONG have printed what a person needs. */
__attribute__((warn_unused_result)) enum fleet_options_result
fleet_options_read(int argc, char **argv, struct fleet_options *options);

#endif
