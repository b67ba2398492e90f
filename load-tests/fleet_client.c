/* Posts batches over one connection and repeats each until it has an answer. Runs on the
 * generator's only thread, in libevent callbacks. It does not make batches and does not know other
 * connections.
 *
 * A connection is never freed in its own callback: it is marked as lost, and the next send replaces
 * it. */
#include "fleet_client.h"

#include "fleet_reply.h"
#include "fleet_request.h"

#include <assert.h>
#include <event2/bufferevent.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

enum client_state {
    CLIENT_WAITING, /* the timer starts the next send */
    CLIENT_ASKING,  /* connecting, sending or waiting for the reply; the timer is the timeout */
    CLIENT_DONE,
};

enum { BACKOFF_FIRST_MS = 50, BACKOFF_MAX_MS = 2000 };

struct fleet_client {
    struct fleet_run *run;
    enum client_state state;
    struct event *timer;
    struct bufferevent *connection; /* NULL before the first and after a lost one was replaced */
    bool connected, lost;
    struct fleet_batch *batch; /* the one being sent; NULL between batches */
    struct fleet_reply reply;
    uint32_t attempts;
    uint64_t due_ns;
};

static void client_send(struct fleet_client *client);
static void client_take_next(struct fleet_client *client);

static void timer_in(struct fleet_client *client, uint64_t delay_ns)
{
    struct timeval delay = {(time_t)(delay_ns / 1000000000u),
                            (suseconds_t)(delay_ns % 1000000000u / 1000u)};
    evtimer_add(client->timer, &delay);
}

static void mark_lost(struct fleet_client *client)
{
    if (client->connection == NULL || client->lost)
        return;
    bufferevent_disable(client->connection, EV_READ | EV_WRITE);
    client->lost = true;
    client->connected = false;
}

/* Repeats wait twice as long each time, or what the server asked for, and never all at once. */
static uint64_t backoff_ns(struct fleet_client *client, uint32_t retry_after_s)
{
    uint32_t doublings = client->attempts < 7 ? client->attempts : 7;
    uint64_t base_ms = (uint64_t)BACKOFF_FIRST_MS << doublings;
    uint64_t jitter = fleet_random_below(&client->run->random, 1000);
    if (base_ms > BACKOFF_MAX_MS)
        base_ms = BACKOFF_MAX_MS;
    if (retry_after_s != 0)
        return (uint64_t)retry_after_s * (1000000000u + jitter * 250000u);
    return base_ms * (500 + jitter / 2) * 1000u;
}

static void retry(struct fleet_client *client, uint32_t retry_after_s)
{
    client->state = CLIENT_WAITING;
    timer_in(client, backoff_ns(client, retry_after_s));
}

static void finish_batch(struct fleet_client *client)
{
    fleet_batch_destroy(client->batch);
    client->batch = NULL;
    client_take_next(client);
}

static void count_report(struct fleet_stats *stats, const struct fleet_report *report)
{
    stats->accepted += report->accepted;
    stats->duplicates += report->duplicates;
    stats->quarantined += report->quarantined;
    stats->repeats_known += report->duplicate;
}

static void acknowledge(struct fleet_client *client, const struct fleet_report *report)
{
    struct fleet_run *run = client->run;
    struct fleet_stats *stats = &run->stats;
    stats->batches_acked++;
    stats->events_acked += client->batch->events;
    stats->body_bytes += client->batch->body_bytes;
    stats->json_bytes += client->batch->json_bytes;
    uint64_t now = fleet_now_ns(); /* a timer may come a little early */
    fleet_stats_add_latency(stats, client->batch->number,
                            now > client->due_ns ? now - client->due_ns : 0);
    count_report(stats, report);
    if (run->ledger != NULL)
        fleet_ledger_add(run->ledger, &run->options->source.plan, client->batch, report);
    finish_batch(client);
}

