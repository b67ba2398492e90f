/* A way in that is no HTTP: this test. It makes submissions, gives bodies in spans and takes the
 * answers, over a spool of its own. */
#include "tests/support/spool_fixture.h"

#include <poll.h>

#include "parsers/catalog/catalog.h"
#include "server/ingest/ingest.h"
#include "server/ingest/submission.h"

struct world {
    struct spool_fixture *spool;
    struct config config;
    struct memory_budget budget;
    struct ingest_shared shared;
    struct catalog *catalog;
    struct registry *registry;
    struct ingest *ingest;
};

/* What became of a submission; outlives it. */
struct outcome {
    unsigned destroyed, refused, reported;
    struct refusal refusal;
    struct dedup_report report; /* without errors */
    bool repeat;
};

/* The object of this way in. */
struct drop {
    struct submission sub;
    struct outcome *outcome;
};

static struct outcome *outcome_of(struct submission *sub)
{
    return ((struct drop *)sub)->outcome;
}

static void on_refused(struct submission *sub, const struct refusal *refusal)
{
    outcome_of(sub)->refused++;
    outcome_of(sub)->refusal = *refusal;
}

static void on_reported(struct submission *sub, const char *level)
{
    struct outcome *o = outcome_of(sub);
    assert_string_equal(level, "spool");
    o->reported++;
    o->report = sub->report;
    o->report.errors = SLICE_EMPTY;
    o->repeat = sub->repeat;
}

static void on_destroy(struct submission *sub)
{
    outcome_of(sub)->destroyed++;
    free(sub);
}

static const struct submission_way way = {
    .refused = on_refused, .reported = on_reported, .destroy = on_destroy};

static void ignore(void *arg)
{
    (void)arg;
}

static int setup(void **state)
{
    static struct world world;
    struct world *w = &world;
    void *spool = NULL;
    *w = (struct world){.config = {.limit_body_bytes = 65536,
                                   .limit_inflated_bytes = 65536,
                                   .limit_inflate_ratio = 100,
                                   .limit_batch_events = 100,
                                   .limit_event_bytes = 4096,
                                   .limit_json_depth = 16,
                                   .limit_memory = 1 << 20,
                                   .timeout_commit = 60 * NS_PER_S}};
    if (fixture_setup(&spool) != 0)
        return -1;
    w->spool = spool;
    fixture_open(w->spool);
    w->catalog = catalog_create_builtin();
    w->registry = registry_create();
    atomic_store(&w->budget.limit, 1 << 20);
    w->shared.registry = w->registry;
    w->shared.spool = w->spool->spool;
    w->shared.dedup = dedup_create(100, 60 * NS_PER_S);
    w->shared.budget = w->shared.shed.budget = &w->budget;
    w->shared.shares = w->shared.shed.shares = memory_shares_create();
    w->shared.quota = quota_create();
    w->shared.key.id = 1;
    repeat_keys_derive(&w->shared.key, &w->shared.repeat);
    w->ingest = ingest_create(&w->shared, &w->config, w->catalog, ignore, NULL);
    assert_non_null(w->ingest);
    ingest_on_need_turn(w->ingest, ignore, NULL);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    void *spool = w->spool;
    ingest_destroy(w->ingest);
    quota_destroy(w->shared.quota);
    memory_shares_destroy(w->shared.shares);
    dedup_destroy(w->shared.dedup);
    registry_destroy(w->registry);
    catalog_destroy(w->catalog);
    return fixture_teardown(&spool);
}

/* A submission of sender "drop" that has no certificate. */
static struct drop *make(struct world *w, struct outcome *o)
{
    struct drop *d = calloc(1, sizeof *d);
    *o = (struct outcome){0};
    assert_int_equal(submission_init(&d->sub, w->ingest, &way), STATUS_OK);
    d->outcome = o;
    d->sub.identity = (struct identity){.tenant = SLICE_LITERAL("demo"),
                                        .sender = SLICE_LITERAL("drop"),
                                        .anonymous = true,
                                        .names_others = true};
    d->sub.coding = INFLATE_IDENTITY;
    d->sub.announced_bytes = -1;
    d->sub.address = "folder";
    d->sub.parser = registry_by_name(w->registry, SLICE_LITERAL("vsoc_json"));
    assert_non_null(d->sub.parser);
    return d;
}

