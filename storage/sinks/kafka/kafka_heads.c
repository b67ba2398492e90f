/* kafka_heads.c: sends signed heads to their topic. Runs on the thread "kafka heads", except
 * create, start and destroy. Signs nothing and judges no tree. */
#define LOG_COMPONENT "kafka"
#include "storage/sinks/kafka/kafka_heads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "core/wait/condition.h"
#include "storage/evidence/last_head.h"
#include "storage/sinks/kafka/kafka_client.h"
#include "storage/sinks/kafka/kafka_closing.h"
#include "storage/sinks/kafka/kafka_tail.h"
#include "storage/sinks/kafka/kafka_topics.h"

#define LOOK_NS       NS_PER_S /* how often a new head is looked for */
#define RETRY_NS      (2 * NS_PER_S)
#define CONNECT_NS    (10 * NS_PER_S)
#define READ_BACK_NS  (300 * NS_PER_S) /* a long topic that others share */
#define FLUSH_NS      (10 * NS_PER_S)
#define HEADS_AT_ONCE 500

#define KAFKA_HEADS_MAGIC 0x4b484541U

struct kafka_heads {
    unsigned magic; /* KAFKA_HEADS_MAGIC */
    struct kafka_client client;
    char *dir;
    struct thread thread;
    pthread_mutex_t lock; /* a leaf */
    pthread_cond_t changed;
    bool stopping; /* under lock */
    /* Of the thread. */
    rd_kafka_t *producer;     /* NULL: what is in the topic is not known */
    struct note_verifier log; /* whose heads are sent */
    uint64_t sent;            /* size of the newest head in the topic */
    struct stat done;         /* the file `head` when all was sent */
    bool failing;
    metric_t size;
};

OBJECT_CAST(kafka_heads, KAFKA_HEADS_MAGIC)

/* --- what is in the topic -------------------------------------------------------------------- */

#define NEWEST_MAGIC 0x4b4e4557U

/* The newest head of the log in the topic. */
struct newest {
    unsigned magic; /* NEWEST_MAGIC */
    const struct note_verifier *log;
    bool found;
    uint64_t size;
    uint8_t root[MERKLE_HASH_BYTES];
    struct writer note;
};

OBJECT_CAST(newest, NEWEST_MAGIC)

/* Who may write to the topic is not who may sign: only signed heads count. */
static void take_message(void *arg, const rd_kafka_message_t *message)
{
    struct newest *newest = newest_cast(arg);
    struct slice bytes = slice_make(message->payload, message->len);
    struct note note;
    struct checkpoint checkpoint;
    if (!slice_equal_text(slice_make(message->key, message->key_len), newest->log->name) ||
        checkpoint_open(bytes, newest->log, &note, &checkpoint) != STATUS_OK ||
        (newest->found && checkpoint.size < newest->size))
        return;
    newest->found = true;
    newest->size = checkpoint.size;
    memcpy(newest->root, checkpoint.root, sizeof newest->root);
    writer_reset(&newest->note);
    writer_add_slice(&newest->note, bytes);
}

static bool has_found(void *arg)
{
    return newest_cast(arg)->found;
}

static enum sink_result read_back(struct kafka_heads *h, rd_kafka_t *reader, struct newest *newest,
                                  struct sink_problem *problem)
{
    char doing[400];
    bool held;
    const struct kafka_tail tail = {.topic = h->client.settings->topic_heads,
                                    .partition = KAFKA_HEADS_PARTITION,
                                    .deadline_ns = clock_monotonic_ns() + READ_BACK_NS,
                                    .on_message = take_message,
                                    .is_enough = has_found,
                                    .arg = newest};
    rd_kafka_resp_err_t error = kafka_tail_read(&h->client, reader, &tail, &held);
    if (!error)
        return SINK_DELIVERED;
    snprintf(doing, sizeof doing, "the heads in topic %s can't be read back", tail.topic);
    return kafka_problem(&h->client, error, NULL, doing, problem);
}

/* The tree may be behind what it has shown, or have another history. */
static void compare(const struct kafka_heads *h, const struct newest *newest,
                    const struct evidence_head *head)
{
    if (!newest->found || newest->size < head->size ||
        (newest->size == head->size && memcmp(newest->root, head->root, sizeof head->root) == 0))
        return;
    if (last_head_report(h->dir, writer_slice(&newest->note)) != STATUS_OK)
        log_warn("Kafka has a head that this server does not have, and it can't be noted",
                 LOG_TEXT("dir", h->dir));
}

/* --- connection ------------------------------------------------------------------------------ */

