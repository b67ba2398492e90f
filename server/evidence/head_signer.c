/* head_signer.c: from the settings to the signer of heads. Main thread, at start. Signs nothing. */
#define LOG_COMPONENT "evidence"
#include "server/evidence/head_signer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/disk/fault.h"
#include "core/log/log.h"
#include "core/thread.h"
#include "server/evidence/head_signer_held.h"
#include "server/files/signing_key.h"
#include "storage/evidence/heads.h"
#include "storage/evidence/restart.h"
#include "storage/evidence/signer/key_file.h"

/* instance/spool uid; what a name must not have in it becomes a dash. */
static void default_name(const struct head_signer_options *o, char name[NOTE_NAME_BYTES_MAX + 1])
{
    char uid[UUID_TEXT_BYTES];
    uuid_to_text(o->spool_uid, uid);
    snprintf(name, NOTE_NAME_BYTES_MAX + 1, "%.200s/%.36s", o->instance, uid);
    for (char *c = name; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == '+' || (unsigned char)*c >= 0x7f)
            *c = '-';
}

/* Also one that an archive gave back, which is a text only. */
static bool has_heads(const char *dir)
{
    struct writer note;
    struct evidence_head head;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/" HEADS_TEXT_FILE, dir);
    if (access(path, F_OK) == 0)
        return true;
    writer_init(&note, NOTE_BYTES_MAX);
    enum status status = evidence_heads_last(dir, &note, &head);
    writer_fini(&note);
    return status != STATUS_NOT_FOUND;
}

static enum status missing(const char *path, const char *why, struct problem *problem)
{
    problem_say(problem, "%s is missing%s", path, why);
    return STATUS_CONFIG;
}

static enum status read_key(const char *path, struct note_secret *secret, struct problem *problem)
{
    enum status status = signing_key_read(path, secret, problem);
    if (status != STATUS_OK || secret->verifier.algorithm == NOTE_ED25519)
        return status == STATUS_OK || status == STATUS_NOT_FOUND || status_is_passing(status)
                   ? status
                   : STATUS_CONFIG;
    note_secret_wipe(secret);
    problem_say(problem, "%s is a key of a witness, which signs no heads", path);
    return STATUS_CONFIG;
}

static enum status make_key(const struct head_signer_options *o, const char *path,
                            struct note_secret *secret, struct problem *problem)
{
    char name[NOTE_NAME_BYTES_MAX + 1];
    struct note_verifier made;
    default_name(o, name);
    const char *origin = o->config->evidence_origin ? o->config->evidence_origin : name;
    enum status status = key_file_make(path, slice_from_text(origin), NOTE_ED25519, &made, problem);
    fault_point(evidence_key_made);
    if (status == STATUS_MALFORMED)
        return STATUS_CONFIG;
    if (status == STATUS_OK)
        status = read_key(path, secret, problem);
    if (status == STATUS_OK)
        log_info("signing key of the tree made: keep a copy of it, and give its verifier key "
                 "(head.vkey) to everybody who is to check records",
                 LOG_TEXT("file", path));
    return status;
}

/* The key of the settings, or that of dir, made when there is none and nothing was signed. */
static enum status find_key(const struct head_signer_options *o, struct note_secret *secret,
                            struct problem *problem)
{
    char own[PATH_MAX];
    const char *path = o->config->evidence_signing_key;
    snprintf(own, sizeof own, "%s/head.key", o->dir);
    enum status status = read_key(path ? path : own, secret, problem);
    if (status != STATUS_NOT_FOUND)
        return status;
    if (path)
        return missing(path, ": evidence.signing_key names it", problem);
    if (has_heads(o->dir))
        return missing(own,
                       ", but it has signed heads: restore the copy; without the key the tree "
                       "can't be continued, and `vsocd evidence restart-tree` begins another",
                       problem);
    return make_key(o, own, secret, problem);
}

/* Gives the key the name under which this generation of the tree is signed. */
static enum status name_key(const struct head_signer_options *o, struct note_secret *secret,
                            struct problem *problem)
{
    char origin[NOTE_NAME_BYTES_MAX + 1];
    struct note_secret named;
    const char *base = o->config->evidence_origin;
    enum status status =
        evidence_restart_origin(base ? base : secret->verifier.name, o->generation, origin);
    if (status == STATUS_OK)
        status = note_secret_make(slice_from_text(origin), NOTE_ED25519, secret->seed, &named);
    if (status == STATUS_OK)
        *secret = named;
    note_secret_wipe(&named);
    if (status == STATUS_OK)
        return status;
    problem_say(problem, "evidence.origin %.255s can't be a name in signed heads: %s",
                base ? base : secret->verifier.name, status_text(status));
    return status == STATUS_MALFORMED ? STATUS_CONFIG : status;
}

/* Replaces head.vkey unless it has this key. */
static enum status publish(const char *dir, const struct note_verifier *verifier,
                           struct problem *problem)
{
    char path[PATH_MAX], fresh[PATH_MAX + 8];
    struct writer text;
    writer_init(&text, 4096);
    note_verifier_write(&text, verifier);
    log_info("heads of the tree are signed", LOG_SLICE("verifier_key", writer_slice(&text)));
    writer_u8(&text, '\n');
    snprintf(path, sizeof path, "%s/head.vkey", dir);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool good = text.status == STATUS_OK && fd >= 0 &&
                write(fd, text.data, text.size) == (ssize_t)text.size && fsync(fd) == 0;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    writer_fini(&text);
    if (good && rename(fresh, path) == 0)
        return STATUS_OK;
    problem_say(problem, "%s can't be written: %s", path, strerror(errno));
    return STATUS_IO;
}

/* The key is elsewhere: what it signs must have the origin of the settings, if they give one. */
static enum status open_held(const struct head_signer_options *o, struct evidence_signer **out,
                             struct problem *problem)
{
    char origin[NOTE_NAME_BYTES_MAX + 1];
    const char *base = o->config->evidence_origin;
    enum status status = base ? evidence_restart_origin(base, o->generation, origin) : STATUS_OK;
    if (status != STATUS_OK) {
        problem_say(problem, "evidence.origin %.255s: %s", base, status_text(status));
        return status == STATUS_MALFORMED ? STATUS_CONFIG : status;
    }
    status = head_signer_open_held(o->config, base ? origin : NULL, out, problem);
    if (status == STATUS_OK)
        status = publish(o->dir, &(*out)->verifier, problem);
    return status;
}

enum status head_signer_make(const struct head_signer_options *o, struct evidence_signer **out,
                             struct problem *problem)
{
    thread_assert(THREAD_MAIN);
    struct note_secret secret;
    if (head_signer_is_held(o->config))
        return open_held(o, out, problem);
    enum status status = find_key(o, &secret, problem);
    if (status == STATUS_OK)
        status = name_key(o, &secret, problem);
    if (status == STATUS_OK)
        status = publish(o->dir, &secret.verifier, problem);
    if (status == STATUS_OK)
        status = evidence_signer_of_secret(&secret, out);
    note_secret_wipe(&secret);
    return status;
}
