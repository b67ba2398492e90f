/* worker.c: an ingest thread and the notifications that other threads send it. Its loop runs on the
 * worker's thread; notifications are flags and an eventfd. Does not parse or answer anything
 * itself. */
#include "server/daemon/worker.h"
#include "server/ingest/http/ingest_http.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/object.h"
#include "core/clock.h"
#include "core/thread.h"
#include "core/disk/fault.h"
#include "core/wait/wake.h"
#include "server/net/soon.h"

enum {
    WORD_RELOAD = 1,
    WORD_SINK_MOVED = 2,
    WORD_DRAIN = 4,
    WORD_STOP = 8,
    WORD_SHED = 16,
    WORD_PASSED = 32
};

#define TICK_MS 100

#define WORKER_MAGIC 0x57524b52U

struct worker {
    unsigned magic; /* WORKER_MAGIC */
    unsigned number;
    uint64_t sink_files; /* open files that the sinks need */
    struct thread thread;
    struct event_base *base;
    struct http_server *http;
    struct ingest *ingest;
    struct event *on_word, *on_verdict, *on_tick, *on_turn;
    int word_fd;
    atomic_uint words;
    atomic_bool drained;
    atomic_int_least64_t heartbeat_ns;
    metric_t m_cpu, m_loop_lag;
    int64_t next_tick_ns;
    bool draining;
    bool reload_waits; /* for bodies that are being read */

    pthread_mutex_t reload_lock; /* guards the four below */
    const struct config *next_config;
    const struct catalog *next_catalog;
    struct tls_context *next_tls;
    unsigned next_generation;
    atomic_uint generation;
};

OBJECT_CAST(worker, WORKER_MAGIC)

static void send_word(struct worker *w, unsigned word)
{
    if (!(atomic_fetch_or(&w->words, word) & word))
        wake_send(w->word_fd);
}

static void take_reload(struct worker *w)
{
    w->reload_waits = !ingest_may_reconfigure(w->ingest);
    if (w->reload_waits)
        return;
    pthread_mutex_lock(&w->reload_lock);
    const struct config *config = w->next_config;
    const struct catalog *catalog = w->next_catalog;
    struct tls_context *tls = w->next_tls;
    unsigned generation = w->next_generation;
    w->next_tls = NULL;
    pthread_mutex_unlock(&w->reload_lock);
    struct http_settings settings = http_settings_from_config(config, w->sink_files);
    http_server_reconfigure(w->http, &settings, tls);
    ingest_reconfigure(w->ingest, config, catalog);
    tls_context_release(tls);
    atomic_store(&w->generation, generation);
    fault_point(reload_taken);
}

static void note_state(struct worker *w)
{
    atomic_store_explicit(&w->heartbeat_ns, clock_monotonic_ns(), memory_order_relaxed);
    if (w->draining && http_server_connections(w->http) == 0 && ingest_in_flight(w->ingest) == 0)
        atomic_store(&w->drained, true);
}

static void on_word(evutil_socket_t fd, short what, void *arg)
{
    thread_assert(THREAD_WORKER);
    struct worker *w = worker_cast(arg);
    (void)what;
    wake_clear(fd);
    unsigned words = atomic_exchange(&w->words, 0);
    if (words & WORD_RELOAD)
        take_reload(w);
    if (words & WORD_SHED)
        ingest_take_shed(w->ingest);
    if (words & WORD_PASSED)
        http_server_take_passed(w->http);
    if (words & WORD_SINK_MOVED)
        ingest_check_acks(w->ingest);
    if (words & WORD_DRAIN) {
        w->draining = true;
        http_server_drain(w->http);
        ingest_check_acks(w->ingest);
    }
    if (words & WORD_STOP)
        event_base_loopbreak(w->base);
    note_state(w);
}

static void on_verdict(evutil_socket_t fd, short what, void *arg)
{
    thread_assert(THREAD_WORKER);
    struct worker *w = worker_cast(arg);
    (void)fd;
    (void)what;
    ingest_take_verdicts(w->ingest);
    note_state(w);
}

