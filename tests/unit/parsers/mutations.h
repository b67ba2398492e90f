/* mutations.h: prefixes and single-byte changes of the sample files of a format through the record
 * loop. Whatever comes in, each byte that may not stand between records stands in an event or a
 * quarantined record, and a change costs no record but its own, as far as the framing tells them
 * apart. VSOCD_MUTATIONS=full takes every prefix and every value of every byte. */
#ifndef VSOC_TESTS_MUTATIONS_H
#define VSOC_TESTS_MUTATIONS_H

#include "parsers/registry/text_body.h"
#include "pipeline_fixture.h"

#include <glob.h>

#define MUTATIONS_BYTES 65536 /* of one file */
#define MUTATIONS_ITEMS 1024  /* of one file */
/* Bytes that are read for a file, about, when not all is taken; a run costs as much as so many. */
#define MUTATIONS_WORK     1500000
#define MUTATIONS_RUN_COST 2000

struct mutations_item {
    uint64_t offset, size;
    bool is_reject;
};

/* What came of one body. */
struct mutations_result {
    struct mutations_item items[MUTATIONS_ITEMS];
    size_t count, size;
    bool covered[MUTATIONS_BYTES];
};

static inline void mutations_add(struct mutations_result *m, uint64_t offset, uint64_t size,
                                 bool is_reject)
{
    assert_true(offset <= m->size && size <= m->size - offset);
    assert_true(m->count < MUTATIONS_ITEMS);
    m->items[m->count++] = (struct mutations_item){offset, size, is_reject};
    memset(m->covered + offset, true, size);
}

static inline void mutations_on_event(void *arg, const struct event *event)
{
    mutations_add(arg, (uint64_t)event->raw_offset, (uint64_t)event->raw_size, false);
}

static inline void mutations_on_reject(void *arg, const struct event_reject *r)
{
    assert_true(r->code.size && r->detail.size);
    mutations_add(arg, r->raw_offset, r->raw_size, true);
}

/* Bytes that may stand between records. */
static inline bool mutations_is_gap(const struct fixture *f, const uint8_t *body, size_t size,
                                    size_t i)
{
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};
    bool is_json = f->options.parser->framing == PARSER_FRAMING_JSON;
    if (f->options.parser == &parser_otlp)
        return true; /* records stand in frames */
    if (text_body_is_of(f->options.parser) &&
        i >= text_body_trim_end(slice_make(body, size), f->options.parser->framing).size)
        return true; /* padding */
    return (body[i] && strchr(is_json ? " \t\r\n,[]\x1E" : " \t\r\n", body[i])) ||
           (i < sizeof mark && !memcmp(body, mark, i + 1)); /* or the head of one */
}

static inline void mutations_run(struct fixture *f, const uint8_t *body, size_t size,
                                 struct mutations_result *m)
{
    uint8_t *padded = malloc(size + PIPELINE_PADDING);
    assert_true(size <= MUTATIONS_BYTES);
    memset(m->covered, false, size);
    memcpy(padded, body, size);
    memset(padded + size, ' ', PIPELINE_PADDING);
    m->count = 0;
    m->size = size;
    f->options.on_event = mutations_on_event;
    f->options.on_reject = mutations_on_reject;
    f->options.arg = m;
    assert_int_equal(pipeline_run(&f->options, slice_make(padded, size), &f->result), STATUS_OK);
    for (size_t i = 0; i < size && !f->result.duplicates; i++)
        if (!m->covered[i] && !mutations_is_gap(f, body, size, i))
            fail_msg("byte %zu is in no event and no quarantined record of\n%.*s", i, (int)size,
                     (const char *)body);
    free(padded);
    arena_fini(&f->arena);
    arena_init(&f->arena, (size_t)1 << 24);
}

/* Events that cannot know of a changed byte at `at`: those before its own, and where a line is a
 * record also those behind. (What is broken may end where the next sound record starts.) */
static inline bool mutations_is_neighbour(const struct fixture *f,
                                          const struct mutations_item *item,
                                          const struct mutations_item *own, size_t at)
{
    if (item->is_reject)
        return false;
    switch (f->options.parser->framing) {
    case PARSER_FRAMING_LINES:
        return item->offset + item->size + 1 < at || item->offset > at + 1;
    case PARSER_FRAMING_SYSLOG:
    case PARSER_FRAMING_JSON:
    case PARSER_FRAMING_STREAM:
        return own && item->offset + item->size < own->offset;
    case PARSER_FRAMING_BODY:
        break;
    }
    return false;
}

static inline bool mutations_has(const struct mutations_result *m,
                                 const struct mutations_item *item)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->items[i].offset == item->offset && m->items[i].size == item->size &&
            m->items[i].is_reject == item->is_reject)
            return true;
    return false;
}

static inline void mutations_change(struct fixture *f, uint8_t *body,
                                    const struct mutations_result *before, size_t at, uint8_t value)
{
    static struct mutations_result after;
    const struct mutations_item *own = NULL;
    uint8_t was = body[at];
    body[at] = value;
    mutations_run(f, body, before->size, &after);
    for (size_t i = 0; i < before->count; i++)
        if (before->items[i].offset <= at && at - before->items[i].offset < before->items[i].size)
            own = &before->items[i];
    for (size_t i = 0; i < before->count && !f->result.duplicates; i++)
        if (mutations_is_neighbour(f, &before->items[i], own, at) &&
            !mutations_has(&after, &before->items[i]))
            fail_msg("byte %zu as %02x costs the record at byte %lu of\n%.*s", at, value,
                     (unsigned long)before->items[i].offset, (int)before->size, (char *)body);
    body[at] = was;
}

static inline void mutations_of_body(struct fixture *f, uint8_t *body, size_t size)
{
    static const uint8_t others[] = {'\0', '\n', ' ',  '0', 'z',    '"', '#',   '\x1D',
                                     '<',  '|',  '\\', '[', '\x80', '{', '\xFF'};
    static struct mutations_result before;
    const char *mode = getenv("VSOCD_MUTATIONS");
    bool is_full = mode && !strcmp(mode, "full");
    size_t step = is_full ? 1 : 1 + size * 4 * (size + MUTATIONS_RUN_COST) / MUTATIONS_WORK,
           turn = 0;
    for (size_t i = 0; i <= size; i += step)
        mutations_run(f, body, i, &before);
    mutations_run(f, body, size, &before);
    for (size_t i = 0; i < size; i += step) {
        for (unsigned v = 1; is_full && v < 256; v++)
            mutations_change(f, body, &before, i, body[i] ^ (uint8_t)v);
        for (unsigned k = 0; !is_full && k < 2; k++)
            mutations_change(f, body, &before, i, others[turn++ % sizeof others]);
        if (!is_full)
            mutations_change(f, body, &before, i, body[i] ^ 1);
    }
}

static inline void mutations_of_file(struct fixture *f, const char *path)
{
    static uint8_t body[MUTATIONS_BYTES];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(body, 1, sizeof body, file);
    assert_true(size < sizeof body);
    fclose(file);
    mutations_of_body(f, body, size);
}

/* Of every tests/data/FORMAT/NAME.in. */
static inline void mutations_of_format(struct fixture *f, const struct parser *parser)
{
    char pattern[512];
    glob_t files;
    snprintf(pattern, sizeof pattern, TEST_DATA_DIR "/%s/*.in", parser->name);
    f->options.parser = parser;
    f->options.batch_events = MUTATIONS_ITEMS;
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        mutations_of_file(f, files.gl_pathv[i]);
    globfree(&files);
}

#endif
