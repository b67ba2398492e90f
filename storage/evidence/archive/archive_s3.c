/* archive_s3.c: an object store as an archive: objects are created once, with Object Lock and a
 * checksum that the store compares. Path style. The caller's thread; blocks. */
#include "storage/evidence/archive/archive_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/clock.h"
#include "core/disk/fault.h"
#include "core/object.h"
#include "core/writer.h"
#include "storage/evidence/archive/archive_entry.h"
#include "storage/evidence/archive/s3_request.h"

#define URL_BYTES  2048
#define PAGE_MAGIC 0x53335047U
#define LIST_BYTES ((size_t)4 << 20)

struct s3 {
    struct archive_target base; /* first */
    struct s3_connection *connection;
    char root[1024];  /* endpoint and bucket */
    char prefix[512]; /* of keys: empty, or with a slash at its end */
};

static struct s3 *s3_of(struct archive_target *target)
{
    return (struct s3 *)(void *)target;
}

static void object_url(const struct s3 *s, const char *name, char url[URL_BYTES])
{
    snprintf(url, URL_BYTES, "%s/%s%s", s->root, s->prefix, name);
}

/* The status of an answer to a call that needs 200. */
static enum status judge(long code)
{
    return code == 200                  ? STATUS_OK
           : code == 404                ? STATUS_NOT_FOUND
           : code == 412                ? STATUS_EXISTS
           : code == 400 || code == 403 ? STATUS_REFUSED
                                        : STATUS_UNAVAILABLE;
}

static enum status run(struct s3 *s, struct s3_request *request, struct problem *problem)
{
    long code = 0;
    enum status status = s3_request_run(s->connection, request, &code, problem);
    return status == STATUS_OK ? judge(code) : status;
}

/* --- put ------------------------------------------------------------------------------------ */

struct put_headers {
    char sha256[128], checksum[128], mode[64], until[96];
};

static void name_hashes(struct put_headers *h, const uint8_t sha256[SHA256_BYTES])
{
    struct writer w;
    writer_init(&w, 256);
    writer_hex(&w, slice_make(sha256, SHA256_BYTES));
    snprintf(h->sha256, sizeof h->sha256, "x-amz-content-sha256: %.*s", (int)w.size,
             (const char *)w.data);
    writer_reset(&w);
    writer_base64(&w, slice_make(sha256, SHA256_BYTES));
    snprintf(h->checksum, sizeof h->checksum, "x-amz-checksum-sha256: %.*s", (int)w.size,
             (const char *)w.data);
    writer_fini(&w);
}

static void name_lock(struct put_headers *h, enum archive_lock lock, int64_t until_ns)
{
    time_t seconds = (time_t)(until_ns / NS_PER_S);
    char text[64];
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    snprintf(h->mode, sizeof h->mode, "x-amz-object-lock-mode: %s",
             lock == ARCHIVE_LOCK_COMPLIANCE ? "COMPLIANCE" : "GOVERNANCE");
    snprintf(h->until, sizeof h->until, "x-amz-object-lock-retain-until-date: %s", text);
}

static enum status s3_put(struct archive_target *target, const char *name,
                          const struct archive_body *body, int64_t retain_until_ns,
                          struct problem *problem)
{
    struct s3 *s = s3_of(target);
    char url[URL_BYTES];
    struct put_headers h;
    object_url(s, name, url);
    struct s3_request look = {.target = target, .url = url, .head_only = true};
    enum status status = run(s, &look, problem);
    if (status != STATUS_NOT_FOUND)
        return status == STATUS_OK ? STATUS_EXISTS : status;
    struct s3_request put = {.target = target, .url = url, .body = body};
    size_t n = 0;
    name_hashes(&h, body->sha256);
    put.headers[n++] = "content-type: application/octet-stream";
    put.headers[n++] = "if-none-match: *";
    put.headers[n++] = h.sha256;
    put.headers[n++] = h.checksum;
    if (target->settings.lock != ARCHIVE_LOCK_NONE && retain_until_ns) {
        name_lock(&h, target->settings.lock, retain_until_ns);
        put.headers[n++] = h.mode;
        put.headers[n++] = h.until;
    }
    fault_point(archive_object_begun);
    status = run(s, &put, problem);
    if (status == STATUS_OK)
        fault_point(archive_object_named);
    return status;
}

/* --- get, list ------------------------------------------------------------------------------ */

static enum status s3_get(struct archive_target *target, const char *name, archive_take_fn take,
                          void *arg, struct problem *problem)
{
    char url[URL_BYTES];
    struct s3 *s = s3_of(target);
    object_url(s, name, url);
    struct s3_request get = {.target = target, .url = url, .take = take, .arg = arg};
    return run(s, &get, problem);
}

struct page {
    unsigned magic; /* PAGE_MAGIC */
    struct writer xml;
};

OBJECT_CAST(page, PAGE_MAGIC)

static enum status take_page(void *arg, struct slice bytes)
{
    struct page *page = page_cast(arg);
    writer_add_slice(&page->xml, bytes);
    return page->xml.status;
}

static void write_encoded(struct writer *w, const char *text)
{
    for (; *text; text++)
        if (*text == '/')
            writer_text(w, "%2F");
        else
            writer_u8(w, (uint8_t)*text);
}

