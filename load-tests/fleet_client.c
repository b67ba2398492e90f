/* Posts batches over one connection and repeats each until it has an answer. Runs on the
 * generator's only thread, in libevent callbacks. It does not make batches and does not know other
 * connections. */
#include "fleet_client.h"

#include "fleet_link.h"
#include "fleet_reply.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum client_state {
    CLIENT_OPENING, /* connecting ahead of its first batch; the timer tries again */
    CLIENT_IDLE,    /* connected ahead, or not begun */
    CLIENT_WAITING, /* the timer starts the next send */
    CLIENT_ASKING,  /* connecting, sending or waiting for the reply until the deadline */
    CLIENT_DONE,
};

enum { BACKOFF_FIRST_MS = 50, BACKOFF_MAX_MS = 2000, EARLY_NS = 20000 };

struct fleet_client {
    struct fleet_run *run;
    enum client_state state;
    struct event *timer;
    struct fleet_link link;
    struct fleet_batch *batch; /* the one being sent; NULL between batches */
    struct fleet_reply reply;
    uint32_t attempts;
    uint64_t due_ns, deadline_ns;
};

static void client_send(struct fleet_client *client);
static void client_take_next(struct fleet_client *client);

static void timer_in(struct fleet_client *client, uint64_t delay_ns)
{
    struct timeval delay = {(time_t)(delay_ns / 1000000000u),
                            (suseconds_t)(delay_ns % 1000000000u / 1000u)};
    evtimer_add(client->timer, &delay);
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
        fprintf(stderr, "fleet: batch %" PRIu64 " %s (status %d): %.*s\n", client->batch->number,
                why, client->reply.status,
                (int)(client->reply.body_bytes < 500 ? client->reply.body_bytes : 500),
                client->reply.body != NULL ? client->reply.body : "");
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

static void on_reply(struct fleet_client *client, size_t used)
{
    struct fleet_stats *stats = &client->run->stats;
    if (client->reply.status < FLEET_STATUS_MAX)
        stats->statuses[client->reply.status]++;
    /* A reply that came before all was sent, or more than one reply: nothing to build on. */
    bool in_step = client->link.out_bytes == 0 && client->link.in_bytes == used;
    client->state = CLIENT_WAITING;
    client->link.in_bytes = 0; /* the bytes stay where they are until more arrive */
    if (client->reply.close || !in_step)
        fleet_link_close(&client->link);
    act_on_reply(client);
}

static void on_broken(struct fleet_client *client, uint64_t *counter)
{
    (*counter)++;
    fleet_link_close(&client->link);
    if (client->state == CLIENT_ASKING)
        retry(client, 0);
    else if (client->state == CLIENT_OPENING)
        timer_in(client, (uint64_t)BACKOFF_FIRST_MS * 1000000u);
}

static void read_reply(struct fleet_client *client, bool closed)
{
    size_t used = 0;
    switch (
        fleet_reply_read(&client->reply, client->link.in, client->link.in_bytes, closed, &used)) {
    case FLEET_REPLY_DONE:
        on_reply(client, used);
        break;
    case FLEET_REPLY_BROKEN:
        on_broken(client, &client->run->stats.disconnects);
        break;
    case FLEET_REPLY_MORE:
        break;
    }
}

static void on_data(void *owner)
{
    struct fleet_client *client = owner;
    if (client->state == CLIENT_ASKING)
        read_reply(client, false);
    else
        fleet_link_close(&client->link); /* nobody asked */
}

static void on_open(void *owner)
{
    struct fleet_client *client = owner;
    client->run->stats.connects++;
    if (client->state == CLIENT_ASKING)
        fleet_link_send(&client->link, client->batch->request, client->batch->request_bytes);
    else if (client->state == CLIENT_OPENING) {
        client->state = CLIENT_IDLE;
        fleet_run_opened(client->run);
    }
}

static void on_closed(void *owner)
{
    struct fleet_client *client = owner;
    struct fleet_stats *stats = &client->run->stats;
    if (!client->link.open)
        on_broken(client, &stats->connect_errors);
    else if (client->state == CLIENT_ASKING && client->link.eof)
        read_reply(client, true);
    else if (client->state == CLIENT_ASKING)
        on_broken(client, &stats->disconnects);
    else
        fleet_link_close(&client->link); /* closed while idle: no failure */
}

static void on_timer(evutil_socket_t unused, short what, void *argument)
{
    struct fleet_client *client = argument;
    uint64_t now = fleet_now_ns();
    (void)unused, (void)what;
    if (client->state == CLIENT_OPENING)
        fleet_client_open(client);
    else if (client->state == CLIENT_WAITING && client->attempts == 0 &&
             client->due_ns > now + EARLY_NS)
        timer_in(client, client->due_ns - now); /* the loop's clock is a little behind */
    else if (client->state == CLIENT_WAITING)
        client_send(client);
}

static bool client_connect(struct fleet_client *client)
{
    static const struct fleet_link_calls CALLS = {on_open, on_data, on_closed};
    struct fleet_run *run = client->run;
    client->link.calls = &CALLS;
    return fleet_link_connect(&client->link, (const struct sockaddr *)&run->address,
                              run->address_bytes, run->tls);
}

static void client_send(struct fleet_client *client)
{
    struct fleet_stats *stats = &client->run->stats;
    assert(client->batch != NULL && client->state == CLIENT_WAITING);
    client->attempts++;
    if (client->link.fd < 0 && !client_connect(client)) {
        stats->connect_errors++;
        retry(client, 0);
        return;
    }
    client->state = CLIENT_ASKING;
    client->deadline_ns =
        fleet_now_ns() + (uint64_t)client->run->options->timeout_seconds * 1000000000u;
    stats->requests++;
    stats->retries += client->attempts > 1;
    if (client->link.open)
        fleet_link_send(&client->link, client->batch->request, client->batch->request_bytes);
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
    if (client->due_ns > now)
        timer_in(client, client->due_ns - now);
    else
        client_send(client);
}

struct fleet_client *fleet_client_create(struct fleet_run *run)
{
    struct fleet_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    client->run = run;
    client->state = CLIENT_IDLE;
    client->timer = evtimer_new(run->base, on_timer, client);
    if (client->timer == NULL) {
        free(client);
        return NULL;
    }
    fleet_link_init(&client->link, run->base, NULL, client);
    run->active++;
    return client;
}

void fleet_client_open(struct fleet_client *client)
{
    client->state = CLIENT_OPENING;
    if (!client_connect(client))
        on_broken(client, &client->run->stats.connect_errors);
}

void fleet_client_begin(struct fleet_client *client)
{
    assert(client->state == CLIENT_IDLE);
    client_take_next(client);
}

void fleet_client_check(struct fleet_client *client, uint64_t now_ns)
{
    if (client->state == CLIENT_ASKING && now_ns > client->deadline_ns)
        on_broken(client, &client->run->stats.timeouts);
}

void fleet_client_destroy(struct fleet_client *client)
{
    if (client == NULL)
        return;
    fleet_link_fini(&client->link);
    fleet_batch_destroy(client->batch);
    event_free(client->timer);
    free(client);
}