/* libevent sets a periodic timer from when it was due, unless that time has passed already. */
static void observe_lag(struct worker *w)
{
    const int64_t period_ns = TICK_MS * NS_PER_MS;
    int64_t now_ns = clock_monotonic_ns(), lag_ns = now_ns - w->next_tick_ns;
    bool known = w->next_tick_ns > 0;
    if (known)
        metric_observe(w->m_loop_lag, lag_ns > 0 ? (double)lag_ns / (double)NS_PER_S : 0);
    bool on_course = known && lag_ns > 0 && lag_ns < period_ns;
    w->next_tick_ns = (on_course ? w->next_tick_ns : now_ns) + period_ns;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    thread_assert(THREAD_WORKER);
    struct worker *w = worker_cast(arg);
    (void)fd;
    (void)what;
    observe_lag(w);
    if (ingest_ack_waiters(w->ingest))
        ingest_check_acks(w->ingest);
    ingest_check_commits(w->ingest);
    note_state(w);
}

static void need_turn(void *arg)
{
    thread_assert(THREAD_WORKER);
    struct worker *w = worker_cast(arg);
    event_soon(w->on_turn);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    thread_assert(THREAD_WORKER);
    struct worker *w = worker_cast(arg);
    (void)fd;
    (void)what;
    if (ingest_take_turn(w->ingest))
        need_turn(w);
    if (w->reload_waits)
        take_reload(w);
    note_state(w);
}

/* Batches that the writer still has come back even if their senders are gone. */
static void wait_for_verdicts(struct worker *w)
{
    while (ingest_take_turn(w->ingest))
        ; /* their senders are gone: they end soon */
    while (ingest_in_flight(w->ingest)) {
        struct pollfd verdict = {.fd = ingest_verdict_fd(w->ingest), .events = POLLIN};
        (void)poll(&verdict, 1, TICK_MS);
        ingest_take_verdicts(w->ingest);
    }
}

static void run(void *arg)
{
    struct worker *w = worker_cast(arg);
    thread_assert(THREAD_WORKER);
    event_base_dispatch(w->base);
    http_server_destroy(w->http);
    w->http = NULL;
    wait_for_verdicts(w);
    atomic_store(&w->drained, true);
}

/* Bodies of this worker were dropped. Thread: any. */
static void on_shed(void *arg)
{
    send_word(worker_cast(arg), WORD_SHED);
}

/* Another worker has accepted a connection for this one. Thread: any. */
static void on_passed(void *arg)
{
    send_word(worker_cast(arg), WORD_PASSED);
}

static metric_t series_of(const struct worker *w, enum metric_family family)
{
    char label[32];
    snprintf(label, sizeof label, "worker=\"%u\"", w->number);
    return metric_series(family, label);
}

static bool make_events(struct worker *w)
{
    struct timeval tick = {0, TICK_MS * 1000};
    w->on_word = event_new(w->base, w->word_fd, EV_READ | EV_PERSIST, on_word, w);
    w->on_verdict =
        event_new(w->base, ingest_verdict_fd(w->ingest), EV_READ | EV_PERSIST, on_verdict, w);
    w->on_tick = event_new(w->base, -1, EV_PERSIST, on_tick, w);
    w->on_turn = evtimer_new(w->base, on_turn, w);
    ingest_on_need_turn(w->ingest, need_turn, w);
    return w->on_word && w->on_verdict && w->on_tick && w->on_turn &&
           event_add(w->on_word, NULL) == 0 && event_add(w->on_verdict, NULL) == 0 &&
           event_add(w->on_tick, &tick) == 0;
}

static struct event_base *make_base(void)
{
    struct event_config *c = event_config_new();
    if (!c)
        return NULL;
    /* Only its own thread uses a worker's loop. */
    event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(c);
    event_config_free(c);
    return base;
}

