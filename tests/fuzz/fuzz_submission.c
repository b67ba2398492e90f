/* fuzz_submission.c: any bytes as a whole submission, on the way that a batch takes before the
 * spool: the first line is the media type, the second the content coding, the rest the body. What
 * would be stored can be decoded and is the same a second time; what is refused has a row of
 * refusals.def and a sentence. */
#include <string.h>

#include "core/hash.h"
#include "parsers/registry/probed_type.h"
#include "server/ingest/trial.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MAX 65536

struct taken {
    uint32_t events, rejects;
    uint64_t sum; /* of what tells events apart */
};

static void take(void *arg, const struct event_item *item)
{
    struct taken *t = arg;
    if (item->is_reject) {
        ensure(item->reject.code.size > 0 && item->reject.raw_size <= 4 * BODY_MAX);
        t->rejects++;
        t->sum = t->sum * 31 + item->reject.index;
        return;
    }
    ensure(EVENT_HAS(&item->event, dedup_key));
    for (size_t i = 0; i < item->event.dedup_key.size; i++)
        t->sum = t->sum * 31 + item->event.dedup_key.data[i];
    t->events++;
}

/* Not keyed: the target looks for what breaks, not for what leaks. */
static int64_t pseudonym(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32])
{
    (void)arg;
    (void)tenant;
    memset(pid, 0, 32);
    memcpy(pid, vin.data, vin.size < 32 ? vin.size : 32);
    return 1;
}

static struct world {
    struct config *config;
    struct registry *registry;
    struct catalog *catalog;
    struct trial *trial;
} world;

/* Limits that a small body can reach. */
static void make_world(void)
{
    const char *const sets[] = {"limits.body_bytes=64KiB", "limits.inflated_bytes=256KiB",
                                "limits.batch_events=2000", "limits.event_bytes=16KiB"};
    struct config_problems problems;
    ensure(config_from_text(SLICE_LITERAL(""), sets, 4, &world.config, &problems) == STATUS_OK);
    world.registry = registry_create();
    world.catalog = catalog_create_builtin();
    ensure(world.registry && world.catalog);
    world.trial = trial_create(world.config, world.registry, world.catalog);
    ensure(world.trial);
}

/* Takes a line off the input. */
static struct slice take_line(struct slice *rest)
{
    const uint8_t *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
    struct slice line = slice_sub(*rest, 0, end ? (size_t)(end - rest->data) : rest->size);
    *rest = slice_sub(*rest, line.size + (end != NULL), rest->size);
    return line;
}

static enum status run(struct trial_body *body, struct taken *taken, struct trial_counts *counts,
                       struct refusal *refusal)
{
    *taken = (struct taken){0};
    return trial_run(world.trial, body, take, taken, counts, refusal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size);
    struct trial_counts counts = {0}, again = {0};
    struct taken first, second;
    struct refusal refusal, same;
    if (size > BODY_MAX + 256)
        return 0;
    if (!world.trial)
        make_world();
    struct slice media = take_line(&rest), coding = take_line(&rest);
    struct trial_body body = {
        .tenant = SLICE_LITERAL("fuzz"),
        .header_vin = SLICE_LITERAL("WVWZZZ1JZXW000001"),
        .parser = registry_by_content_type(world.registry, media),
        .content_type = media,
        .trial = {.received_ns = INT64_C(1795342502000000000), .pseudonym = pseudonym},
        .body = rest};
    if (inflate_coding_parse(coding, &body.coding) != STATUS_OK)
        return 0; /* the way in refuses it */
    enum status status = run(&body, &first, &counts, &refusal);
    if (status == STATUS_REFUSED) {
        ensure(refusal.reason < REFUSAL_COUNT && refusal.detail[0]);
        ensure(refusal.status >= 400 && refusal.status < 600);
        ensure(first.events == 0 && first.rejects == 0);
    } else {
        ensure(status == STATUS_OK);
        ensure(counts.accepted == first.events && counts.quarantined == first.rejects);
        ensure(counts.accepted + counts.duplicates + counts.quarantined <= 2000);
    }
    ensure(run(&body, &second, &again, &same) == status);
    ensure(second.sum == first.sum && second.events == first.events);
    ensure(status != STATUS_REFUSED || same.reason == refusal.reason);
    return 0;
}
