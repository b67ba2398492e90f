/* witnesses.c: which witness is asked for what, and when enough have cosigned. Remote thread, but
 * for what its header says. How one is asked: witness_peer.c. */
#define LOG_COMPONENT "evidence"
#include "storage/evidence/remote/witnesses.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/object.h"
#include "storage/evidence/formats/ed25519.h"
#include "storage/evidence/remote/cosigned.h"
#include "storage/evidence/remote/remote_http.h"
#include "storage/evidence/remote/witness_peer.h"
#include "storage/evidence/tree.h"

#define WITNESSES_MAGIC 0x57495453U
#define TREE_FOLDER     "tree"
/* While a head waits for cosignatures its age is shown anew this often. */
#define PENDING_TURN NS_PER_S
/* While requests are in flight a newer head is looked for this often. */
#define LOOK_MS 100

struct witnesses {
    unsigned magic; /* WITNESSES_MAGIC */
    char dir[4200];
    struct note_verifier log;
    size_t count;
    unsigned quorum;
    struct witness_peer peers[WITNESSES_MAX];
    struct remote_http *http; /* requests in flight */
    struct cosigned *kept;
    struct evidence_tree *tree; /* opened when the first head is there */

    /* The head that is being cosigned. */
    struct writer note;  /* text and the log's own signatures */
    struct writer lines; /* of witnesses */
    struct note parsed;  /* of note */
    struct checkpoint head;
    bool cosigned[WITNESSES_MAX];
    bool passed[WITNESSES_MAX]; /* is ahead of this head: it is asked for the next one only */
    uint64_t enough_size;       /* of the newest head that enough have cosigned */
    int64_t pending_ns;         /* monotonic: since when a head waits for enough; 0: none does */

    pthread_mutex_t lock; /* describes: peers' size, time and problems, as others read them */
    struct {
        uint64_t size, time_s;
        struct problem problem;
    } shown[WITNESSES_MAX];

    metric_t uncosigned, up[WITNESSES_MAX], size[WITNESSES_MAX], conflict[WITNESSES_MAX];
};

OBJECT_CAST(witnesses, WITNESSES_MAGIC)

/* "KEY URL" */
static enum status parse_item(const char *item, struct witness_peer *peer, struct problem *problem)
{
    size_t key = strcspn(item, " \t");
    const char *url = item + key + strspn(item + key, " \t");
    size_t size = strlen(url);
    while (size && url[size - 1] == '/')
        size--;
    enum status s = note_verifier_parse(slice_make(item, key), &peer->verifier);
    if (s == STATUS_OK && peer->verifier.algorithm == NOTE_ED25519)
        s = STATUS_UNSUPPORTED;
    if (s != STATUS_OK) {
        problem_say(problem,
                    "'%.*s' is no verifier key of a witness, as `vsocd witness` prints it: %s",
                    (int)(key < 200 ? key : 200), item, status_text(s));
        return STATUS_CONFIG;
    }
    if ((strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) || size < 9 ||
        size >= sizeof peer->url || strpbrk(url, " \t?#")) {
        problem_say(problem, "behind the key of %s goes its URL, http://HOST:PORT or https://…",
                    peer->verifier.name);
        return STATUS_CONFIG;
    }
    memcpy(peer->url, url, size);
    peer->url[size] = 0;
    return STATUS_OK;
}

static enum status parse_items(const char *const *items, size_t count, unsigned quorum,
                               struct witness_peer *peers, struct problem *problem)
{
    if (count > WITNESSES_MAX || quorum > count) {
        problem_say(problem, quorum > count ? "there are fewer witnesses than the quorum needs"
                                            : "there are more than 32 witnesses");
        return STATUS_CONFIG;
    }
    for (size_t i = 0; i < count; i++) {
        enum status s = parse_item(items[i], &peers[i], problem);
        if (s != STATUS_OK)
            return s;
        for (size_t j = 0; j < i; j++)
            if (memcmp(peers[i].verifier.key, peers[j].verifier.key, ED25519_KEY_BYTES) == 0) {
                problem_say(problem, "%s and %s have one key", peers[j].verifier.name,
                            peers[i].verifier.name);
                return STATUS_CONFIG;
            }
    }
    return STATUS_OK;
}

