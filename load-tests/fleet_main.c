/* The load generator `fleet`: options, one run, summary. One thread. See load-tests/README.md. */
#include "fleet_request.h"
#include "fleet_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 64, EXIT_DISK = 74 };

static bool open_parts(struct fleet_run *run)
{
    const struct fleet_options *options = run->options;
    struct fleet_tls_settings tls = {options->ca, options->certificate, options->key,
                                     options->url.host};
    run->random = fleet_random_stream(options->source.plan.seed, UINT64_MAX);
    if (!fleet_run_resolve(run))
        return false;
    if (options->url.tls && (run->tls = fleet_tls_create(&tls)) == NULL)
        return false;
    if (options->ledger != NULL && (run->ledger = fleet_ledger_open(options->ledger)) == NULL) {
        fprintf(stderr, "fleet: cannot write ledger %s: %s\n", options->ledger, strerror(errno));
        return false;
    }
    struct fleet_source_settings source = options->source;
    source.head = fleet_request_head;
    source.head_context = options;
    run->source = fleet_source_create(&source);
    if (run->source == NULL || !fleet_source_prebuild(run->source)) {
        fprintf(stderr,
                "fleet: out of memory; use a smaller --batch or --prebuilt "
                "(or the request head is over %d bytes)\n",
                FLEET_HEAD_MAX);
        return false;
    }
    return true;
}

static void print_summary(const struct fleet_run *run)
{
    const struct fleet_event_plan *plan = &run->options->source.plan;
    FILE *people = run->options->json ? stderr : stdout;
    fleet_stats_print(&run->stats, run->interrupted, people);
    fprintf(people,
            "repeat with  --seed %" PRIu64 " --time %" PRId64 "  (ids start with %08" PRIx32 ")\n",
            plan->seed, plan->start_ms, plan->run);
    if (run->options->json)
        fleet_stats_print_json(&run->stats, run->interrupted, plan->run, plan->seed, plan->start_ms,
                               stdout);
}

int main(int argc, char **argv)
{
    static struct fleet_options options;
    static struct fleet_run run;
    enum fleet_options_result read = fleet_options_read(argc, argv, &options);
    if (read != FLEET_OPTIONS_RUN)
        return read == FLEET_OPTIONS_HELP ? EXIT_SUCCESS : EXIT_USAGE;
    run.options = &options;
    bool ran = open_parts(&run) && fleet_run_go(&run);
    if (ran)
        print_summary(&run);
    bool written = fleet_ledger_close(run.ledger);
    if (!written)
        fprintf(stderr,
                "fleet: ledger %s is incomplete: the disk refused a write, or an event could not "
                "be hashed\n",
                options.ledger);
    fleet_source_destroy(run.source);
    fleet_tls_destroy(run.tls);
    if (!written)
        return EXIT_DISK;
    return ran && fleet_stats_complete(&run.stats) ? EXIT_SUCCESS : EXIT_FAILURE;
}