/* Turns the worker until the outcome is there. */
static void run(struct world *w, const struct outcome *o)
{
    for (unsigned i = 0; !o->destroyed && i < 1000; i++) {
        struct pollfd verdict = {.fd = ingest_verdict_fd(w->ingest), .events = POLLIN};
        while (ingest_take_turn(w->ingest))
            ;
        if (!o->destroyed && poll(&verdict, 1, 100) > 0)
            ingest_take_verdicts(w->ingest);
    }
    assert_int_equal(o->destroyed, 1);
    assert_int_equal(ingest_in_flight(w->ingest), 0);
    assert_int_equal(atomic_load(&w->budget.used), 0);
}

static void give(struct world *w, struct outcome *o, const char *body)
{
    struct drop *d = make(w, o);
    size_t half = strlen(body) / 2;
    assert_true(submission_begin(&d->sub));
    submission_add(&d->sub, slice_make(body, half));
    submission_add(&d->sub, slice_make(body + half, strlen(body) - half));
    submission_end(&d->sub);
    run(w, o);
}

static void batch_without_http_is_durable_and_reported(void **state)
{
    struct world *w = *state;
    struct outcome o;
    give(w, &o, "{\"message\":\"a\"}\n{}\n{\"message\":\"b\"}\n");
    assert_int_equal(o.reported, 1);
    assert_int_equal(o.refused, 0);
    assert_int_equal(o.report.accepted, 2);
    assert_int_equal(o.report.quarantined, 1);
    assert_int_equal(o.report.position, spool_position(w->spool->spool));
}

static void same_batch_again_gets_the_first_report(void **state)
{
    struct world *w = *state;
    struct outcome first, again;
    give(w, &first, "{\"message\":\"a\"}");
    give(w, &again, "{\"message\":\"a\"}");
    assert_false(first.repeat);
    assert_true(again.repeat);
    assert_int_equal(again.report.position, first.report.position);
    assert_memory_equal(again.report.batch_uid, first.report.batch_uid, UUID_BYTES);
}

static void refusal_is_the_row_of_its_reason(void **state)
{
    struct world *w = *state;
    struct outcome o;
    give(w, &o, " ");
    assert_int_equal(o.refused, 1);
    assert_int_equal(o.reported, 0);
    assert_int_equal(o.refusal.reason, REFUSAL_empty_batch);
    assert_int_equal(spool_position(w->spool->spool), 0);
}

static void sender_over_its_quota_is_refused_before_the_body(void **state)
{
    struct world *w = *state;
    struct outcome o;
    quota_configure(w->shared.quota, 1, 1);
    give(w, &o, "{\"message\":\"a\"}\n{\"message\":\"b\"}\n");
    assert_int_equal(o.reported, 1);
    struct drop *d = make(w, &o);
    assert_false(submission_begin(&d->sub));
    assert_int_equal(o.refusal.reason, REFUSAL_quota);
    assert_true(o.refusal.retry_after_s > 0);
    assert_int_equal(o.destroyed, 1);
}

static void sender_that_is_gone_gets_no_answer_and_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct outcome o;
    struct drop *d = make(w, &o);
    assert_true(submission_begin(&d->sub));
    submission_add(&d->sub, SLICE_LITERAL("{\"message\":"));
    submission_gone(&d->sub);
    run(w, &o);
    assert_int_equal(o.refused + o.reported, 0);
    assert_int_equal(spool_position(w->spool->spool), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(batch_without_http_is_durable_and_reported),
        TEST(same_batch_again_gets_the_first_report),
        TEST(refusal_is_the_row_of_its_reason),
        TEST(sender_over_its_quota_is_refused_before_the_body),
        TEST(sender_that_is_gone_gets_no_answer_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