enum status witnesses_check(const char *const *items, size_t count, unsigned quorum,
                            struct problem *problem)
{
    struct witness_peer *peers = calloc(WITNESSES_MAX, sizeof *peers);
    enum status s = STATUS_NO_MEMORY;
    if (peers)
        s = parse_items(items, count, quorum, peers, problem);
    else
        problem_say(problem, "%s", status_text(s));
    free(peers);
    return s;
}

static void make_metrics(struct witnesses *w)
{
    char label[NOTE_NAME_BYTES_MAX + 20];
    w->uncosigned = metric_series(METRIC_vsocd_evidence_head_uncosigned_seconds, "");
    for (size_t i = 0; i < w->count; i++) {
        char name[128];
        size_t n = 0;
        for (const char *c = w->peers[i].verifier.name; *c && n < sizeof name - 1; c++)
            name[n++] = *c == '"' || *c == '\\' ? '_' : *c;
        name[n] = 0;
        snprintf(label, sizeof label, "witness=\"%s\"", name);
        w->up[i] = metric_series(METRIC_vsocd_evidence_witness_up, label);
        w->size[i] = metric_series(METRIC_vsocd_evidence_witness_size, label);
        w->conflict[i] = metric_series(METRIC_vsocd_evidence_witness_conflict, label);
    }
}

/* What the witnesses have cosigned before this start. */
static enum status load_kept(struct witnesses *w)
{
    struct writer note;
    struct note parsed;
    struct checkpoint head;
    unsigned count = 0;
    writer_init(&note, NOTE_BYTES_MAX);
    enum status s = cosigned_newest(w->kept, &note);
    if (s == STATUS_OK &&
        checkpoint_open(writer_slice(&note), &w->log, &parsed, &head) == STATUS_OK)
        for (size_t i = 0; i < w->count; i++) {
            struct note_seal seal;
            if (note_verify(&parsed, &w->peers[i].verifier, &seal) != STATUS_OK)
                continue;
            w->peers[i].size = w->shown[i].size = head.size;
            w->peers[i].time_s = w->shown[i].time_s = seal.time_s;
            count++;
        }
    if (count && count >= w->quorum)
        w->enough_size = head.size;
    writer_fini(&note);
    return s == STATUS_NOT_FOUND ? STATUS_OK : s;
}

