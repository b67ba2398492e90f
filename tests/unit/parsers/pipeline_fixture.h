/* pipeline_fixture.h: one body through the record loop; what came out, by index. */
#ifndef VSOC_TESTS_PIPELINE_FIXTURE_H
#define VSOC_TESTS_PIPELINE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/event/event_json.h"
#include "parsers/registry/builtin.h"
#include "parsers/engine/pipeline.h"

#define FIXTURE_ITEMS 64

struct fixture_item {
    bool is_reject;
    char *json;                 /* of an event */
    char code[32], detail[200]; /* of a reject */
    uint64_t offset, size;
    size_t raw_size;
};

struct fixture {
    struct normaliser normaliser;
    struct pipeline_options options;
    struct pipeline_result result;
    struct fixture_item items[FIXTURE_ITEMS];
    size_t item_count;
    unsigned pseudonyms; /* how often one was made */
    struct arena arena;
    struct catalog *catalog;
    struct json_parser *json, *json_inner;
    struct registry *registry;
    enum status status;
};

static inline int64_t fixture_pseudonym(void *arg, struct slice tenant, struct slice vin,
                                        uint8_t pid[32])
{
    (void)tenant;
    struct fixture *f = arg;
    f->pseudonyms++;
    memset(pid, vin.data[16], 32);
    return 7;
}

static inline void fixture_on_event(void *arg, const struct event *event)
{
    struct fixture *f = arg;
    struct writer w;
    assert_true(f->item_count < FIXTURE_ITEMS);
    writer_init(&w, (size_t)1 << 24);
    event_json_write(&w, event);
    writer_u8(&w, 0);
    assert_int_equal(w.status, STATUS_OK);
    f->items[f->item_count++] = (struct fixture_item){.json = (char *)w.data};
}

static inline void fixture_on_reject(void *arg, const struct event_reject *r)
{
    struct fixture *f = arg;
    assert_true(f->item_count < FIXTURE_ITEMS);
    struct fixture_item *item = &f->items[f->item_count++];
    *item = (struct fixture_item){
        .is_reject = true, .offset = r->raw_offset, .size = r->raw_size, .raw_size = r->raw.size};
    snprintf(item->code, sizeof item->code, "%.*s", SLICE_ARGS(r->code));
    snprintf(item->detail, sizeof item->detail, "%.*s", SLICE_ARGS(r->detail));
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->catalog = catalog_create_builtin();
    f->json = json_parser_create(16, 65536);
    f->json_inner = json_parser_create(16, 65536);
    f->registry = registry_create();
    assert_non_null(f->catalog);
    arena_init(&f->arena, (size_t)1 << 24);
    f->normaliser = (struct normaliser){.catalog = f->catalog,
                                        .received_ns = INT64_C(1795342505000000000),
                                        .tenant_id = SLICE_LITERAL("demo"),
                                        .pseudonym = fixture_pseudonym,
                                        .pseudonym_arg = f,
                                        .vin_policy = VIN_POLICY_QUARANTINE,
                                        .arena = &f->arena};
    f->options = (struct pipeline_options){.parser = &parser_vsoc_json,
                                           .event_bytes = 65536,
                                           .batch_events = 50,
                                           .json_depth = 16,
                                           .normaliser = &f->normaliser,
                                           .json = f->json,
                                           .json_inner = f->json_inner,
                                           .registry = f->registry,
                                           .on_event = fixture_on_event,
                                           .on_reject = fixture_on_reject,
                                           .arg = f};
    *state = f;
    return 0;
}

static inline void fixture_forget(struct fixture *f)
{
    for (size_t i = 0; i < f->item_count; i++)
        free(f->items[i].json);
    f->item_count = 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    fixture_forget(f);
    registry_destroy(f->registry);
    json_parser_destroy(f->json_inner);
    json_parser_destroy(f->json);
    catalog_destroy(f->catalog);
    arena_fini(&f->arena);
    free(f);
    return 0;
}

/* Runs the body; the items of an earlier run are forgotten. */
static inline void fixture_run(struct fixture *f, const void *body, size_t size)
{
    fixture_forget(f);
    uint8_t *padded = malloc(size + PIPELINE_PADDING);
    memcpy(padded, body, size);
    memset(padded + size, ' ', PIPELINE_PADDING);
    f->status = pipeline_run(&f->options, slice_make(padded, size), &f->result);
    free(padded);
}

static inline void fixture_run_text(struct fixture *f, const char *body)
{
    fixture_run(f, body, strlen(body));
}

/* Item i is an event whose JSON contains text. */
static inline void assert_event_has(const struct fixture *f, size_t i, const char *text)
{
    assert_true(i < f->item_count);
    assert_false(f->items[i].is_reject);
    if (!strstr(f->items[i].json, text))
        fail_msg("%s\nis not in\n%s", text, f->items[i].json);
}

static inline void assert_event_lacks(const struct fixture *f, size_t i, const char *text)
{
    assert_true(i < f->item_count);
    assert_false(f->items[i].is_reject);
    if (strstr(f->items[i].json, text))
        fail_msg("%s\nis in\n%s", text, f->items[i].json);
}

/* Item i was quarantined with this code, and the sentence contains text. */
static inline void assert_rejected(const struct fixture *f, size_t i, const char *code,
                                   const char *text)
{
    assert_true(i < f->item_count);
    assert_true(f->items[i].is_reject);
    assert_string_equal(f->items[i].code, code);
    if (!strstr(f->items[i].detail, text))
        fail_msg("'%s' is not in '%s'", text, f->items[i].detail);
}

/* Bytes of the body that became events or quarantined records: these must follow each other, with
 * nothing left out and nothing taken twice. */
static inline uint64_t fixture_bytes(const struct fixture *f)
{
    uint64_t at = 0;
    for (size_t i = 0; i < f->item_count; i++) {
        unsigned long offset = f->items[i].offset, size = f->items[i].size;
        if (!f->items[i].is_reject) {
            const char *place = strstr(f->items[i].json, "\"raw_offset\":");
            assert_non_null(place);
            assert_int_equal(sscanf(place, "\"raw_offset\":%lu,\"raw_size\":%lu", &offset, &size),
                             2);
        }
        assert_int_equal(offset, at);
        at += size;
    }
    return at;
}

#define fixture_test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

#endif