/* The answer is final and no acknowledgement. The first few are shown with what the server said. */
static void refuse(struct fleet_client *client, const char *why)
{
    struct fleet_stats *stats = &client->run->stats;
    stats->batches_failed++;
    stats->events_failed += client->batch->events;
    if (stats->failures_shown++ < FLEET_FAILURES_SHOWN)
        fprintf(stderr, "fleet: batch %" PRIu64 " %s (status %d): %.500s\n", client->batch->number,
                why, client->reply.status, client->reply.body != NULL ? client->reply.body : "");
    finish_batch(client);
}

/* A server without reports (other products) acknowledges by its status alone. */
static bool read_report(struct fleet_client *client, struct fleet_report *report)
{
    if (client->run->options->no_report) {
        *report = (struct fleet_report){.batch_id = "-", .accepted = client->batch->events};
        return true;
    }
    return client->reply.body != NULL &&
           fleet_report_read(client->reply.body, client->reply.body_bytes, report) &&
           report->accepted + report->duplicates + report->quarantined == client->batch->events;
}

static bool is_acknowledgement(const struct fleet_client *client)
{
    int status = client->reply.status;
    return status == 200 || (client->run->options->no_report && status >= 200 && status < 300);
}

static bool may_repeat(int status)
{
    return status == 408 || status == 409 || status == 429 || status >= 500;
}

static void act_on_reply(struct fleet_client *client)
{
    struct fleet_report report;
    int status = client->reply.status;
    if (is_acknowledgement(client)) {
        if (read_report(client, &report)) {
            acknowledge(client, &report);
            return;
        }
        client->run->stats.bad_reports++;
        refuse(client, "has a report that does not add up");
    } else if (may_repeat(status)) {
        retry(client, client->reply.retry_after_s);
    } else {
        refuse(client, "was refused");
    }
}

static void on_reply(struct fleet_client *client)
{
    struct fleet_stats *stats = &client->run->stats;
    if (client->reply.status < FLEET_STATUS_MAX)
        stats->statuses[client->reply.status]++;
    /* A reply that came before all was sent, or more than one reply: nothing to build on. */
    bool in_step = evbuffer_get_length(bufferevent_get_output(client->connection)) == 0 &&
                   evbuffer_get_length(bufferevent_get_input(client->connection)) == 0;
    if (client->reply.close || !in_step)
        mark_lost(client);
    client->state = CLIENT_WAITING;
    evtimer_del(client->timer);
    act_on_reply(client);
}

static void on_broken(struct fleet_client *client, uint64_t *counter)
{
    (*counter)++;
    mark_lost(client);
    if (client->state == CLIENT_ASKING)
        retry(client, 0);
}

static void on_reply_state(struct fleet_client *client, enum fleet_reply_state state)
{
    if (state == FLEET_REPLY_DONE)
        on_reply(client);
    else if (state == FLEET_REPLY_BROKEN)
        on_broken(client, &client->run->stats.disconnects);
}

static void on_read(struct bufferevent *connection, void *argument)
{
    struct fleet_client *client = argument;
    if (client->state != CLIENT_ASKING) {
        mark_lost(client); /* nobody asked */
        return;
    }
    on_reply_state(client, fleet_reply_read(&client->reply, bufferevent_get_input(connection)));
}

