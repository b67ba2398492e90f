/* signer_of_socket.c: asks the process `vsocd signer` over its unix socket: one connection a
 * request, and a deadline for the whole of it. The owner's thread. */
#include "storage/evidence/signer/evidence_signers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/object.h"
#include "storage/evidence/formats/add_checkpoint.h"
#include "storage/evidence/formats/ed25519.h"
#include "storage/evidence/signer/sign_channel.h"
#include "storage/evidence/signer/sign_wire.h"

struct socket_signer {
    struct evidence_signer signer;
    char path[SIGN_CHANNEL_PATH_BYTES];
    uint64_t last_size; /* that the process signed, as far as known */
};

/* *answer borrows from *text, which the caller ends. */
static enum status ask(const char *path, struct slice request, struct writer *text,
                       struct sign_answer *answer, struct problem *problem)
{
    int fd;
    writer_init(text, SIGN_WIRE_TEXT_MAX);
    enum status status = sign_channel_connect(path, &fd, problem);
    if (status != STATUS_OK)
        return status;
    int64_t end_ns = sign_channel_end_ns();
    status = sign_channel_send(fd, request, end_ns);
    if (status == STATUS_OK)
        status = sign_channel_receive(fd, text, end_ns);
    close(fd);
    if (status == STATUS_OK)
        status = sign_answer_parse(writer_slice(text), answer);
    if (status == STATUS_OK || status == STATUS_NO_MEMORY)
        return status;
    problem_say(problem, "the signer at %s gives no answer: %s", path, status_text(status));
    return status == STATUS_TIMEOUT ? STATUS_TIMEOUT : STATUS_UNAVAILABLE;
}

/* One exchange about one head. */
struct exchange {
    unsigned magic; /* EXCHANGE_MAGIC */
    const struct socket_signer *signer;
    struct merkle_path path;
    uint64_t old_size;
    uint64_t last_size; /* set with CONFLICT */
    struct problem *problem;
};

#define EXCHANGE_MAGIC 0x5645584dU
OBJECT_CAST(exchange, EXCHANGE_MAGIC)

static enum status take_answer(struct exchange *x, struct slice text,
                               const struct sign_answer *answer, uint8_t signature[64])
{
    switch (answer->kind) {
    case SIGN_ANSWER_SIGNATURE:
        if (ed25519_verify(x->signer->signer.verifier.key, text, answer->signature) == STATUS_OK) {
            memcpy(signature, answer->signature, 64);
            return STATUS_OK;
        }
        problem_say(x->problem, "the signer's signature is not by the key of this tree; start the "
                                "server again if the signer has a new key");
        return STATUS_IO;
    case SIGN_ANSWER_SIZE:
        x->last_size = answer->size;
        problem_say(x->problem, "the signer has signed a tree of %llu leaves",
                    (unsigned long long)answer->size);
        return STATUS_CONFLICT;
    case SIGN_ANSWER_REFUSED:
        problem_say(x->problem, "the signer refuses: %.*s", SLICE_ARGS(answer->text));
        return STATUS_REFUSED;
    case SIGN_ANSWER_FAILED:
        problem_say(x->problem, "the signer can't sign: %.*s", SLICE_ARGS(answer->text));
        return STATUS_IO;
    case SIGN_ANSWER_KEY:
        break;
    }
    problem_say(x->problem, "the signer's answer belongs to another question");
    return STATUS_IO;
}

/* As a note_signer: message is the text of the checkpoint. */
static enum status exchange_sign(void *arg, struct slice message, uint8_t signature[64])
{
    struct exchange *x = exchange_cast(arg);
    const struct add_checkpoint body = {.old_size = x->old_size, .path = x->path, .note = message};
    struct sign_answer answer;
    struct writer sent, received;
    writer_init(&sent, SIGN_WIRE_TEXT_MAX);
    add_checkpoint_write(&sent, &body);
    enum status status = sent.status;
    if (status == STATUS_OK) {
        status = ask(x->signer->path, writer_slice(&sent), &received, &answer, x->problem);
        if (status == STATUS_OK)
            status = take_answer(x, message, &answer, signature);
        writer_fini(&received);
    }
    writer_fini(&sent);
    return status;
}

static enum status try_sign(struct exchange *x, const struct evidence_signing *what,
                            struct writer *note)
{
    const struct note_signer signer = {
        .verifier = &x->signer->signer.verifier, .sign = exchange_sign, .arg = x};
    problem_say(x->problem, "no consistency proof from %llu leaves can be made",
                (unsigned long long)x->old_size);
    enum status status = what->prove(what->prove_arg, x->old_size, &x->path);
    return status == STATUS_OK ? checkpoint_sign(note, what->checkpoint, &signer, 1) : status;
}

/* The size that the process signed last is known from the last time, or from its answer. */
static enum status socket_sign(struct evidence_signer *signer, const struct evidence_signing *what,
                               struct writer *note, struct problem *problem)
{
    struct socket_signer *s = (struct socket_signer *)(void *)signer;
    struct exchange x = {
        .magic = EXCHANGE_MAGIC, .signer = s, .old_size = s->last_size, .problem = problem};
    if (x.old_size > what->checkpoint->size)
        x.old_size = 0; /* ask again */
    enum status status = try_sign(&x, what, note);
    if (status == STATUS_CONFLICT && x.last_size <= what->checkpoint->size) {
        x.old_size = x.last_size;
        status = try_sign(&x, what, note);
    }
    if (status == STATUS_CONFLICT)
        problem_say(problem,
                    "the signer has signed a tree of %llu leaves, this one has %llu: spool or "
                    "tree were rolled back, unless records are still being read",
                    (unsigned long long)x.last_size, (unsigned long long)what->checkpoint->size);
    if (status == STATUS_OK)
        s->last_size = what->checkpoint->size;
    return status;
}

static void socket_destroy(struct evidence_signer *signer)
{
    free((void *)signer);
}

static enum status read_key(const char *path, struct note_verifier *out, struct problem *problem)
{
    struct sign_answer answer;
    struct writer received;
    enum status status = ask(path, SLICE_LITERAL(SIGN_WIRE_KEY), &received, &answer, problem);
    if (status == STATUS_OK && answer.kind == SIGN_ANSWER_REFUSED) {
        problem_say(problem, "the signer at %s refuses: %.*s", path, SLICE_ARGS(answer.text));
        status = STATUS_REFUSED;
    } else if (status == STATUS_OK && (answer.kind != SIGN_ANSWER_KEY ||
                                       note_verifier_parse(answer.text, out) != STATUS_OK ||
                                       out->algorithm != NOTE_ED25519)) {
        problem_say(problem, "the signer at %s has no key for heads", path);
        status = STATUS_REFUSED;
    }
    writer_fini(&received);
    return status;
}

enum status evidence_signer_of_socket(const char *path, struct evidence_signer **out,
                                      struct problem *problem)
{
    struct socket_signer *s = calloc(1, sizeof *s);
    problem_say(problem, "%s", status_text(STATUS_NO_MEMORY));
    if (!s)
        return STATUS_NO_MEMORY;
    s->signer = (struct evidence_signer){.sign = socket_sign, .destroy = socket_destroy};
    enum status status = read_key(path, &s->signer.verifier, problem);
    if (status != STATUS_OK) {
        free(s);
        return status;
    }
    memcpy(s->path, path, strlen(path)); /* a longer one did not connect */
    *out = &s->signer;
    return STATUS_OK;
}
