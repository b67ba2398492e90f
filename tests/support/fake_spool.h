/* fake_spool.h: a spool in memory for tests of its readers: records are there or damaged as the
 * test says. Takes the place of storage/spool/spool.c when linked. Thread: any. */
#ifndef VSOC_TESTS_FAKE_SPOOL_H
#define VSOC_TESTS_FAKE_SPOOL_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/clock.h"
#include "core/thread.h"
#include "storage/spool/spool.h"

#define FAKE_RECORDS 1024

struct spool {
    pthread_mutex_t lock;
    pthread_cond_t grown;
    struct fake_record {
        struct batch_meta meta;
        struct writer events;
        bool corrupt, gone;
    } records[FAKE_RECORDS]; /* position is index + 1 */
    uint64_t position, first, events, woken;
    struct {
        char name[64];
        uint64_t position;
    } cursors[SPOOL_CURSOR_MAX];
    unsigned cursor_count;
    bool fail_reading;
};

struct spool_reader {
    struct spool *spool;
    uint64_t position, woken;
};

static struct spool *fake_spool_create(void)
{
    struct spool *spool = calloc(1, sizeof *spool);
    ensure(spool);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&spool->lock, NULL);
    pthread_cond_init(&spool->grown, &monotonic);
    pthread_condattr_destroy(&monotonic);
    spool->first = 1;
    return spool;
}

static void fake_spool_destroy(struct spool *spool)
{
    for (size_t i = 0; i < FAKE_RECORDS; i++)
        writer_fini(&spool->records[i].events);
    pthread_mutex_destroy(&spool->lock);
    pthread_cond_destroy(&spool->grown);
    free(spool);
}

/* Appends a batch of so many events; sev_id of each is its index. The last one is a reject when
 * with_reject. */
static void fake_spool_append(struct spool *spool, uint32_t events, bool with_reject)
{
    pthread_mutex_lock(&spool->lock);
    ensure(spool->position < FAKE_RECORDS);
    struct fake_record *record = &spool->records[spool->position];
    struct event_encoder encoder;
    struct event event;
    writer_init(&record->events, 1 << 20);
    event_encoder_init(&encoder, &record->events);
    for (uint32_t i = 0; i < events - with_reject; i++) {
        event_clear(&event);
        EVENT_SET(&event, batch_index, i);
        EVENT_SET(&event, sev_id, i);
        event_encoder_add(&encoder, &event);
    }
    if (with_reject)
        event_encoder_reject(&encoder, &(struct event_reject){.index = events - 1,
                                                              .code = SLICE_LITERAL("malformed"),
                                                              .raw = SLICE_LITERAL("as sent")});
    ensure(record->events.status == STATUS_OK);
    struct batch_meta *meta = &record->meta;
    meta->position = ++spool->position;
    meta->events_before = spool->events;
    meta->received_ns = clock_wall_ns();
    meta->accepted = events - with_reject;
    meta->quarantined = with_reject;
    meta->tenant = SLICE_LITERAL("oem");
    uuid7_make(meta->received_ns, meta->batch_uid);
    spool->events += events;
    pthread_cond_broadcast(&spool->grown);
    pthread_mutex_unlock(&spool->lock);
}

void spool_stats(struct spool *spool, struct spool_stats *stats)
{
    pthread_mutex_lock(&spool->lock);
    *stats = (struct spool_stats){.spool_uid = {7},
                                  .first_position = spool->first,
                                  .position = spool->position,
                                  .events = spool->events};
    pthread_mutex_unlock(&spool->lock);
}

enum status spool_cursor_open(struct spool *spool, const char *name, spool_cursor_t *cursor,
                              uint64_t *position)
{
    pthread_mutex_lock(&spool->lock);
    unsigned i = 0;
    while (i < spool->cursor_count && strcmp(spool->cursors[i].name, name) != 0)
        i++;
    ensure(i < SPOOL_CURSOR_MAX);
    if (i == spool->cursor_count) {
        snprintf(spool->cursors[i].name, sizeof spool->cursors[i].name, "%s", name);
        spool->cursors[i].position = spool->first - 1;
        spool->cursor_count++;
    }
    *cursor = i;
    *position = spool->cursors[i].position;
    pthread_mutex_unlock(&spool->lock);
    return STATUS_OK;
}

