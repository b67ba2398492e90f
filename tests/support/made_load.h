/* made_load.h: loads for tests of sinks: batches, events and rejects made up from a few numbers,
 * the same for the same numbers. One walk at a time; owner: the test's thread. */
#ifndef VSOC_TESTS_MADE_LOAD_H
#define VSOC_TESTS_MADE_LOAD_H

#include <stdio.h>
#include <stdlib.h>

#include "core/hash.h"
#include "core/thread.h"
#include "core/uuid7.h"
#include "storage/sink.h"

struct made_batch {
    uint8_t uid[UUID_BYTES], key[SHA256_BYTES];
};

struct made_load {
    struct sink_load load; /* first: a load is its made_load */
    /* What to make. */
    uint64_t first;                    /* position of the first batch */
    unsigned batches, events, rejects; /* in all; of each batch, rejects behind events */
    unsigned vehicles;                 /* event i is of vehicle i % vehicles; 0: of none */
    unsigned seed;                     /* other ids */
    int64_t received_ns;
    long health;           /* index of an event of category ids_health in each batch; -1: none */
    long large;            /* index of an event of the first batch with a long message; -1: none */
    unsigned large_events; /* so many from there on, in every batch; 0: that one alone */
    size_t large_bytes;    /* of it, and of each reject's raw bytes when rejects_large */
    size_t tenant_bytes;   /* of the tenant's name; 0: a short one */
    struct slice traceparent;
    bool rejects_large;
    struct sink_rejected rejected; /* with load.rejected_count 1 */
    bool lost;                     /* its items can't be read, */
    unsigned lost_from;            /* from this index on */
    /* What the sink marked. */
    size_t marked;
    struct sink_rejected marked_last;
    char marked_reason[160];
    /* Made. */
    struct made_batch *made;
    struct sink_batch *list;
    uint8_t *filler;
    uint8_t event_uid[UUID_BYTES], vehicle[SHA256_BYTES];
};

static void made_event(struct made_load *m, const struct sink_batch *b, uint32_t index,
                       struct event *e)
{
    static const struct slice threats[] = {{(const uint8_t *)"11.3", 4},
                                           {(const uint8_t *)"18.3", 4}};
    event_clear(e);
    uuid7_of_event(b->batch_uid, index, m->event_uid);
    EVENT_SET(e, event_uid, slice_make(m->event_uid, UUID_BYTES));
    EVENT_SET(e, schema_version, SLICE_LITERAL("1.0"));
    EVENT_SET(e, tenant_id, b->tenant);
    EVENT_SET(e, batch_uid, slice_make(b->batch_uid, UUID_BYTES));
    EVENT_SET(e, batch_index, index);
    EVENT_SET(e, dedup_key, slice_make(b->key, 16));
    EVENT_SET(e, source_event_id, SLICE_LITERAL("7f3a-118"));
    if (m->vehicles) {
        memset(m->vehicle, (int)(1 + index % m->vehicles), sizeof m->vehicle);
        EVENT_SET(e, vehicle_pid, slice_make(m->vehicle, sizeof m->vehicle));
        EVENT_SET(e, vin_key_id, 1);
    }
    EVENT_SET(e, wmi, SLICE_LITERAL("1M8"));
    EVENT_SET(e, sw_baseline, SLICE_LITERAL("2026.40.1"));
    EVENT_SET(e, sensor_kind, SLICE_LITERAL("can_ids"));
    EVENT_SET(e, ecu_id, SLICE_LITERAL("GW-3"));
    EVENT_SET(e, sev_id, 103);
    EVENT_SET(e, event_name, SLICE_LITERAL("SEV_UDS_SECURITY_ACCESS_FAILED"));
    EVENT_SET(e, event_category,
              (long)index == m->health ? SLICE_LITERAL("ids_health")
                                       : SLICE_LITERAL("diagnostic_access"));
    EVENT_SET(e, attributes, SLICE_LITERAL("{\"attempt\":4}"));
    EVENT_SET(e, count, 4);
    EVENT_SET(e, time_event_ns, b->received_ns - INT64_C(5000000000));
    EVENT_SET(e, time_source, SLICE_LITERAL("rtc"));
    EVENT_SET(e, time_quality, SLICE_LITERAL("synced"));
    EVENT_SET(e, time_received, b->received_ns);
    EVENT_SET(e, time_ingested, b->ingested_ns);
    EVENT_SET(e, clock_skew_ms, 5000);
    EVENT_SET(e, severity_id, 3);
    EVENT_SET(e, bus_id, SLICE_LITERAL("can0"));
    EVENT_SET(e, can_id, 1808);
    EVENT_SET(e, speed_kmh, 48.5);
    EVENT_SET(e, r155_threat, ((struct slice_list){threats, 2}));
    EVENT_SET(e, parser_name, b->format);
    EVENT_SET(e, parser_version, b->parser_version);
    EVENT_SET(e, parse_status, SLICE_LITERAL("ok"));
    EVENT_SET(e, raw_offset, index * INT64_C(380));
    EVENT_SET(e, raw_size, 380);
    EVENT_SET(e, transport_identity, b->transport_identity);
    EVENT_SET(e, chain_hash, slice_make(b->chain_hash, SHA256_BYTES));
    bool among = m->large >= 0 && index >= m->large && index - m->large < m->large_events;
    if (among || (b == m->list && (long)index == m->large))
        EVENT_SET(e, message, slice_make(m->filler, m->large_bytes));
}

