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
/* Of one head: a second time if the witness knows another size than was thought. */
#define WITNESS_TRIES 2
#define PAUSE_FIRST   NS_PER_S
#define PAUSE_LONG    (60 * NS_PER_S)

enum status witness_peer_begin(struct witness_peer *peer, const struct witness_request *request,
                               struct remote_http *http, struct problem *problem)
{
    char url[WITNESS_URL_BYTES + sizeof ADD_CHECKPOINT_PATH];
    struct writer body;
    if (!peer->asked && peer->size > request->head->size)
        peer->size = 0; /* that was in conflict: it is asked again what it has */
    struct add_checkpoint what = {.old_size = peer->size, .note = request->note};
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
    const struct remote_http_request post = {
        .url = url,
        .content_type = "text/plain; charset=utf-8",
        .body = writer_slice(&body),
        .timeout_ms = WITNESS_TIMEOUT_MS,
        .remote = request->remote,
    };
    writer_reset(&peer->answer);
    if (!peer->asked || peer->asked_size != request->head->size) {
        writer_reset(&peer->asked_note);
        writer_add_slice(&peer->asked_note, request->note);
    }
    s = body.status == STATUS_OK ? peer->asked_note.status : body.status;
    if (s == STATUS_OK)
        s = remote_http_begin(http, &post, &peer->answer, peer, problem);
    else
        problem_say(problem, "%s", status_text(s));
    writer_fini(&body);
    peer->asked = s == STATUS_OK ? peer->asked + 1 : 0;
    peer->asked_size = request->head->size;
    return s;
}

/* The signature line of this witness among those it has answered. */
static enum status take_line(struct witness_peer *peer, struct writer *line,
                             struct problem *problem)
{
    struct note note;
    struct note_seal seal;
    struct slice lines = writer_slice(&peer->answer);
    enum status s = note_parse(writer_slice(&peer->asked_note), &note);
    if (s == STATUS_OK)
        s = note_add_signatures(lines, &note);
    if (s == STATUS_OK)
        s = note_verify(&note, &peer->verifier, &seal);
    if (s != STATUS_OK) {
        problem_say(problem, "its answer has no valid cosignature of its key: %s", status_text(s));
        return s == STATUS_NO_MEMORY ? s : STATUS_REFUSED;
    }
    writer_add_slice(line, seal.line);
    peer->size = peer->asked_size;
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

static enum status say_refused(const struct witness_peer *peer, long code, struct problem *problem)
{
    struct slice text = slice_trim(slice_sub(writer_slice(&peer->answer), 0, 200));
    const char *what = code == 404   ? "it does not know this log: its operator adds the "
                                       "verifier key of the log (head.vkey)"
                       : code == 403 ? "it knows another key for this log"
                                     : "it refuses the head";
    problem_say(problem, "%s (it answers %ld: %.*s)", what, code, SLICE_ARGS(text));
    return code == 422 || code == 409   ? STATUS_CONFLICT
           : code >= 500 || code == 429 ? STATUS_UNAVAILABLE
                                        : STATUS_REFUSED;
}

enum status witness_peer_take(struct witness_peer *peer, long code, struct writer *line,
                              struct problem *problem)
{
    uint64_t size;
    if (code == 200)
        return take_line(peer, line, problem);
    if (code != 409 || !read_size(writer_slice(&peer->answer), &size) || size == peer->size)
        return say_refused(peer, code, problem);
    peer->size = size;
    if (size <= peer->asked_size) {
        problem_say(problem, "it knows another size each time");
        return peer->asked < WITNESS_TRIES ? STATUS_BUSY : STATUS_UNAVAILABLE;
    }
    problem_say(problem,
                "it has cosigned %llu records of this log, but the log has %llu: the spool was "
                "rolled back or replaced, or another server signs under this origin",
                (unsigned long long)size, (unsigned long long)peer->asked_size);
    return STATUS_CONFLICT;
}

void witness_peer_init(struct witness_peer *peer)
{
    peer->magic = WITNESS_PEER_MAGIC;
    writer_init(&peer->answer, ANSWER_BYTES);
    writer_init(&peer->asked_note, NOTE_BYTES_MAX);
}

void witness_peer_fini(struct witness_peer *peer)
{
    writer_fini(&peer->answer);
    writer_fini(&peer->asked_note);
}

void witness_peer_note(struct witness_peer *peer, enum status result, int64_t now_ns)
{
    peer->asked = 0;
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