void spool_cursor_advance(struct spool *spool, spool_cursor_t cursor, uint64_t position)
{
    pthread_mutex_lock(&spool->lock);
    if (position > spool->cursors[cursor].position)
        spool->cursors[cursor].position = position;
    pthread_mutex_unlock(&spool->lock);
}

void spool_cursor_return(struct spool *spool, spool_cursor_t cursor, uint64_t position)
{
    pthread_mutex_lock(&spool->lock);
    if (position < spool->cursors[cursor].position)
        spool->cursors[cursor].position = position;
    pthread_mutex_unlock(&spool->lock);
}

enum status spool_reader_open(struct spool *spool, uint64_t position, struct spool_reader **out)
{
    *out = calloc(1, sizeof **out);
    ensure(*out);
    (*out)->spool = spool;
    (*out)->position = position + 1 < spool->first ? spool->first - 1 : position;
    return STATUS_OK;
}

void spool_reader_close(struct spool_reader *reader)
{
    free(reader);
}

/* The lock is held. */
static struct fake_record *fake_next(struct spool_reader *reader)
{
    for (uint64_t p = reader->position; p < reader->spool->position; p++)
        if (!reader->spool->records[p].gone)
            return &reader->spool->records[p];
    return NULL;
}

enum status spool_reader_peek(struct spool_reader *reader, uint64_t *position, uint32_t *events)
{
    enum status status = STATUS_END;
    pthread_mutex_lock(&reader->spool->lock);
    const struct fake_record *record = fake_next(reader);
    if (reader->spool->fail_reading) {
        status = STATUS_IO;
    } else if (record) {
        *position = record->meta.position;
        *events = record->meta.accepted + record->meta.quarantined;
        status = STATUS_OK;
    }
    pthread_mutex_unlock(&reader->spool->lock);
    return status;
}

const struct batch_meta *spool_reader_peeked(const struct spool_reader *reader)
{
    struct spool_reader *peeked = (struct spool_reader *)(uintptr_t)reader;
    pthread_mutex_lock(&peeked->spool->lock);
    const struct fake_record *record = fake_next(peeked);
    pthread_mutex_unlock(&peeked->spool->lock);
    ensure(record);
    return &record->meta;
}

void spool_reader_without_bodies(struct spool_reader *reader)
{
    (void)reader;
}

bool spool_reader_misses(const struct spool_reader *reader)
{
    (void)reader;
    return true; /* positions have no gaps here */
}

enum status spool_reader_next(struct spool_reader *reader, struct batch_record *record)
{
    enum status status = STATUS_END;
    pthread_mutex_lock(&reader->spool->lock);
    struct fake_record *next = fake_next(reader);
    if (reader->spool->fail_reading) {
        status = STATUS_IO;
    } else if (next) {
        reader->position = next->meta.position;
        *record = (struct batch_record){.meta = next->meta, .events = writer_slice(&next->events)};
        status = next->corrupt ? STATUS_CORRUPT : STATUS_OK;
    }
    pthread_mutex_unlock(&reader->spool->lock);
    return status;
}

void spool_reader_skip(struct spool_reader *reader)
{
    pthread_mutex_lock(&reader->spool->lock);
    const struct fake_record *next = fake_next(reader);
    if (next)
        reader->position = next->meta.position;
    pthread_mutex_unlock(&reader->spool->lock);
}

bool spool_reader_wait(struct spool_reader *reader, int64_t timeout_ns)
{
    struct spool *spool = reader->spool;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    timeout_ns += end.tv_nsec;
    end.tv_sec += (time_t)(timeout_ns / NS_PER_S);
    end.tv_nsec = (long)(timeout_ns % NS_PER_S);
    pthread_mutex_lock(&spool->lock);
    int err = 0;
    while (!fake_next(reader) && spool->woken == reader->woken && err == 0)
        err = pthread_cond_timedwait(&spool->grown, &spool->lock, &end);
    reader->woken = spool->woken;
    bool there = fake_next(reader) != NULL;
    pthread_mutex_unlock(&spool->lock);
    return there;
}

void spool_wake(struct spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    spool->woken++;
    pthread_cond_broadcast(&spool->grown);
    pthread_mutex_unlock(&spool->lock);
}

#endif