static void drop(struct kafka_heads *h)
{
    if (!h->producer)
        return;
    (void)rd_kafka_purge(h->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    kafka_close_handle(h->producer);
    h->producer = NULL;
}

static enum sink_result connect_reader(struct kafka_heads *h, rd_kafka_t *reader,
                                       const struct evidence_head *head,
                                       struct sink_problem *problem)
{
    struct newest newest = {.magic = NEWEST_MAGIC, .log = &h->log};
    int64_t deadline_ns = clock_monotonic_ns() + CONNECT_NS;
    writer_init(&newest.note, NOTE_BYTES_MAX);
    enum sink_result result = kafka_topics_check_heads(&h->client, reader, deadline_ns, problem);
    if (result == SINK_DELIVERED)
        result = read_back(h, reader, &newest, problem);
    if (result == SINK_DELIVERED) {
        compare(h, &newest, head);
        h->sent = newest.size;
    }
    writer_fini(&newest.note);
    return result;
}

static enum sink_result connect_both(struct kafka_heads *h, const struct evidence_head *head,
                                     struct sink_problem *problem)
{
    kafka_client_forget_errors(&h->client);
    rd_kafka_t *reader = kafka_client_open(&h->client, KAFKA_READER, problem);
    if (!reader)
        return SINK_BROKEN;
    enum sink_result result = connect_reader(h, reader, head, problem);
    kafka_close_handle(reader);
    if (result == SINK_DELIVERED)
        h->producer = kafka_client_open(&h->client, KAFKA_PRODUCER, problem);
    if (result == SINK_DELIVERED && !h->producer)
        result = SINK_BROKEN;
    return result;
}

/* --- sending --------------------------------------------------------------------------------- */

#define SENDING_MAGIC 0x4b534e44U

struct sending {
    unsigned magic; /* SENDING_MAGIC */
    struct kafka_heads *h;
    uint64_t last; /* size of the head that was produced last */
    unsigned count;
    enum sink_result result;
    struct sink_problem *problem;
};

OBJECT_CAST(sending, SENDING_MAGIC)

static void failed(struct sending *s, rd_kafka_resp_err_t error)
{
    char doing[400];
    snprintf(doing, sizeof doing, "heads can't be written to topic %s",
             s->h->client.settings->topic_heads);
    s->result = kafka_problem(&s->h->client, error, NULL, doing, s->problem);
}

/* Until all that was produced is confirmed. */
static void confirm(struct sending *s)
{
    struct kafka_heads *h = s->h;
    int64_t deadline_ns = clock_monotonic_ns() + FLUSH_NS;
    while (rd_kafka_flush(h->producer, KAFKA_SLICE_MS) != RD_KAFKA_RESP_ERR_NO_ERROR &&
           !h->client.delivery_error) {
        if (atomic_load(&h->client.interrupted) || clock_monotonic_ns() >= deadline_ns) {
            failed(s, RD_KAFKA_RESP_ERR__TIMED_OUT);
            return;
        }
    }
    if (h->client.delivery_error) {
        failed(s, h->client.delivery_error);
        return;
    }
    if (s->count)
        h->sent = s->last;
    s->count = 0;
    metric_set(h->size, (double)h->sent);
}

static rd_kafka_resp_err_t produce(struct kafka_heads *h, const struct evidence_head *head)
{
    return rd_kafka_producev(h->producer, RD_KAFKA_V_TOPIC(h->client.settings->topic_heads),
                             RD_KAFKA_V_PARTITION(KAFKA_HEADS_PARTITION),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_KEY(h->log.name, strlen(h->log.name)),
                             RD_KAFKA_V_VALUE((void *)(uintptr_t)head->note.data, head->note.size),
                             RD_KAFKA_V_TIMESTAMP(head->signed_ns / NS_PER_MS), RD_KAFKA_V_END);
}

static bool send_head(void *arg, const struct evidence_head *head)
{
    struct sending *s = sending_cast(arg);
    rd_kafka_resp_err_t error = produce(s->h, head);
    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        confirm(s);
        if (s->result != SINK_DELIVERED)
            return false;
        error = produce(s->h, head);
    }
    if (error) {
        failed(s, error);
        return false;
    }
    s->last = head->size;
    if (++s->count == HEADS_AT_ONCE)
        confirm(s);
    return s->result == SINK_DELIVERED;
}

static enum sink_result send_new(struct kafka_heads *h, struct sink_problem *problem)
{
    struct sending s = {
        .magic = SENDING_MAGIC, .h = h, .result = SINK_DELIVERED, .problem = problem};
    kafka_client_forget_errors(&h->client);
    enum status status = evidence_heads_walk(h->dir, h->sent + 1, send_head, &s);
    if (s.result == SINK_DELIVERED)
        confirm(&s); /* what was produced before a damaged entry too */
    if (s.result == SINK_DELIVERED && status != STATUS_OK) {
        snprintf(problem->text, sizeof problem->text, "signed heads in %s can't be read: %s",
                 h->dir, status_text(status));
        s.result = SINK_LATER;
    }
    return s.result;
}

/* --- the thread ------------------------------------------------------------------------------ */

/* The key that signs, as the server has stored it beside the heads. */
static bool read_log(const char *dir, struct note_verifier *log)
{
    char path[4200], text[4096];
    snprintf(path, sizeof path, "%s/head.vkey", dir);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = file >= 0 ? read(file, text, sizeof text) : -1;
    if (file >= 0)
        close(file);
    while (n > 0 && text[n - 1] == '\n')
        n--;
    return n > 0 && note_verifier_parse(slice_make(text, (size_t)n), log) == STATUS_OK;
}

