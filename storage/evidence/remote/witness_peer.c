/* witness_peer.c: asks one witness for its cosignature. Remote thread. Does not decide which head,
 * nor how many cosignatures are enough. */
#include "storage/evidence/remote/witness_peer.h"

#include <stdio.h>

#include "core/clock.h"
#include "storage/evidence/formats/add_checkpoint.h"
#include "storage/evidence/formats/note_text.h"
#include "storage/evidence/remote/remote_http.h"

#define ANSWER_BYTES ((size_t)64 << 10)
#define BODY_BYTES   (NOTE_BYTES_MAX + ((size_t)8 << 10))
#define PAUSE_FIRST  NS_PER_S
#define PAUSE_LONG   (60 * NS_PER_S)

struct answer {
    long code;
    struct writer body;
};

static enum status post(struct witness_peer *peer, const struct witness_request *request,
                        struct answer *answer, struct problem *problem)
{
    char url[WITNESS_URL_BYTES + sizeof ADD_CHECKPOINT_PATH];
    struct add_checkpoint what = {.old_size = peer->size, .note = request->note};
    struct writer body;
    enum status s =
        merkle_consistency(request->source, peer->size, request->head->size, &what.path);
    if (s != STATUS_OK) {
        problem_say(problem, "the consistency proof from %llu records can't be made: %s",
                    (unsigned long long)peer->size, status_text(s));
        return s;
    }
    snprintf(url, sizeof url, "%s" ADD_CHECKPOINT_PATH, peer->url);
    writer_init(&body, BODY_BYTES);
    add_checkpoint_write(&body, &what);
    const struct remote_http_request http = {
        .url = url,
        .content_type = "text/plain; charset=utf-8",
        .body = writer_slice(&body),
        .timeout_ms = WITNESS_TIMEOUT_MS,
        .remote = request->remote,
    };
    writer_reset(&answer->body);
    s = body.status == STATUS_OK ? remote_http_post(&http, &answer->code, &answer->body, problem)
                                 : body.status;
    writer_fini(&body);
    return s;
}

/* The signature line of this witness among those it has answered. */
static enum status take_line(struct witness_peer *peer, const struct witness_request *request,
                             struct slice lines, struct writer *line, struct problem *problem)
{
    struct note note;
    struct note_seal seal;
    enum status s = note_parse(request->note, &note);
    if (s == STATUS_OK)
        s = note_add_signatures(lines, &note);
    if (s == STATUS_OK)
        s = note_verify(&note, &peer->verifier, &seal);
    if (s != STATUS_OK) {
        problem_say(problem, "its answer has no valid cosignature of its key: %s", status_text(s));
        return s == STATUS_NO_MEMORY ? s : STATUS_REFUSED;
    }
    writer_add_slice(line, seal.line);
    peer->size = request->head->size;
    peer->time_s = seal.time_s;
    return line->status;
}

/* 409: the size that it has cosigned. */
static bool read_size(struct slice body, uint64_t *size)
{
    struct slice line;
    return note_text_line(&body, &line) && !body.size &&
           note_text_number(line, MERKLE_SIZE_MAX, size);
}

static enum status say_refused(const struct answer *answer, struct problem *problem)
{
    struct slice text = slice_trim(slice_sub(writer_slice(&answer->body), 0, 200));
    const char *what = answer->code == 404   ? "it does not know this log: its operator adds the "
                                               "verifier key of the log (head.vkey)"
                       : answer->code == 403 ? "it knows another key for this log"
                                             : "it refuses the head";
    problem_say(problem, "%s (it answers %ld: %.*s)", what, answer->code, SLICE_ARGS(text));
    return answer->code == 422 || answer->code == 409   ? STATUS_CONFLICT
           : answer->code >= 500 || answer->code == 429 ? STATUS_UNAVAILABLE
                                                        : STATUS_REFUSED;
}

/* OK: a line was taken; BUSY: it knows another size, ask again. */
static enum status take_answer(struct witness_peer *peer, const struct witness_request *request,
                               const struct answer *answer, struct writer *line,
                               struct problem *problem)
{
    uint64_t size;
    if (answer->code == 200)
        return take_line(peer, request, writer_slice(&answer->body), line, problem);
    if (answer->code != 409 || !read_size(writer_slice(&answer->body), &size) || size == peer->size)
        return say_refused(answer, problem);
    peer->size = size;
    if (size <= request->head->size) {
        problem_say(problem, "it knows another size each time");
        return STATUS_BUSY;
    }
    problem_say(problem,
                "it has cosigned %llu records of this log, but the log has %llu: the spool was "
                "rolled back or replaced, or another server signs under this origin",
                (unsigned long long)size, (unsigned long long)request->head->size);
    return STATUS_CONFLICT;
}

enum status witness_peer_ask(struct witness_peer *peer, const struct witness_request *request,
                             struct writer *line, struct problem *problem)
{
    struct answer answer = {0};
    enum status s = STATUS_BUSY;
    if (peer->size > request->head->size)
        peer->size = 0; /* that was in conflict: it is asked again what it has */
    writer_init(&answer.body, ANSWER_BYTES);
    for (int i = 0; i < 2 && s == STATUS_BUSY; i++) {
        s = post(peer, request, &answer, problem);
        if (s == STATUS_OK)
            s = take_answer(peer, request, &answer, line, problem);
    }
    writer_fini(&answer.body);
    return s == STATUS_BUSY ? STATUS_UNAVAILABLE : s;
}

void witness_peer_note(struct witness_peer *peer, enum status result, int64_t now_ns)
{
    if (result == STATUS_OK) {
        peer->failures = 0;
        peer->conflict = false;
        return;
    }
    int64_t pause_ns = PAUSE_FIRST << (peer->failures < 6 ? peer->failures : 6);
    peer->failures++;
    peer->conflict = result == STATUS_CONFLICT;
    peer->retry_ns = now_ns + (pause_ns < PAUSE_LONG ? pause_ns : PAUSE_LONG);
}
