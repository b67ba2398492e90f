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

/* Deadlines of requests are looked at here and not by a timer each. */
static void on_check(evutil_socket_t unused, short what, void *argument)
{
    struct fleet_run *run = argument;
    uint64_t now = fleet_now_ns();
    (void)unused, (void)what;
    for (uint32_t i = 0; i < run->options->connections; i++)
        fleet_client_check(run->clients[i], now);
}

static void begin(struct fleet_run *run)
{
    run->cpu_before = fleet_cpu_seconds();
    run->stats.start_ns = run->stats.last_shown_ns = fleet_now_ns();
    for (uint32_t i = 0; i < run->options->connections; i++)
        fleet_client_begin(run->clients[i]);
}

static void on_go(evutil_socket_t fd, short what, void *argument)
{
    char line[16];
    (void)what;
    if (read(fd, line, sizeof line) <= 0) /* whoever started this has ended */
        on_signal(fd, what, argument);
    else
        begin(argument);
}

void fleet_run_opened(struct fleet_run *run)
{
    if (--run->opening > 0)
        return;
    printf("ready\n");
    fflush(stdout);
    if (event_base_once(run->base, STDIN_FILENO, EV_READ, on_go, run, NULL) != 0)
        event_base_loopbreak(run->base);
}

static void open_or_begin(struct fleet_run *run)
{
    if (!run->options->hold) {
        begin(run);
        return;
    }
    run->opening = run->options->connections;
    for (uint32_t i = 0; i < run->options->connections; i++)
        fleet_client_open(run->clients[i]);
}

static bool create_clients(struct fleet_run *run)
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

enum {
    WATCH_INTERRUPT,
    WATCH_TERMINATE,
    WATCH_DEADLINE,
    WATCH_TICK,
    WATCH_CHECK,
    WATCHES,
};

static bool add_watches(struct fleet_run *run, struct event *watches[WATCHES])
{
    struct timeval check = {0, 100000};
    struct timeval deadline = {run->options->run_seconds, 0};
    struct timeval tick = {run->options->progress && isatty(STDERR_FILENO) == 1 ? 0 : 1, 0};
    if (tick.tv_sec == 0)
        tick.tv_usec = 250000;
    watches[WATCH_INTERRUPT] = evsignal_new(run->base, SIGINT, on_signal, run);
    watches[WATCH_TERMINATE] = evsignal_new(run->base, SIGTERM, on_signal, run);
    watches[WATCH_DEADLINE] = evtimer_new(run->base, on_deadline, run);
    watches[WATCH_CHECK] = event_new(run->base, -1, EV_PERSIST, on_check, run);
    watches[WATCH_TICK] = event_new(run->base, -1, EV_PERSIST, on_tick, run);
    for (int i = 0; i < WATCHES; i++) {
        const struct timeval *after = i == WATCH_DEADLINE ? &deadline
                                      : i == WATCH_TICK   ? &tick
                                      : i == WATCH_CHECK  ? &check
                                                          : NULL;
        if (watches[i] == NULL || event_add(watches[i], after) != 0)
            return false;
    }
    return true;
}

/* Timers of the loop round up to a millisecond unless told; with a rate that would be latency. */
static struct event_base *create_base(bool precise)
{
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    if (precise)
        event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static void end_stats(struct fleet_run *run)
{
    run->stats.end_ns = fleet_now_ns();
    run->stats.cpu_seconds = fleet_cpu_seconds() - run->cpu_before;
    if (run->options->progress)
        fleet_stats_show_progress(&run->stats, stderr);
    if (run->options->progress && isatty(STDERR_FILENO) == 1)
        fputc('\n', stderr);
}

bool fleet_run_go(struct fleet_run *run)
{
    struct event *watches[WATCHES] = {NULL};
    signal(SIGPIPE, SIG_IGN);
    run->base = create_base(run->options->rate > 0);
    if (run->base == NULL) {
        fprintf(stderr, "fleet: cannot create an event loop\n");
        return false;
    }
    run->batches = fleet_source_batches(run->source);
    run->stats.events_total = run->options->source.events;
    bool ready = create_clients(run) && add_watches(run, watches);
    if (!ready)
        fprintf(stderr, "fleet: out of memory; use fewer connections\n");
    else
        open_or_begin(run);
    if (ready && run->active > 0)
        event_base_dispatch(run->base);
    end_stats(run);
    close_clients(run);
    for (int i = 0; i < WATCHES; i++) {
        if (watches[i] != NULL)
            event_free(watches[i]);
    }
    event_base_free(run->base);
    return ready;
}
