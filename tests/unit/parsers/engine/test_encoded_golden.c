/* Bytes of core/event/event_encoder.h for the events of all golden files: the same as those of an
 * encoder that follows docs/event-encoding.md plainly. */
#include "../../simple_encoder.h"
#include "pipeline_fixture.h"

#include <dirent.h>

struct both {
    struct writer quick_out, plain_out;
    struct event_encoder quick;
    struct simple_encoder plain;
};

static void both_init(struct both *b)
{
    writer_init(&b->quick_out, (size_t)1 << 28);
    writer_init(&b->plain_out, (size_t)1 << 28);
    event_encoder_init(&b->quick, &b->quick_out);
    simple_init(&b->plain, &b->plain_out);
}

static void both_fini(struct both *b)
{
    simple_fini(&b->plain);
    writer_fini(&b->quick_out);
    writer_fini(&b->plain_out);
}

static void assert_same_bytes(const struct both *b)
{
    assert_int_equal(b->quick_out.status, STATUS_OK);
    assert_int_equal(b->quick_out.size, b->plain_out.size);
    assert_memory_equal(b->quick_out.data, b->plain_out.data, b->plain_out.size);
}

static void both_on_event(void *arg, const struct event *event)
{
    struct both *b = arg;
    event_encoder_add(&b->quick, event);
    simple_add(&b->plain, event);
    assert_same_bytes(b);
}

static void both_on_reject(void *arg, const struct event_reject *reject)
{
    struct both *b = arg;
    event_encoder_reject(&b->quick, reject);
    simple_reject(&b->plain, reject);
    assert_same_bytes(b);
}

static size_t read_file(const char *path, uint8_t *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, room, file);
    assert_true(size < room);
    fclose(file);
    return size;
}

/* Twice in one batch: the second time most values are those of events before. */
static void run_file(struct fixture *f, const char *format, const char *path)
{
    enum { ROOM = 1 << 22 };
    static uint8_t body[ROOM];
    static struct both both;
    size_t size = read_file(path, body, ROOM);
    f->options.parser = registry_by_name(f->registry, slice_from_text(format));
    assert_non_null(f->options.parser);
    f->options.on_event = both_on_event;
    f->options.on_reject = both_on_reject;
    f->options.arg = &both;
    both_init(&both);
    fixture_run(f, body, size);
    fixture_run(f, body, size);
    assert_same_bytes(&both);
    both_fini(&both);
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

static size_t run_folder(struct fixture *f, const char *format)
{
    char path[1024];
    size_t files = 0;
    snprintf(path, sizeof path, TEST_DATA_DIR "/%s", format);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (!ends_with(entry->d_name, ".in"))
            continue;
        snprintf(path, sizeof path, TEST_DATA_DIR "/%s/%s", format, entry->d_name);
        run_file(f, format, path);
        files++;
    }
    closedir(folder);
    return files;
}

static void golden_events_encode_as_documented(void **state)
{
    struct fixture *f = *state;
    size_t files = 0;
    for (size_t i = 0; i < registry_count(f->registry); i++)
        files += run_folder(f, registry_at(f->registry, i)->name);
    assert_true(files > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(golden_events_encode_as_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