static enum sink_result send_as(struct kafka_heads *h, const struct evidence_head *head,
                                struct sink_problem *problem)
{
    struct note_verifier log = {0};
    enum sink_result result = SINK_DELIVERED;
    if (!read_log(h->dir, &log)) {
        snprintf(problem->text, sizeof problem->text, "%s/head.vkey can't be read", h->dir);
        return SINK_LATER;
    }
    if (!note_verifier_equal(&log, &h->log))
        drop(h); /* a tree begun anew has another origin */
    h->log = log;
    if (!h->producer)
        result = connect_both(h, head, problem);
    metric_set(h->size, (double)h->sent);
    if (result == SINK_DELIVERED && h->sent < head->size)
        result = send_new(h, problem);
    return result;
}

/* The file `head` is replaced with each new head. */
static bool is_done(struct kafka_heads *h, struct stat *now)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/" HEADS_TEXT_FILE, h->dir);
    if (stat(path, now))
        return true; /* no head yet */
    return h->producer && now->st_ino == h->done.st_ino &&
           now->st_mtim.tv_sec == h->done.st_mtim.tv_sec &&
           now->st_mtim.tv_nsec == h->done.st_mtim.tv_nsec;
}

static enum sink_result step(struct kafka_heads *h, struct sink_problem *problem)
{
    struct writer note;
    struct evidence_head head;
    struct stat now;
    if (h->producer)
        (void)rd_kafka_poll(h->producer, 0);
    if (is_done(h, &now))
        return SINK_DELIVERED;
    writer_init(&note, NOTE_BYTES_MAX);
    enum sink_result result = SINK_DELIVERED;
    enum status status = evidence_heads_last(h->dir, &note, &head);
    if (status == STATUS_OK) {
        result = send_as(h, &head, problem);
    } else if (status != STATUS_NOT_FOUND) {
        snprintf(problem->text, sizeof problem->text, "signed heads in %s can't be read: %s",
                 h->dir, status_text(status));
        result = SINK_LATER;
    }
    if (result == SINK_DELIVERED && status == STATUS_OK)
        h->done = now;
    writer_fini(&note);
    return result;
}

static void tell(struct kafka_heads *h, enum sink_result result, const struct sink_problem *problem)
{
    bool fails = result != SINK_DELIVERED;
    if (fails && !h->failing)
        log_warn("signed heads can't be sent to Kafka; they stay in data_dir and are sent later",
                 LOG_TEXT("error", problem->text));
    else if (!fails && h->failing)
        log_info("signed heads are sent to Kafka again");
    h->failing = fails;
}

static bool wait_ns(struct kafka_heads *h, int64_t timeout_ns)
{
    int64_t end_ns = condition_end_ns(timeout_ns);
    pthread_mutex_lock(&h->lock);
    while (!h->stopping && condition_wait(&h->changed, &h->lock, end_ns))
        ;
    bool go_on = !h->stopping;
    pthread_mutex_unlock(&h->lock);
    return go_on;
}

static void run(void *arg)
{
    struct kafka_heads *h = kafka_heads_cast(arg);
    int64_t pause_ns = 0;
    while (wait_ns(h, pause_ns)) {
        struct sink_problem problem = {.text = ""};
        enum sink_result result = step(h, &problem);
        if (atomic_load(&h->client.interrupted))
            break;
        if (result != SINK_DELIVERED)
            drop(h);
        tell(h, result, &problem);
        pause_ns = result == SINK_DELIVERED ? LOOK_NS : RETRY_NS;
    }
    drop(h);
}

/* --- owner ----------------------------------------------------------------------------------- */

struct kafka_heads *kafka_heads_create(const struct sink_config *config)
{
    struct sink_problem problem;
    if (!config->evidence_dir || config->replay || config->lane != 0)
        return NULL;
    struct kafka_heads *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->dir = strdup(config->evidence_dir);
    /* Its problems are those of the lane's client, which reports them. */
    if (!h->dir || !kafka_client_init_heads(&h->client, config, &problem)) {
        free(h->dir);
        free(h);
        return NULL;
    }
    pthread_mutex_init(&h->lock, NULL);
    condition_init(&h->changed);
    h->size = metric_series(METRIC_vsocd_kafka_head_size, "");
    h->magic = KAFKA_HEADS_MAGIC;
    return h;
}

void kafka_heads_start(struct kafka_heads *h)
{
    if (!h || h->thread.started)
        return;
    if (thread_start(&h->thread, THREAD_JOBS, "kafka heads", run, h) != STATUS_OK)
        log_warn("no thread for signed heads; they are not sent to Kafka until it can be started");
}

void kafka_heads_destroy(struct kafka_heads *h)
{
    if (!h)
        return;
    atomic_store(&h->client.interrupted, true);
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    thread_join(&h->thread);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
    object_end(&h->magic);
    free(h->dir);
    free(h);
}
