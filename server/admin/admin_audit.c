/* admin_audit.c: POST /api/v1/audit: subcommands that act on the data of a running server record
 * what they are about to do; the answer comes when the record is durable. Main thread's loop; does
 * not wait for the disk. */
#include "server/daemon/app_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/json/json.h"
#include "core/reasons/refusal.h"
#include "server/audit/audit.h"
#include "server/audit/audit_text.h"

#define ROUTE      "/api/v1/audit"
#define BODY_LIMIT ((size_t)32 << 10)

#define NONCE_BYTES 64

#define POST_MAGIC 0x41505354U

struct post {
    unsigned magic; /* POST_MAGIC */
    struct app *app;
    struct http_exchange *exchange; /* NULL: the command no longer waits */
    bool submitted;                 /* it comes back with its record's verdict */
    uint8_t nonce[NONCE_BYTES];
    size_t nonce_size;
    struct writer body;
    size_t body_size; /* without padding */
};

OBJECT_CAST(post, POST_MAGIC)

static void post_destroy(struct post *post)
{
    if (post->exchange)
        http_set_context(post->exchange, NULL);
    writer_fini(&post->body);
    object_end(&post->magic);
    free(post);
}

/* The record is durable, and only who made the door can say so. */
static void confirm(const struct post *post, struct http_exchange *x)
{
    char proof[AUDIT_DOOR_PROOF_BYTES], text[AUDIT_DOOR_PROOF_BYTES + 64];
    audit_door_prove(&post->app->door, slice_make(post->nonce, post->nonce_size),
                     slice_make(post->body.data, post->body_size), proof);
    snprintf(text, sizeof text, "{\"durable\":true,\"proof\":\"%s\"}\n", proof);
    http_reply(x, 200, "application/json", slice_from_text(text), NULL, 0, ROUTE);
}

static void answer(struct post *post, const struct refusal *refusal)
{
    struct http_exchange *x = post->exchange;
    if (!x)
        return;
    post->exchange = NULL;
    http_set_context(x, NULL);
    if (refusal)
        http_problem(x, refusal, ROUTE);
    else
        confirm(post, x);
}

void admin_audit_begin(struct app *app, struct http_exchange *x)
{
    struct refusal refusal;
    struct slice nonce;
    struct post *post = calloc(1, sizeof *post);
    if (!post) {
        refusal_set(&refusal, REFUSAL_memory);
        http_problem(x, &refusal, ROUTE);
        return;
    }
    *post = (struct post){.magic = POST_MAGIC, .app = app, .exchange = x};
    writer_init(&post->body, BODY_LIMIT + JSON_PADDING);
    if (http_header(x, AUDIT_DOOR_NONCE, &nonce, NULL) && nonce.size <= NONCE_BYTES) {
        memcpy(post->nonce, nonce.data, nonce.size);
        post->nonce_size = nonce.size;
    }
    http_set_context(x, post);
    http_admit(x, BODY_LIMIT);
}

void admin_on_body(void *arg, struct http_exchange *x, struct slice span)
{
    (void)arg;
    writer_add_slice(&post_cast(http_context(x))->body, span);
}

static bool submit(struct post *post, struct refusal *refusal)
{
    static const uint8_t padding[JSON_PADDING];
    struct audit_field fields[AUDIT_FIELDS_MAX];
    struct problem problem;
    struct arena arena;
    enum audit_kind kind;
    size_t count;
    post->body_size = post->body.size;
    arena_init(&arena, 4 * BODY_LIMIT);
    writer_bytes(&post->body, padding, sizeof padding);
    enum status status = post->body.status;
    if (status == STATUS_OK)
        status = audit_text_read(slice_make(post->body.data, post->body_size), &arena, &kind,
                                 fields, &count, &problem);
    if (status == STATUS_OK &&
        audit_begin(kind, fields, count, &post->app->audit_box, post, &problem) != STATUS_OK)
        refusal_say(refusal, REFUSAL_audit_unavailable, "%s", problem.text);
    else if (status == STATUS_MALFORMED)
        refusal_say(refusal, REFUSAL_bad_audit_record, "%s", problem.text);
    else if (status != STATUS_OK)
        refusal_set(refusal, REFUSAL_memory);
    else
        refusal = NULL;
    arena_fini(&arena);
    return !refusal;
}

void admin_on_end(void *arg, struct http_exchange *x)
{
    (void)arg;
    struct post *post = post_cast(http_context(x));
    struct refusal refusal;
    post->submitted = submit(post, &refusal);
    if (post->submitted)
        return;
    answer(post, &refusal);
    post_destroy(post);
}

void admin_on_gone(void *arg, struct http_exchange *x)
{
    (void)arg;
    struct post *post = http_context(x) ? post_cast(http_context(x)) : NULL;
    if (!post)
        return;
    post->exchange = NULL;
    if (!post->submitted)
        post_destroy(post);
}

void app_audit_collect(struct app *app)
{
    thread_assert(THREAD_MAIN);
    for (struct mail *mail = mailbox_take(&app->audit_box), *next; mail; mail = next) {
        struct batch *batch = batch_from_mail(mail);
        struct post *post = post_cast(batch->owner);
        struct refusal refusal;
        next = mail->next;
        if (batch->verdict != STATUS_OK)
            refusal_say(&refusal, REFUSAL_audit_unavailable,
                        "the spool did not take the record: %s", status_text(batch->verdict));
        answer(post, batch->verdict == STATUS_OK ? NULL : &refusal);
        post_destroy(post);
        batch_destroy(batch);
    }
}