static void made_reject(const struct made_load *m, uint32_t index, struct event_reject *r)
{
    *r = (struct event_reject){.index = index,
                               .raw_offset = index * UINT64_C(380),
                               .raw_size = 9,
                               .raw = SLICE_LITERAL("{\"broken\0"),
                               .parser = SLICE_LITERAL("vsoc_json"),
                               .code = SLICE_LITERAL("malformed"),
                               .detail = SLICE_LITERAL("string has no end")};
    if (m->rejects_large) {
        r->raw = slice_make(m->filler, m->large_bytes);
        r->raw_size = m->large_bytes;
    }
}

static void made_begin(const struct sink_load *load, size_t batch, struct sink_iterator *it)
{
    it->batch = &load->batches[batch];
    it->state[0] = (void *)(uintptr_t)load;
    it->state[1] = NULL;
}

static enum sink_next made_next(struct sink_iterator *it, struct event_item *item)
{
    struct made_load *m = it->state[0];
    uint32_t n = (uint32_t)(uintptr_t)it->state[1];
    if (m->lost && n >= m->lost_from)
        return SINK_NEXT_LOST;
    if (n >= m->events + m->rejects)
        return SINK_NEXT_END;
    it->state[1] = (void *)((uintptr_t)n + 1);
    item->is_reject = n >= m->events;
    if (item->is_reject)
        made_reject(m, n, &item->reject);
    else
        made_event(m, it->batch, n, &item->event);
    return SINK_NEXT_ITEM;
}

static void made_marked(const struct sink_load *load, const struct sink_rejected *event)
{
    struct made_load *m = (struct made_load *)(uintptr_t)load;
    m->marked_last = *event;
    m->marked_last.reason = NULL;
    snprintf(m->marked_reason, sizeof m->marked_reason, "%s", event->reason);
    m->marked++;
}

static void made_batch_make(struct made_load *m, size_t i)
{
    struct made_batch *made = &m->made[i];
    char text[64];
    uint64_t position = m->first + i;
    snprintf(text, sizeof text, "%u/%llu", m->seed, (unsigned long long)position);
    sha256_bytes(slice_from_text(text), made->key);
    memcpy(made->uid, made->key, UUID_BYTES);
    memset(made->uid + 13, 0, 3); /* room for its events */
    m->list[i] = (struct sink_batch){.position = position,
                                     .batch_uid = made->uid,
                                     .key = made->key,
                                     .body_digest = made->key,
                                     .body_commitment = made->key,
                                     .chain_hash = made->key,
                                     .received_ns = m->received_ns,
                                     .ingested_ns = m->received_ns + 1000000,
                                     .body_bytes = 1000,
                                     .inflated_bytes = 4000,
                                     .accepted = m->events,
                                     .quarantined = m->rejects,
                                     .tenant = SLICE_LITERAL("demo"),
                                     .sender = SLICE_LITERAL("gateway-7"),
                                     .transport_identity = SLICE_LITERAL("sha256:0011"),
                                     .content_type = SLICE_LITERAL("application/x-ndjson"),
                                     .format = SLICE_LITERAL("vsoc_json"),
                                     .parser_version = SLICE_LITERAL("1.0.0"),
                                     .traceparent = m->traceparent};
    if (m->tenant_bytes)
        m->list[i].tenant = slice_make(m->filler, m->tenant_bytes);
}

/* Makes the batches that *m asks for, a load of the spool with this id (16 bytes). */
static void made_load_make(struct made_load *m, const uint8_t *spool_uid)
{
    m->made = calloc(m->batches + 1, sizeof *m->made);
    m->list = calloc(m->batches + 1, sizeof *m->list);
    size_t filled = m->large_bytes + m->tenant_bytes;
    m->filler = malloc(filled + 1);
    ensure(m->made && m->list && m->filler);
    memset(m->filler, 'x', filled);
    for (size_t i = 0; i < m->batches; i++)
        made_batch_make(m, i);
    size_t rejected = m->load.rejected_count;
    m->load = (struct sink_load){.struct_size = sizeof m->load,
                                 .batches = m->list,
                                 .batch_count = m->batches,
                                 .event_count = m->batches * (m->events + m->rejects),
                                 .spool_uid = spool_uid,
                                 .rejected = &m->rejected,
                                 .rejected_count = rejected,
                                 .begin = made_begin,
                                 .next = made_next,
                                 .reject = made_marked};
    m->marked = 0;
}

static void made_load_free(struct made_load *m)
{
    free(m->made);
    free(m->list);
    free(m->filler);
}

#endif
