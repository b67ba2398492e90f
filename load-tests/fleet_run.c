/* Runs the loop over all connections until every batch has its answer. Runs on the generator's only
 * thread. It does not speak HTTP: the connections do. */
#include "fleet_run.h"

#include "fleet_client.h"

#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool fleet_run_resolve(struct fleet_run *run)
{
    const struct fleet_options *options = run->options;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int error = getaddrinfo(options->url.host, options->url.port, &hints, &found);
    if (error != 0) {
        fprintf(stderr, "fleet: cannot resolve %s: %s\n", options->url.host, gai_strerror(error));
        return false;
    }
    memcpy(&run->address, found->ai_addr, found->ai_addrlen);
    run->address_bytes = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static void on_signal(evutil_socket_t number, short what, void *argument)
{
    struct fleet_run *run = argument;
    (void)number, (void)what;
    run->interrupted = true;
    event_base_loopbreak(run->base);
}

static void on_deadline(evutil_socket_t unused, short what, void *argument)
{
    struct fleet_run *run = argument;
    (void)unused, (void)what;
    fprintf(stderr, "fleet: the deadline of %u s (--retry-for) has passed\n",
            run->options->run_seconds);
    event_base_loopbreak(run->base);
}

static void on_tick(evutil_socket_t unused, short what, void *argument)
{
    struct fleet_run *run = argument;
    (void)unused, (void)what;
    fleet_ledger_flush(run->ledger);
    if (run->options->progress)
        fleet_stats_show_progress(&run->stats, stderr);
}

static bool open_clients(struct fleet_run *run)
{
    uint32_t count = run->options->connections;
    run->clients = calloc(count, sizeof(struct fleet_client *));
    for (uint32_t i = 0; run->clients != NULL && i < count; i++) {
        run->clients[i] = fleet_client_create(run);
        if (run->clients[i] == NULL)
            return false;
    }
    return run->clients != NULL;
}

static void close_clients(struct fleet_run *run)
{
    for (uint32_t i = 0; run->clients != NULL && i < run->options->connections; i++)
        fleet_client_destroy(run->clients[i]);
    free(run->clients);
}

enum { WATCH_INTERRUPT, WATCH_TERMINATE, WATCH_DEADLINE, WATCH_TICK, WATCHES };

static bool add_watches(struct fleet_run *run, struct event *watches[WATCHES])
{
    struct timeval deadline = {run->options->run_seconds, 0};
    struct timeval tick = {run->options->progress && isatty(STDERR_FILENO) == 1 ? 0 : 1, 0};
    if (tick.tv_sec == 0)
        tick.tv_usec = 250000;
    watches[WATCH_INTERRUPT] = evsignal_new(run->base, SIGINT, on_signal, run);
    watches[WATCH_TERMINATE] = evsignal_new(run->base, SIGTERM, on_signal, run);
    watches[WATCH_DEADLINE] = evtimer_new(run->base, on_deadline, run);
    watches[WATCH_TICK] = event_new(run->base, -1, EV_PERSIST, on_tick, run);
    for (int i = 0; i < WATCHES; i++) {
        const struct timeval *after = i == WATCH_DEADLINE ? &deadline
                                      : i == WATCH_TICK   ? &tick
                                                          : NULL;
        if (watches[i] == NULL || event_add(watches[i], after) != 0)
            return false;
    }
    return true;
}

bool fleet_run_go(struct fleet_run *run)
{
    struct event *watches[WATCHES] = {NULL};
    signal(SIGPIPE, SIG_IGN);
    run->base = event_base_new();
    if (run->base == NULL) {
        fprintf(stderr, "fleet: cannot create an event loop\n");
        return false;
    }
    run->batches = fleet_source_batches(run->source);
    run->stats.events_total = run->options->source.events;
    double cpu_before = fleet_cpu_seconds();
    run->stats.start_ns = run->stats.last_shown_ns = fleet_now_ns();
    bool ready = add_watches(run, watches) && open_clients(run);
    if (!ready)
        fprintf(stderr, "fleet: out of memory; use fewer connections\n");
    else if (run->active > 0)
        event_base_dispatch(run->base);
    run->stats.end_ns = fleet_now_ns();
    run->stats.cpu_seconds = fleet_cpu_seconds() - cpu_before;
    if (run->options->progress)
        fleet_stats_show_progress(&run->stats, stderr);
    if (run->options->progress && isatty(STDERR_FILENO) == 1)
        fputc('\n', stderr);
    close_clients(run);
    for (int i = 0; i < WATCHES; i++) {
        if (watches[i] != NULL)
            event_free(watches[i]);
    }
    event_base_free(run->base);
    return ready;
}
