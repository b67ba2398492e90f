/* mutations.h: every prefix and every single-byte change of sample files through the record loop:
 * whatever comes in, each byte that is no white space, and of JSON none between records, stands in
 * an event or a quarantined record.
 */
#ifndef VSOC_TESTS_MUTATIONS_H
#define VSOC_TESTS_MUTATIONS_H

#include "pipeline_fixture.h"

#include <glob.h>

#define MUTATIONS_BYTES 2048 /* of a file; larger ones would take too long and are left out */

struct mutations {
    const uint8_t *body;
    size_t size;
    bool covered[MUTATIONS_BYTES];
};

static inline void mutations_cover(struct mutations *m, uint64_t offset, uint64_t size)
{
    assert_true(offset <= m->size && size <= m->size - offset);
    memset(m->covered + offset, true, size);
}

static inline void mutations_on_event(void *arg, const struct event *event)
{
    mutations_cover(arg, (uint64_t)event->raw_offset, (uint64_t)event->raw_size);
}

static inline void mutations_on_reject(void *arg, const struct event_reject *r)
{
    const struct mutations *m = arg;
    uint64_t size = r->raw_size;
    assert_true(r->code.size && r->detail.size);
    assert_true(r->raw_offset <= m->size);
    const uint8_t *at = m->body + r->raw_offset;
    size_t left = m->size - (size_t)r->raw_offset;
    if (r->raw.size > left || memcmp(at, r->raw.data, r->raw.size) != 0) {
        const uint8_t *lf = memchr(at, '\n', left); /* bytes from inside the record of this line */
        size = lf ? (uint64_t)(lf - at) : left;
    }
    mutations_cover(arg, r->raw_offset, size);
}

static inline void mutations_run(struct fixture *f, const uint8_t *body, size_t size)
{
    struct mutations m = {.body = body, .size = size};
    assert_true(size <= sizeof m.covered);
    uint8_t *padded = malloc(size + PIPELINE_PADDING);
    memcpy(padded, body, size);
    memset(padded + size, ' ', PIPELINE_PADDING);
    f->options.on_event = mutations_on_event;
    f->options.on_reject = mutations_on_reject;
    f->options.arg = &m;
    assert_int_equal(pipeline_run(&f->options, slice_make(padded, size), &f->result), STATUS_OK);
    bool is_json = f->options.parser->framing == PARSER_FRAMING_JSON;
    for (size_t i = 0; i < size; i++)
        if (!m.covered[i] && !strchr(is_json ? " \t\r\n[]," : " \t\r\n", body[i]))
            fail_msg("byte %zu is in no event and no quarantined record of\n%.*s", i, (int)size,
                     (const char *)body);
    free(padded);
    arena_fini(&f->arena);
    arena_init(&f->arena, (size_t)1 << 24);
}

static inline void mutations_of_file(struct fixture *f, const char *path)
{
    static const uint8_t others[] = {'\0', '\n', ' ', '0', 'z', '"', '#', '\x1D', '\x80', '\xFF'};
    uint8_t body[MUTATIONS_BYTES];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(body, 1, sizeof body, file);
    assert_true(size > 0);
    fclose(file);
    if (size == sizeof body)
        return;
    for (size_t i = 0; i <= size; i++)
        mutations_run(f, body, i);
    for (size_t i = 0; i < size; i++) {
        uint8_t was = body[i];
        for (size_t k = 0; k < sizeof others; k++) {
            body[i] = others[k];
            mutations_run(f, body, size);
        }
        body[i] = was ^ 1;
        mutations_run(f, body, size);
        body[i] = was;
    }
}

/* Of every tests/data/FORMAT/NAME.in. */
static inline void mutations_of_format(struct fixture *f, const struct parser *parser)
{
    char pattern[512];
    glob_t files;
    snprintf(pattern, sizeof pattern, TEST_DATA_DIR "/%s/*.in", parser->name);
    f->options.parser = parser;
    f->options.batch_events = MUTATIONS_BYTES;
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        mutations_of_file(f, files.gl_pathv[i]);
    globfree(&files);
}

#endif
