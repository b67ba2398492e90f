/* remote_http.c: libcurl for requests of the remote thread: bounded in time and size. */
#include "storage/evidence/remote/remote_http.h"

#include <curl/curl.h>
#include <pthread.h>

#include "core/object.h"

#define AGENT "vsocd/" VSOCD_VERSION

#define EXCHANGE_MAGIC 0x56485850U

struct http_exchange_out {
    unsigned magic; /* EXCHANGE_MAGIC */
    const struct remote_http_request *request;
    struct writer *answer;
};

OBJECT_CAST(http_exchange_out, EXCHANGE_MAGIC)

static void set_up_curl(void)
{
    ensure(curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK);
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
    return x->request->remote && remote_is_stopping(x->request->remote);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
    char line[256];
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *more = curl_slist_append(list, line);
    return more ? more : list;
}

static CURLcode set_options(CURL *curl, struct http_exchange_out *x, struct curl_slist *headers,
                            char *error)
{
    const struct remote_http_request *r = x->request;
    CURLcode code = CURLE_OK;
#define SET(option, value)                                                                         \
    if (code == CURLE_OK)                                                                          \
    code = curl_easy_setopt(curl, option, value)
    SET(CURLOPT_ERRORBUFFER, error);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_URL, r->url);
    SET(CURLOPT_USERAGENT, AGENT);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_POSTFIELDSIZE, (long)r->body.size);
    SET(CURLOPT_POSTFIELDS, r->body.data);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, x);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, x);
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

enum status remote_http_post(const struct remote_http_request *request, long *code,
                             struct writer *answer, struct problem *problem)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char error[CURL_ERROR_SIZE] = "";
    struct http_exchange_out x = {EXCHANGE_MAGIC, request, answer};
    (void)pthread_once(&once, set_up_curl);
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = add_header(NULL, "Content-Type", request->content_type);
    if (request->accept)
        headers = add_header(headers, "Accept", request->accept);
    headers = add_header(headers, "Expect", ""); /* no wait for a 100 */
    CURLcode done = curl ? set_options(curl, &x, headers, error) : CURLE_OUT_OF_MEMORY;
    if (done == CURLE_OK)
        done = curl_easy_perform(curl);
    enum status status = status_of(done, &x);
    if (status == STATUS_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, code);
    else if (status == STATUS_TOO_LARGE)
        problem_say(problem, "%s: the answer is too large", request->url);
    else
        problem_say(problem, "%s: %s", request->url, *error ? error : curl_easy_strerror(done));
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}