static void on_connected(struct fleet_client *client)
{
    int one = 1;
    client->connected = true;
    client->run->stats.connects++;
    setsockopt(bufferevent_getfd(client->connection), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void on_event(struct bufferevent *connection, short what, void *argument)
{
    struct fleet_client *client = argument;
    struct fleet_stats *stats = &client->run->stats;
    if (what & BEV_EVENT_CONNECTED) {
        on_connected(client);
    } else if (!client->connected) {
        on_broken(client, &stats->connect_errors);
    } else if (client->state == CLIENT_ASKING && (what & BEV_EVENT_EOF)) {
        on_reply_state(client, fleet_reply_end(&client->reply, bufferevent_get_input(connection)));
    } else if (client->state == CLIENT_ASKING) {
        on_broken(client, &stats->disconnects);
    } else {
        mark_lost(client); /* closed while idle: no failure */
    }
}

static void on_timer(evutil_socket_t unused, short what, void *argument)
{
    struct fleet_client *client = argument;
    (void)unused, (void)what;
    if (client->state == CLIENT_ASKING)
        on_broken(client, &client->run->stats.timeouts);
    else if (client->state == CLIENT_WAITING)
        client_send(client);
}

static void close_connection(struct fleet_client *client)
{
    if (client->connection == NULL)
        return;
    if (client->run->tls != NULL && client->connected)
        fleet_tls_goodbye(client->connection);
    bufferevent_free(client->connection);
    client->connection = NULL;
    client->connected = client->lost = false;
}

/* False when the connection could not even be begun (no memory, no descriptors). */
static bool ensure_connection(struct fleet_client *client)
{
    struct fleet_run *run = client->run;
    if (client->lost)
        close_connection(client);
    if (client->connection != NULL)
        return true;
    client->connection = run->tls != NULL
                             ? fleet_tls_connection(run->tls, run->base)
                             : bufferevent_socket_new(run->base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (client->connection == NULL)
        return false;
    bufferevent_setcb(client->connection, on_read, NULL, on_event, client);
    bufferevent_enable(client->connection, EV_READ | EV_WRITE);
    if (bufferevent_socket_connect(client->connection, (struct sockaddr *)&run->address,
                                   (int)run->address_bytes) == 0)
        return true;
    mark_lost(client);
    return false;
}

static void client_send(struct fleet_client *client)
{
    struct fleet_stats *stats = &client->run->stats;
    assert(client->batch != NULL && client->state == CLIENT_WAITING);
    fleet_reply_fini(&client->reply);
    client->attempts++;
    if (!ensure_connection(client)) {
        stats->connect_errors++;
        retry(client, 0);
        return;
    }
    client->state = CLIENT_ASKING;
    stats->requests++;
    stats->retries += client->attempts > 1;
    fleet_request_write(client->run->options, client->batch,
                        bufferevent_get_output(client->connection));
    timer_in(client, (uint64_t)client->run->options->timeout_seconds * 1000000000u);
}

static void leave(struct fleet_client *client)
{
    client->state = CLIENT_DONE;
    evtimer_del(client->timer);
    if (--client->run->active == 0)
        event_base_loopbreak(client->run->base);
}

/* When batch `number` is due: all at once, or spread evenly over the time the rate allows. */
static uint64_t due_ns(const struct fleet_run *run, uint64_t number, uint64_t now)
{
    const struct fleet_options *options = run->options;
    if (options->rate <= 0)
        return now;
    double batch_seconds = (double)options->source.plan.batch_events / options->rate;
    return run->stats.start_ns + (uint64_t)((double)number * batch_seconds * 1e9);
}

static void client_take_next(struct fleet_client *client)
{
    struct fleet_run *run = client->run;
    uint64_t now = fleet_now_ns();
    client->attempts = 0;
    client->state = CLIENT_WAITING;
    if (run->next_batch == run->batches) {
        leave(client);
        return;
    }
    client->batch = fleet_source_take(run->source, run->next_batch);
    if (client->batch == NULL) {
        fprintf(stderr, "fleet: out of memory; use fewer connections or smaller batches\n");
        leave(client);
        return;
    }
    client->due_ns = due_ns(run, run->next_batch++, now);
    timer_in(client, client->due_ns > now ? client->due_ns - now : 0);
}

struct fleet_client *fleet_client_create(struct fleet_run *run)
{
    struct fleet_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    client->run = run;
    client->timer = evtimer_new(run->base, on_timer, client);
    if (client->timer == NULL) {
        free(client);
        return NULL;
    }
    run->active++;
    client_take_next(client);
    return client;
}

void fleet_client_destroy(struct fleet_client *client)
{
    if (client == NULL)
        return;
    close_connection(client);
    fleet_reply_fini(&client->reply);
    fleet_batch_destroy(client->batch);
    event_free(client->timer);
    free(client);
}