enum status worker_create(const struct worker_options *o, struct worker **out)
{
    thread_assert(THREAD_MAIN);
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return STATUS_NO_MEMORY;
    w->number = o->number;
    w->sink_files = o->sink_files;
    w->magic = WORKER_MAGIC;
    pthread_mutex_init(&w->reload_lock, NULL);
    w->m_loop_lag = series_of(w, METRIC_vsocd_worker_loop_lag_seconds);
    w->m_cpu = series_of(w, METRIC_vsocd_worker_cpu_seconds_total);
    w->word_fd = wake_open();
    w->base = make_base();
    w->ingest = ingest_create(o->shared, o->config, o->catalog, on_shed, w);
    atomic_store(&w->heartbeat_ns, clock_monotonic_ns());
    enum status s = STATUS_BUSY;
    if (w->word_fd >= 0 && w->base && w->ingest && make_events(w)) {
        struct http_server_options http = {
            .base = w->base,
            .listen_fd = o->listen_fd,
            .label = "ingest",
            .settings = http_settings_from_config(o->config, o->sink_files),
            .handler = {ingest_on_headers, ingest_on_body, ingest_on_end, ingest_on_gone, w->ingest,
                        ingest_name_certificate},
            .tls = o->tls,
            .counts = o->counts,
            .seat = balance_join(o->balance, on_passed, w),
            .m_requests = series_of(w, METRIC_vsocd_worker_requests_total),
            .m_loop_connections = series_of(w, METRIC_vsocd_worker_connections),
        };
        s = http_server_create(&http, &w->http);
    }
    if (s == STATUS_OK)
        *out = w;
    else
        worker_destroy(w);
    return s;
}

enum status worker_start(struct worker *w)
{
    thread_assert(THREAD_MAIN);
    ensure(!w->thread.started);
    char name[16];
    snprintf(name, sizeof name, "vsoc-wk-%u", w->number);
    return thread_start(&w->thread, THREAD_WORKER, name, run, w);
}

void worker_reload(struct worker *w, const struct config *config, const struct catalog *catalog,
                   struct tls_context *tls, unsigned generation)
{
    pthread_mutex_lock(&w->reload_lock);
    tls_context_release(w->next_tls);
    w->next_config = config;
    w->next_catalog = catalog;
    w->next_tls = tls ? tls_context_hold(tls) : NULL;
    w->next_generation = generation;
    pthread_mutex_unlock(&w->reload_lock);
    send_word(w, WORD_RELOAD);
}

struct catalog_unknown *worker_unknown_ids(struct worker *w)
{
    return ingest_unknown_ids(w->ingest);
}

unsigned worker_generation(struct worker *w)
{
    return atomic_load(&w->generation);
}

void worker_sink_moved(struct worker *w)
{
    if (ingest_ack_waiters(w->ingest))
        send_word(w, WORD_SINK_MOVED);
}

void worker_drain(struct worker *w)
{
    send_word(w, WORD_DRAIN);
}

bool worker_is_drained(struct worker *w)
{
    return atomic_load(&w->drained);
}

void worker_stop(struct worker *w)
{
    send_word(w, WORD_STOP);
}

void worker_join(struct worker *w)
{
    thread_join(&w->thread);
}

void worker_refresh_metrics(struct worker *w)
{
    clockid_t clock;
    struct timespec used;
    if (w->thread.started && pthread_getcpuclockid(w->thread.id, &clock) == 0 &&
        clock_gettime(clock, &used) == 0)
        metric_set(w->m_cpu, (double)used.tv_sec + (double)used.tv_nsec / (double)NS_PER_S);
}

int64_t worker_heartbeat_ns(struct worker *w)
{
    return atomic_load_explicit(&w->heartbeat_ns, memory_order_relaxed);
}

void worker_destroy(struct worker *w)
{
    thread_assert(THREAD_MAIN);
    if (!w)
        return;
    http_server_destroy(w->http);
    if (w->on_word)
        event_free(w->on_word);
    if (w->on_verdict)
        event_free(w->on_verdict);
    if (w->on_tick)
        event_free(w->on_tick);
    if (w->on_turn)
        event_free(w->on_turn);
    ingest_destroy(w->ingest);
    if (w->base)
        event_base_free(w->base);
    if (w->word_fd >= 0)
        close(w->word_fd);
    tls_context_release(w->next_tls);
    pthread_mutex_destroy(&w->reload_lock);
    object_end(&w->magic);
    free(w);
}
