/* remote_http.c: libcurl for requests of the remote thread, one or several side by side: bounded in
 * time and size. */
#include "storage/evidence/remote/remote_http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/object.h"

#define AGENT "vsocd/" VSOCD_VERSION

#define URL_BYTES      1100
#define EXCHANGE_MAGIC 0x56485850U

/* One request and its answer. */
struct http_exchange_out {
    unsigned magic; /* EXCHANGE_MAGIC */
    CURL *curl;
    struct curl_slist *headers;
    const struct remote *remote;
    struct writer *answer;
    void *arg; /* of remote_http_begin */
    char url[URL_BYTES], error[CURL_ERROR_SIZE];
    struct http_exchange_out *next;
};

OBJECT_CAST(http_exchange_out, EXCHANGE_MAGIC)

static void set_up_once(void)
{
    ensure(curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK);
}

static void set_up_curl(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, set_up_once);
}

static size_t on_body(char *data, size_t one, size_t count, void *arg)
{
    struct http_exchange_out *x = http_exchange_out_cast(arg);
    writer_bytes(x->answer, data, one * count);
    return x->answer->status == STATUS_OK ? one * count : 0;
}

static int on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
                       curl_off_t up)
{
    const struct http_exchange_out *x = http_exchange_out_cast(arg);
    (void)down_all;
    (void)down;
    (void)up_all;
    (void)up;
    return x->remote && remote_is_stopping(x->remote);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
    char line[256];
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *more = curl_slist_append(list, line);
    return more ? more : list;
}

static CURLcode set_options(struct http_exchange_out *x, const struct remote_http_request *r)
{
    CURL *curl = x->curl;
    CURLcode code = CURLE_OK;
#define SET(option, value)                                                                         \
    if (code == CURLE_OK)                                                                          \
    code = curl_easy_setopt(curl, option, value)
    SET(CURLOPT_ERRORBUFFER, x->error);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_URL, x->url);
    SET(CURLOPT_USERAGENT, AGENT);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    SET(CURLOPT_HTTPHEADER, x->headers);
    SET(CURLOPT_POSTFIELDSIZE, (long)r->body.size);
    SET(CURLOPT_COPYPOSTFIELDS, r->body.data);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, x);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, x);
    SET(CURLOPT_PRIVATE, x);
#undef SET
    return code;
}

static enum status status_of(CURLcode code, const struct http_exchange_out *x)
{
    switch (code) {
    case CURLE_OK:
        return STATUS_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return STATUS_TIMEOUT;
    case CURLE_OUT_OF_MEMORY:
        return STATUS_NO_MEMORY;
    case CURLE_WRITE_ERROR:
        return x->answer->status == STATUS_OK ? STATUS_UNAVAILABLE : x->answer->status;
    case CURLE_ABORTED_BY_CALLBACK:
        return STATUS_CLOSED;
    default:
        return STATUS_UNAVAILABLE;
    }
}

static enum status exchange_init(struct http_exchange_out *x,
                                 const struct remote_http_request *request, struct writer *answer)
{
    set_up_curl();
    *x = (struct http_exchange_out){
        .magic = EXCHANGE_MAGIC, .remote = request->remote, .answer = answer};
    if (strlen(request->url) >= sizeof x->url)
        return STATUS_TOO_LARGE;
    snprintf(x->url, sizeof x->url, "%s", request->url);
    x->curl = curl_easy_init();
    x->headers = add_header(NULL, "Content-Type", request->content_type);
    if (request->accept)
        x->headers = add_header(x->headers, "Accept", request->accept);
    x->headers = add_header(x->headers, "Expect", ""); /* no wait for a 100 */
    return x->curl && set_options(x, request) == CURLE_OK ? STATUS_OK : STATUS_NO_MEMORY;
}

static void exchange_fini(struct http_exchange_out *x)
{
    curl_slist_free_all(x->headers);
    curl_easy_cleanup(x->curl);
    object_end(&x->magic);
}

static enum status exchange_result(struct http_exchange_out *x, CURLcode done, long *code,
                                   struct problem *problem)
{
    enum status status = status_of(done, x);
    if (status == STATUS_OK)
        curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, code);
    else if (status == STATUS_TOO_LARGE)
        problem_say(problem, "%s: the answer is too large", x->url);
    else
        problem_say(problem, "%s: %s", x->url, *x->error ? x->error : curl_easy_strerror(done));
    return status;
}

enum status remote_http_post(const struct remote_http_request *request, long *code,
                             struct writer *answer, struct problem *problem)
{
    struct http_exchange_out x;
    enum status status = exchange_init(&x, request, answer);
    if (status == STATUS_OK)
        status = exchange_result(&x, curl_easy_perform(x.curl), code, problem);
    else
        problem_say(problem, "%.300s: %s", request->url, status_text(status));
    exchange_fini(&x);
    return status;
}

/* --- side by side ---------------------------------------------------------------------------- */

struct remote_http {
    CURLM *multi;
    struct http_exchange_out *first; /* in flight */
};

enum status remote_http_create(struct remote_http **out)
{
    struct remote_http *h = calloc(1, sizeof *h);
    set_up_curl();
    if (h)
        h->multi = curl_multi_init();
    if (!h || !h->multi) {
        free(h);
        return STATUS_NO_MEMORY;
    }
    *out = h;
    return STATUS_OK;
}

static void end(struct remote_http *h, struct http_exchange_out *x)
{
    struct http_exchange_out **link = &h->first;
    while (*link != x)
        link = &(*link)->next;
    *link = x->next;
    (void)curl_multi_remove_handle(h->multi, x->curl);
    exchange_fini(x);
    free(x);
}

void remote_http_destroy(struct remote_http *h)
{
    if (!h)
        return;
    while (h->first)
        end(h, h->first);
    curl_multi_cleanup(h->multi);
    free(h);
}

enum status remote_http_begin(struct remote_http *h, const struct remote_http_request *request,
                              struct writer *answer, void *arg, struct problem *problem)
{
    struct http_exchange_out *x = calloc(1, sizeof *x);
    enum status status = x ? exchange_init(x, request, answer) : STATUS_NO_MEMORY;
    if (status == STATUS_OK && curl_multi_add_handle(h->multi, x->curl) != CURLM_OK)
        status = STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        problem_say(problem, "%.300s: %s", request->url, status_text(status));
        if (x)
            exchange_fini(x);
        free(x);
        return status;
    }
    x->arg = arg;
    x->next = h->first;
    h->first = x;
    return STATUS_OK;
}

static bool take_done(struct remote_http *h, struct remote_http_done *done)
{
    int left;
    for (const CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));) {
        void *arg = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &arg);
        struct http_exchange_out *x = http_exchange_out_cast(arg);
        *done = (struct remote_http_done){.arg = x->arg};
        done->status = exchange_result(x, m->data.result, &done->code, &done->problem);
        end(h, x);
        return true;
    }
    return false;
}

bool remote_http_next(struct remote_http *h, int timeout_ms, struct remote_http_done *done)
{
    int running;
    (void)curl_multi_perform(h->multi, &running);
    if (take_done(h, done))
        return true;
    if (!h->first)
        return false;
    (void)curl_multi_poll(h->multi, NULL, 0, timeout_ms, NULL);
    (void)curl_multi_perform(h->multi, &running);
    return take_done(h, done);
}

bool remote_http_is_idle(const struct remote_http *h)
{
    return !h->first;
}
