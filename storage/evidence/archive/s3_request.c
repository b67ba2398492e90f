/* s3_request.c: libcurl. The target's thread; blocks. Does not know what an object is. */
#include "storage/evidence/archive/s3_request.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "core/object.h"
#include "storage/evidence/archive/s3_credentials.h"

#define CONNECT_TIMEOUT_S 10L
#define STALL_TIMEOUT_S   60L /* without a byte in either direction */
/* Of no bytes: a store wants the hash of each request's body. */
#define EMPTY_SHA256                                                                               \
    "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ERROR_BYTES    1024
#define TRANSFER_MAGIC 0x53335452U

struct s3_connection {
    CURL *curl;
};

/* A request under way. */
struct transfer {
    unsigned magic; /* TRANSFER_MAGIC */
    struct s3_connection *connection;
    const struct s3_request *request;
    uint64_t sent;
    enum status status; /* of body and take */
    char error[ERROR_BYTES];
    size_t error_size;
    char curl_error[CURL_ERROR_SIZE];
};

OBJECT_CAST(transfer, TRANSFER_MAGIC)

static void init_library(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct s3_connection *s3_connection_create(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_library);
    struct s3_connection *c = calloc(1, sizeof *c);
    if (c && !(c->curl = curl_easy_init())) {
        free(c);
        c = NULL;
    }
    return c;
}

void s3_connection_destroy(struct s3_connection *connection)
{
    if (!connection)
        return;
    curl_easy_cleanup(connection->curl);
    free(connection);
}

static size_t on_read(char *bytes, size_t one, size_t count, void *arg)
{
    struct transfer *t = transfer_cast(arg);
    const struct archive_body *body = t->request->body;
    uint64_t left = body->size - t->sent;
    size_t size = one * count < left ? one * count : (size_t)left;
    if (!size)
        return 0;
    t->status = body->read(body->arg, t->sent, bytes, size);
    if (t->status != STATUS_OK)
        return CURL_READFUNC_ABORT;
    t->sent += size;
    return size;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
    struct transfer *t = transfer_cast(arg);
    if (origin != SEEK_SET || offset < 0)
        return CURL_SEEKFUNC_CANTSEEK;
    t->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t on_write(char *bytes, size_t one, size_t count, void *arg)
{
    struct transfer *t = transfer_cast(arg);
    size_t size = one * count;
    long code = 0;
    curl_easy_getinfo(t->connection->curl, CURLINFO_RESPONSE_CODE, &code);
    if (code == 200) {
        if (t->request->take)
            t->status = t->request->take(t->request->arg, slice_make(bytes, size));
        return t->status == STATUS_OK ? size : 0;
    }
    size_t room = sizeof t->error - 1 - t->error_size, part = size < room ? size : room;
    memcpy(t->error + t->error_size, bytes, part);
    t->error_size += part;
    return size;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct transfer *t = transfer_cast(arg);
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return archive_target_is_stopped(t->request->target);
}

/* The text between <tag> and its end in the store's XML, or nothing. */
static struct slice element(const char *xml, const char *tag)
{
    const char *from = strstr(xml, tag);
    if (!from)
        return SLICE_EMPTY;
    from += strlen(tag);
    return slice_make(from, strcspn(from, "<\n"));
}

static void say_answer(const struct transfer *t, long code, struct problem *problem)
{
    struct slice name = element(t->error, "<Code>"), text = element(t->error, "<Message>");
    problem_say(problem, "the object store answers %ld %.*s: %.*s", code, SLICE_ARGS(name),
                SLICE_ARGS(text));
}

static struct curl_slist *make_headers(const struct s3_request *request, const char *token)
{
    struct curl_slist *list = curl_slist_append(NULL, request->body ? "Expect:" : EMPTY_SHA256),
                      *longer;
    char line[S3_CREDENTIAL_BYTES + 32];
    for (size_t i = 0; list && i < S3_HEADERS_MAX && request->headers[i]; i++) {
        longer = curl_slist_append(list, request->headers[i]);
        if (!longer)
            curl_slist_free_all(list);
        list = longer;
    }
    if (!list || !token[0])
        return list;
    snprintf(line, sizeof line, "x-amz-security-token: %s", token);
    longer = curl_slist_append(list, line);
    if (!longer)
        curl_slist_free_all(list);
    return longer;
}

static void set_common(struct transfer *t, CURL *curl, const struct archive_settings *s)
{
    char signature[128];
    curl_easy_reset(curl);
    snprintf(signature, sizeof signature, "aws:amz:%.64s:s3", s->region);
    curl_easy_setopt(curl, CURLOPT_URL, t->request->url);
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, signature);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->curl_error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    if (s->ca)
        curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca);
}

static void set_method(struct transfer *t, CURL *curl, const struct archive_settings *s)
{
    const struct s3_request *r = t->request;
    if (r->head_only)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    if (!r->body)
        return;
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, t);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, t);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body->size);
    if (s->bandwidth)
        curl_easy_setopt(curl, CURLOPT_MAX_SEND_SPEED_LARGE, (curl_off_t)s->bandwidth);
}

static enum status perform(struct transfer *t, CURL *curl, long *code, struct problem *problem)
{
    CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, code);
    if (t->status != STATUS_OK)
        return t->status;
    if (result == CURLE_ABORTED_BY_CALLBACK)
        return STATUS_CLOSED;
    if (result != CURLE_OK) {
        problem_say(problem, "the object store can't be reached: %.300s",
                    t->curl_error[0] ? t->curl_error : curl_easy_strerror(result));
        return STATUS_UNAVAILABLE;
    }
    if (*code != 200)
        say_answer(t, *code, problem);
    return STATUS_OK;
}

enum status s3_request_run(struct s3_connection *connection, const struct s3_request *request,
                           long *code, struct problem *problem)
{
    const struct archive_settings *s = &request->target->settings;
    struct transfer t = {.magic = TRANSFER_MAGIC, .connection = connection, .request = request};
    struct s3_credentials credentials;
    CURL *curl = connection->curl;
    enum status status = s3_credentials_read(s->credentials_file, &credentials, problem);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CONFIG : status;
    struct curl_slist *headers = make_headers(request, credentials.token);
    if (headers) {
        set_common(&t, curl, s);
        set_method(&t, curl, s);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_USERNAME, credentials.id);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, credentials.secret);
        status = perform(&t, curl, code, problem);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, NULL);
        curl_slist_free_all(headers);
    } else {
        status = STATUS_NO_MEMORY;
    }
    explicit_bzero(&credentials, sizeof credentials);
    return status;
}
