/* witness.c: the decision of a witness, in the order of c2sp.org/tlog-witness. Main thread:
 * requests are decided one after the other, so that check and record are one step. */
#include "server/witness/witness.h"

#include <stdlib.h>

#include "storage/evidence/formats/add_checkpoint.h"

#define LOG_COMPONENT "witness"
#include "core/log/log.h"

#define TEXT_PLAIN "text/plain; charset=utf-8"

struct witness_log {
    struct note_verifier *keys; /* of the log, one or more */
    size_t key_count;
    struct writer note; /* the newest cosigned checkpoint, as stored; empty: none yet */
    uint64_t size;
    uint8_t root[MERKLE_HASH_BYTES];
    uint64_t time_s; /* of its cosignature */
};

struct witness {
    struct note_secret secret;
    struct witness_store *store;
    struct note_verifier *keys; /* all, those of one log together */
    struct witness_log *logs;
    size_t log_count;
    struct writer out; /* body of the answer */
};

static const char *log_name(const struct witness_log *log)
{
    return log->keys[0].name;
}

static struct witness_log *find_log(const struct witness *witness, struct slice origin)
{
    for (size_t i = 0; i < witness->log_count; i++)
        if (slice_equal_text(origin, log_name(&witness->logs[i])))
            return &witness->logs[i];
    return NULL;
}

/* OK: one of its keys has signed, and none wrongly. */
static enum status verify_log(const struct witness_log *log, const struct note *note)
{
    enum status found = STATUS_NOT_FOUND;
    for (size_t i = 0; i < log->key_count; i++) {
        enum status s = note_verify(note, &log->keys[i], NULL);
        if (s == STATUS_OK)
            found = s;
        else if (s != STATUS_NOT_FOUND)
            return s;
    }
    return found;
}

/* What is stored must be signed by the log and by this witness. */
static enum status take_stored(const struct witness *witness, struct witness_log *log)
{
    struct note note;
    struct checkpoint head;
    struct note_seal seal;
    enum status s = note_parse(writer_slice(&log->note), &note);
    if (s == STATUS_OK)
        s = checkpoint_parse(note.text, &head);
    if (s == STATUS_OK && !slice_equal_text(head.origin, log_name(log)))
        s = STATUS_CONFLICT;
    if (s == STATUS_OK)
        s = verify_log(log, &note);
    if (s == STATUS_OK)
        s = note_verify(&note, &witness->secret.verifier, &seal);
    if (s != STATUS_OK)
        return STATUS_CORRUPT;
    log->size = head.size;
    log->time_s = seal.time_s;
    memcpy(log->root, head.root, sizeof log->root);
    return STATUS_OK;
}

static enum status load_log(const struct witness *witness, struct witness_log *log,
                            struct problem *problem)
{
    enum status s = witness_store_read(witness->store, slice_from_text(log_name(log)), &log->note);
    if (s == STATUS_NOT_FOUND) {
        merkle_empty_root(log->root);
        return STATUS_OK;
    }
    if (s == STATUS_OK)
        s = take_stored(witness, log);
    if (s == STATUS_CORRUPT)
        problem_say(problem,
                    "what is stored of the log %s is not signed by this log and this witness: "
                    "give the keys that were used, or restore the folder from a copy",
                    log_name(log));
    else if (s != STATUS_OK)
        problem_say(problem, "what is stored of the log %s can't be read: %s", log_name(log),
                    status_text(s));
    return s;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct note_verifier *)a)->name, ((const struct note_verifier *)b)->name);
}

/* Sorts the keys, so that those of one log are together, and makes the logs. */
static enum status group_logs(struct witness *witness, const struct note_verifier *keys,
                              size_t count)
{
    if (!count || count > WITNESS_LOGS_MAX)
        return STATUS_TOO_MANY;
    witness->keys = calloc(count, sizeof *keys);
    witness->logs = calloc(count, sizeof *witness->logs);
    if (!witness->keys || !witness->logs)
        return STATUS_NO_MEMORY;
    memcpy(witness->keys, keys, count * sizeof *keys);
    qsort(witness->keys, count, sizeof *keys, by_name);
    for (size_t i = 0; i < count; i++) {
        struct witness_log *log = witness->logs + witness->log_count;
        if (i && by_name(&witness->keys[i - 1], &witness->keys[i]) == 0) {
            log[-1].key_count++;
            continue;
        }
        log->keys = &witness->keys[i];
        log->key_count = 1;
        writer_init(&log->note, NOTE_BYTES_MAX);
        witness->log_count++;
    }
    return STATUS_OK;
}