/* Gives the names of one page; *last: the key of the last one, if there was any. */
static enum status give_names(const struct s3 *s, struct slice xml, archive_name_fn fn, void *arg,
                              char last[1200])
{
    enum status status = STATUS_OK;
    size_t prefix = strlen(s->prefix);
    static const char open_tag[] = "<Key>";
    const char *at = (const char *)xml.data, *end = at + xml.size;
    while (status == STATUS_OK &&
           (at = memmem(at, (size_t)(end - at), open_tag, sizeof open_tag - 1))) {
        at += sizeof open_tag - 1;
        const char *stop = memchr(at, '<', (size_t)(end - at));
        if (!stop)
            break;
        struct slice key = slice_make(at, (size_t)(stop - at));
        at = stop;
        if (key.size <= prefix || key.size >= 1200 || slice_find_byte(key, '&') ||
            memcmp(key.data, s->prefix, prefix) != 0)
            continue;
        snprintf(last, 1200, "%.*s", SLICE_ARGS(key));
        status = fn(arg, slice_sub(key, prefix, key.size));
    }
    return status;
}

static enum status list_page(struct s3 *s, struct page *page, const char *after,
                             struct problem *problem)
{
    struct writer url;
    writer_init(&url, URL_BYTES);
    writer_format(&url, "%s?list-type=2&prefix=", s->root);
    write_encoded(&url, s->prefix);
    if (after[0]) {
        writer_text(&url, "&start-after=");
        write_encoded(&url, after);
    }
    writer_u8(&url, 0);
    writer_reset(&page->xml);
    struct s3_request get = {
        .target = &s->base, .url = (const char *)url.data, .take = take_page, .arg = page};
    enum status status = url.status == STATUS_OK ? run(s, &get, problem) : url.status;
    writer_fini(&url);
    return status;
}

static enum status s3_list(struct archive_target *target, archive_name_fn fn, void *arg,
                           struct problem *problem)
{
    struct s3 *s = s3_of(target);
    struct page page = {.magic = PAGE_MAGIC};
    char last[1200] = "", before[1200];
    bool more = true;
    enum status status = STATUS_OK;
    writer_init(&page.xml, LIST_BYTES);
    while (status == STATUS_OK && more) {
        snprintf(before, sizeof before, "%s", last);
        status = list_page(s, &page, before, problem);
        if (status != STATUS_OK)
            break;
        static const char truncated[] = "<IsTruncated>true</IsTruncated>";
        more = memmem(page.xml.data, page.xml.size, truncated, sizeof truncated - 1) != NULL;
        struct slice xml = writer_slice(&page.xml);
        /* fn may use the connection: the page is complete by then. */
        status = give_names(s, xml, fn, arg, last);
        more = more && strcmp(before, last) != 0;
    }
    writer_fini(&page.xml);
    if (status == STATUS_NOT_FOUND) {
        problem_say(problem, "the bucket of %.200s is not there", target->settings.url);
        status = STATUS_UNAVAILABLE;
    }
    return status;
}

static void s3_close(struct archive_target *target)
{
    struct s3 *s = s3_of(target);
    s3_connection_destroy(s->connection);
    free(s);
}

/* --- open ----------------------------------------------------------------------------------- */

static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-' || c == '_' || c == '/'))
            return false;
    }
    return true;
}

static enum status read_settings(struct s3 *s, struct problem *problem)
{
    const struct archive_settings *a = &s->base.settings;
    struct slice rest = slice_from_text(a->url + sizeof "s3://" - 1);
    const uint8_t *slash = slice_find_byte(rest, '/');
    struct slice bucket = slash ? slice_sub(rest, 0, (size_t)(slash - rest.data)) : rest;
    struct slice prefix = slice_sub(rest, bucket.size + 1, rest.size);
    while (prefix.size && prefix.data[prefix.size - 1] == '/')
        prefix.size--;
    if (!bucket.size || !is_plain(bucket) || !is_plain(prefix) ||
        prefix.size + 2 > sizeof s->prefix) {
        problem_say(problem,
                    "the URL of an archive is s3://bucket/prefix with letters, digits and "
                    "._-/, not '%.200s'",
                    a->url);
        return STATUS_CONFIG;
    }
    if (!a->credentials_file || !a->region) {
        problem_say(problem, "an archive at s3:// needs a region and a file of credentials");
        return STATUS_CONFIG;
    }
    char amazon[128];
    snprintf(amazon, sizeof amazon, "https://s3.%.64s.amazonaws.com", a->region);
    snprintf(s->root, sizeof s->root, "%.700s/%.*s", a->endpoint ? a->endpoint : amazon,
             SLICE_ARGS(bucket));
    snprintf(s->prefix, sizeof s->prefix, "%.*s%s", SLICE_ARGS(prefix), prefix.size ? "/" : "");
    return STATUS_OK;
}

enum status archive_s3_open(const struct archive_settings *settings, struct archive_target **out,
                            struct problem *problem)
{
    static const struct archive_target_ops ops = {s3_put, s3_get, s3_list, s3_close};
    struct s3 *s = calloc(1, sizeof *s);
    if (!s)
        return STATUS_NO_MEMORY;
    s->base.ops = &ops;
    s->base.settings = *settings;
    enum status status = read_settings(s, problem);
    if (status == STATUS_OK && !(s->connection = s3_connection_create()))
        status = STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        s3_close(&s->base);
        return status;
    }
    *out = &s->base;
    return STATUS_OK;
}