enum status witnesses_create(const struct witnesses_options *options, struct witnesses **out,
                             struct problem *problem)
{
    struct witnesses *w = calloc(1, sizeof *w);
    if (!w) {
        problem_say(problem, "%s", status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    w->magic = WITNESSES_MAGIC;
    w->log = *options->log;
    w->count = options->count;
    w->quorum = options->quorum ? options->quorum : (unsigned)options->count / 2 + 1;
    pthread_mutex_init(&w->lock, NULL);
    writer_init(&w->note, NOTE_BYTES_MAX);
    writer_init(&w->lines, NOTE_BYTES_MAX);
    snprintf(w->dir, sizeof w->dir, "%s", options->dir);
    for (size_t i = 0; i < w->count; i++)
        witness_peer_init(&w->peers[i]);
    enum status s = parse_items(options->items, options->count, options->quorum, w->peers, problem);
    if (s == STATUS_OK) {
        s = remote_http_create(&w->http);
        if (s != STATUS_OK)
            problem_say(problem, "%s", status_text(s));
    }
    if (s == STATUS_OK) {
        s = cosigned_open(w->dir, &w->kept);
        if (s == STATUS_OK)
            s = load_kept(w);
        if (s != STATUS_OK)
            problem_say(problem, "the cosigned heads in %.300s/" COSIGNED_FOLDER ": %s", w->dir,
                        status_text(s));
    }
    if (s != STATUS_OK) {
        witnesses_destroy(w);
        return s;
    }
    make_metrics(w);
    *out = w;
    return STATUS_OK;
}

void witnesses_destroy(struct witnesses *w)
{
    if (!w)
        return;
    remote_http_destroy(w->http);
    for (size_t i = 0; i < w->count; i++)
        witness_peer_fini(&w->peers[i]);
    evidence_tree_close(w->tree);
    cosigned_close(w->kept);
    writer_fini(&w->note);
    writer_fini(&w->lines);
    pthread_mutex_destroy(&w->lock);
    object_end(&w->magic);
    free(w);
}

/* Takes a newer head; only the lines of the log are kept, others are asked for anew. */
static enum status begin_head(struct witnesses *w, struct slice bytes)
{
    struct note note;
    enum status s = checkpoint_open(bytes, &w->log, &note, &w->head);
    if (s != STATUS_OK)
        return s;
    writer_reset(&w->note);
    writer_reset(&w->lines);
    writer_add_slice(&w->note, note.text);
    writer_u8(&w->note, '\n');
    for (size_t i = 0; i < note.count; i++)
        if (slice_equal_text(note.signatures[i].name, w->log.name))
            writer_add_slice(&w->note, note.signatures[i].line);
    s = w->note.status;
    if (s == STATUS_OK) /* what is borrowed is of the copy from now on */
        s = checkpoint_open(writer_slice(&w->note), &w->log, &w->parsed, &w->head);
    memset(w->cosigned, 0, sizeof w->cosigned);
    memset(w->passed, 0, sizeof w->passed);
    if (s == STATUS_OK && !w->pending_ns && w->head.size > w->enough_size)
        w->pending_ns = clock_monotonic_ns();
    return s;
}

static enum status open_tree(struct witnesses *w)
{
    char path[4300];
    snprintf(path, sizeof path, "%s/" TREE_FOLDER, w->dir);
    return w->tree ? STATUS_OK : evidence_tree_open(path, false, &w->tree);
}

static unsigned cosigned_count(const struct witnesses *w)
{
    unsigned count = 0;
    for (size_t i = 0; i < w->count; i++)
        count += w->cosigned[i];
    return count;
}

/* The next head waits until this one has enough cosignatures, or until all have answered. */
static bool is_done_with_head(const struct witnesses *w)
{
    bool waits = false;
    for (size_t i = 0; i < w->count; i++)
        waits = waits || (w->peers[i].asked && w->peers[i].asked_size == w->head.size);
    return !w->note.size || !waits || cosigned_count(w) >= w->quorum;
}

/* The newest head of the log, if it is newer. False: there is nothing to do. */
static bool take_newest(struct witnesses *w, struct evidence *evidence)
{
    struct writer bytes;
    enum status s = STATUS_OK;
    if (!is_done_with_head(w))
        return true;
    writer_init(&bytes, NOTE_BYTES_MAX);
    uint64_t size = evidence_newest(evidence, &bytes);
    if (size > w->head.size || (size && !w->note.size)) {
        s = bytes.status == STATUS_OK ? begin_head(w, writer_slice(&bytes)) : bytes.status;
        if (s == STATUS_OK)
            s = open_tree(w);
        if (s != STATUS_OK) {
            log_error("the newest head can't be shown to witnesses", LOG_U64("size", size),
                      LOG_STATUS(s));
            writer_reset(&w->note);
        }
    }
    writer_fini(&bytes);
    return size && s == STATUS_OK;
}

/* Shows the head with the cosignatures so far, and keeps it when they are enough. */
static void publish(struct witnesses *w, struct evidence *evidence)
{
    struct writer note;
    struct evidence_head head = {.size = w->head.size, .signed_ns = clock_wall_ns()};
    enum status s = STATUS_OK;
    memcpy(head.root, w->head.root, sizeof head.root);
    writer_init(&note, NOTE_BYTES_MAX);
    writer_add_slice(&note, writer_slice(&w->note));
    writer_add_slice(&note, writer_slice(&w->lines));
    head.note = writer_slice(&note);
    if (note.status == STATUS_OK) {
        evidence_show(evidence, &head);
        if (cosigned_count(w) >= w->quorum)
            s = cosigned_store(w->kept, &head);
    } else {
        s = note.status;
    }
    if (s != STATUS_OK)
        log_error("a cosigned head can't be kept", LOG_U64("size", head.size), LOG_STATUS(s));
    if (s == STATUS_OK && cosigned_count(w) >= w->quorum) {
        w->enough_size = head.size;
        w->pending_ns = 0;
    }
    writer_fini(&note);
}

/* For describers and metrics; a change is logged once. */
static void note_result(struct witnesses *w, size_t i, enum status s, const struct problem *problem)
{
    struct witness_peer *peer = &w->peers[i];
    bool was_up = !peer->failures, was_conflict = peer->conflict;
    witness_peer_note(peer, s, clock_monotonic_ns());
    pthread_mutex_lock(&w->lock);
    w->shown[i].size = peer->size;
    w->shown[i].time_s = peer->time_s;
    w->shown[i].problem = *problem;
    pthread_mutex_unlock(&w->lock);
    metric_set(w->up[i], s == STATUS_OK);
    metric_set(w->size[i], (double)peer->size);
    metric_set(w->conflict[i], peer->conflict);
    if (s == STATUS_CONFLICT && !was_conflict)
        log_error("CONFLICT: a witness knows another history of this log",
                  LOG_TEXT("witness", peer->verifier.name), LOG_TEXT("problem", problem->text));
    else if (s != STATUS_OK && was_up)
        log_warn("a witness does not cosign; it is asked again",
                 LOG_TEXT("witness", peer->verifier.name), LOG_TEXT("problem", problem->text));
    else if (s == STATUS_OK && !was_up)
        log_info("a witness cosigns again", LOG_TEXT("witness", peer->verifier.name));
}

/* Somebody else has shown it a head of this log that is newer than the one that it was asked for.
 */
static bool is_ahead(const struct witness_peer *peer, const struct witnesses *w,
                     struct evidence *evidence)
{
    struct writer unused;
    writer_init(&unused, NOTE_BYTES_MAX);
    uint64_t newest = evidence_newest(evidence, &unused);
    writer_fini(&unused);
    return peer->size > w->head.size && peer->size <= newest;
}

static void ask(struct witnesses *w, size_t i, struct remote *remote)
{
    struct merkle_source source = evidence_tree_source(w->tree);
    const struct witness_request request = {&w->head, writer_slice(&w->note), &source, remote};
    struct problem problem = {""};
    enum status s = witness_peer_begin(&w->peers[i], &request, w->http, &problem);
    if (s != STATUS_OK)
        note_result(w, i, s, &problem);
}

static void take_answer(struct witnesses *w, const struct remote_http_done *done,
                        struct remote *remote)
{
    struct witness_peer *peer = witness_peer_cast(done->arg);
    struct problem problem = done->problem;
    struct writer late; /* the line for a head before this one is not needed any more */
    size_t i = (size_t)(peer - w->peers);
    bool is_late = peer->asked_size != w->head.size;
    writer_init(&late, NOTE_BYTES_MAX);
    enum status s = done->status;
    if (s == STATUS_OK)
        s = witness_peer_take(peer, done->code, is_late ? &late : &w->lines, &problem);
    writer_fini(&late);
    if (s == STATUS_BUSY) {
        ask(w, i, remote);
    } else if (s == STATUS_CLOSED ||
               (s == STATUS_CONFLICT && is_ahead(peer, w, remote_evidence(remote)))) {
        peer->asked = 0; /* the thread ends, or goes on with a newer head */
        w->passed[i] = true;
    } else {
        note_result(w, i, s, &problem);
        w->cosigned[i] = s == STATUS_OK && !is_late;
        if (w->cosigned[i])
            publish(w, remote_evidence(remote));
    }
}

static int64_t show_pending(const struct witnesses *w)
{
    int64_t now_ns = clock_monotonic_ns();
    metric_set(w->uncosigned,
               w->pending_ns ? (double)(now_ns - w->pending_ns) / (double)NS_PER_S : 0);
    return now_ns + PENDING_TURN;
}

/* All are asked side by side, each for the newest head as soon as it is free: one that does not
 * answer holds up nobody. */
static int64_t run(void *arg, struct remote *remote)
{
    struct witnesses *w = witnesses_cast(arg);
    struct remote_http_done done;
    thread_assert(THREAD_REMOTE);
    while (!remote_is_stopping(remote) && take_newest(w, remote_evidence(remote))) {
        for (size_t i = 0; i < w->count; i++)
            if (!w->cosigned[i] && !w->passed[i] && !w->peers[i].asked &&
                clock_monotonic_ns() >= w->peers[i].retry_ns)
                ask(w, i, remote);
        show_pending(w);
        if (remote_http_is_idle(w->http))
            break;
        if (remote_http_next(w->http, LOOK_MS, &done))
            take_answer(w, &done, remote);
    }
    return show_pending(w);
}

struct remote_job witnesses_job(struct witnesses *witnesses)
{
    return (struct remote_job){"witnesses", run, witnesses};
}

void witnesses_describe(struct witnesses *w, struct writer *out)
{
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->count; i++) {
        bool fine = !*w->shown[i].problem.text;
        writer_format(out, "witness %s %s size %llu%s%s\n", w->peers[i].verifier.name,
                      fine ? "up" : "DOWN", (unsigned long long)w->shown[i].size, fine ? "" : ": ",
                      w->shown[i].problem.text);
    }
    pthread_mutex_unlock(&w->lock);
}