enum status witness_create(const struct witness_options *options, struct witness **out,
                           struct problem *problem)
{
    struct witness *witness = calloc(1, sizeof *witness);
    if (!witness)
        return STATUS_NO_MEMORY;
    witness->secret = *options->secret;
    witness->store = options->store;
    writer_init(&witness->out, NOTE_BYTES_MAX);
    enum status s = group_logs(witness, options->logs, options->log_count);
    if (s == STATUS_TOO_MANY)
        problem_say(problem, "a witness has 1 to %d keys of logs", WITNESS_LOGS_MAX);
    else if (s != STATUS_OK)
        problem_say(problem, "%s", status_text(s));
    for (size_t i = 0; s == STATUS_OK && i < witness->log_count; i++)
        s = load_log(witness, &witness->logs[i], problem);
    if (s == STATUS_OK)
        *out = witness;
    else
        witness_destroy(witness);
    return s;
}

void witness_destroy(struct witness *witness)
{
    if (!witness)
        return;
    for (size_t i = 0; i < witness->log_count; i++)
        writer_fini(&witness->logs[i].note);
    free(witness->logs);
    free(witness->keys);
    writer_fini(&witness->out);
    note_secret_wipe(&witness->secret);
    free(witness);
}

static void answer_text(struct witness *witness, struct witness_answer *answer, int code,
                        const char *text)
{
    answer->code = code;
    answer->content_type = TEXT_PLAIN;
    writer_reset(&witness->out);
    writer_text(&witness->out, text);
    writer_u8(&witness->out, '\n');
}

static void answer_size(struct witness *witness, struct witness_answer *answer, uint64_t size)
{
    answer->code = 409;
    answer->content_type = ADD_CHECKPOINT_SIZE_TYPE;
    writer_reset(&witness->out);
    writer_format(&witness->out, "%llu\n", (unsigned long long)size);
}

/* A log that signed two trees of one size. Both checkpoints are kept: they prove it to anybody. */
static void keep_fork(struct witness *witness, const struct witness_log *log,
                      const struct checkpoint *head, struct slice note)
{
    enum status s = witness_store_fork(witness->store, head->origin, head->size, head->root, note);
    log_error("FORK: the log has signed two different trees of one size; the second one is refused "
              "and kept in the state folder as proof",
              LOG_TEXT("log", log_name(log)), LOG_U64("size", head->size), LOG_STATUS(s));
}

/* Remembers the checkpoint with its cosignature, which is written to *line. */
static enum status record(struct witness *witness, struct witness_log *log, const struct note *note,
                          struct slice line, const struct checkpoint *head, int64_t now_s)
{
    struct writer text;
    writer_init(&text, NOTE_BYTES_MAX);
    writer_add_slice(&text, note->text);
    writer_u8(&text, '\n');
    for (size_t i = 0; i < note->count; i++) /* of the log only: strangers' lines are not kept */
        if (slice_equal_text(note->signatures[i].name, log_name(log)))
            writer_add_slice(&text, note->signatures[i].line);
    writer_add_slice(&text, line);
    enum status s = text.status;
    if (s == STATUS_OK)
        s = witness_store_write(witness->store, head->origin, writer_slice(&text));
    if (s != STATUS_OK) {
        writer_fini(&text);
        return s;
    }
    writer_fini(&log->note);
    log->note = text;
    log->size = head->size;
    log->time_s = (uint64_t)now_s;
    memcpy(log->root, head->root, sizeof log->root);
    return STATUS_OK;
}

static void cosign(struct witness *witness, struct witness_log *log, const struct note *note,
                   const struct checkpoint *head, int64_t now_s, struct witness_answer *answer)
{
    struct note_signer signer = note_signer_of(&witness->secret);
    bool known = log->note.size && log->size == head->size;
    writer_reset(&witness->out);
    enum status s = note_sign(&witness->out, note->text, &signer, (uint64_t)now_s);
    if (s == STATUS_OK && !known)
        s = record(witness, log, note, writer_slice(&witness->out), head, now_s);
    if (s != STATUS_OK) {
        log_error("a checkpoint can't be recorded, so it is not cosigned",
                  LOG_TEXT("log", log_name(log)), LOG_U64("size", head->size), LOG_STATUS(s));
        answer_text(witness, answer, 500, "the checkpoint can't be recorded");
        return;
    }
    log_info("cosigned", LOG_TEXT("log", log_name(log)), LOG_U64("size", head->size));
    answer->code = 200;
    answer->content_type = TEXT_PLAIN;
}

/* The checkpoint is the log's own: does it continue what is stored? */
static void judge(struct witness *witness, struct witness_log *log,
                  const struct add_checkpoint *request, const struct note *note,
                  const struct checkpoint *head, int64_t now_s, struct witness_answer *answer)
{
    if (request->old_size > head->size) {
        answer_text(witness, answer, 400, "the old size is larger than the checkpoint's");
    } else if (request->old_size != log->size) {
        if (head->size == log->size && memcmp(head->root, log->root, sizeof log->root) != 0)
            keep_fork(witness, log, head, request->note);
        answer_size(witness, answer, log->size);
    } else if (head->size == log->size && memcmp(head->root, log->root, sizeof log->root) != 0) {
        keep_fork(witness, log, head, request->note);
        answer_text(witness, answer, 409,
                    "another tree of this size is cosigned: this log shows two histories");
    } else if (merkle_consistency_verify(log->size, log->root, head->size, head->root,
                                         &request->path) != STATUS_OK) {
        log_warn("the consistency proof is wrong: the checkpoint is not cosigned",
                 LOG_TEXT("log", log_name(log)), LOG_U64("cosigned_size", log->size),
                 LOG_U64("size", head->size));
        answer_text(witness, answer, 422,
                    "the proof does not show that this tree continues the cosigned one");
    } else {
        cosign(witness, log, note, head, now_s, answer);
    }
}

void witness_add(struct witness *witness, struct slice body, int64_t now_s,
                 struct witness_answer *answer)
{
    struct add_checkpoint request;
    struct note note;
    struct checkpoint head;
    *answer = (struct witness_answer){0};
    if (add_checkpoint_parse(body, &request) != STATUS_OK ||
        note_parse(request.note, &note) != STATUS_OK ||
        checkpoint_parse(note.text, &head) != STATUS_OK) {
        answer_text(witness, answer, 400, "the body is not that of c2sp.org/tlog-witness");
        answer->body = writer_slice(&witness->out);
        return;
    }
    struct witness_log *log = find_log(witness, head.origin);
    answer->origin = head.origin;
    answer->size = head.size;
    if (!log)
        answer_text(witness, answer, 404, "this witness does not know the log");
    else if (verify_log(log, &note) != STATUS_OK)
        answer_text(witness, answer, 403, "no valid signature of the log");
    else
        judge(witness, log, &request, &note, &head, now_s, answer);
    answer->body = writer_slice(&witness->out);
}

static void describe_log(const struct witness_log *log, struct writer *page)
{
    writer_format(page, "\nlog %s\n", log_name(log));
    for (size_t i = 0; i < log->key_count; i++) {
        writer_text(page, "  key ");
        note_verifier_write(page, &log->keys[i]);
        writer_u8(page, '\n');
    }
    if (!log->note.size) {
        writer_text(page, "  no checkpoint was cosigned yet\n");
        return;
    }
    writer_format(page,
                  "  %llu records, cosigned at %llu (seconds since 1970); newest checkpoint:\n\n",
                  (unsigned long long)log->size, (unsigned long long)log->time_s);
    writer_add_slice(page, writer_slice(&log->note));
}

void witness_describe(const struct witness *witness, struct writer *page)
{
    writer_format(page, "witness %s\n  key ", witness->secret.verifier.name);
    note_verifier_write(page, &witness->secret.verifier);
    writer_u8(page, '\n');
    for (size_t i = 0; i < witness->log_count; i++)
        describe_log(&witness->logs[i], page);
}
