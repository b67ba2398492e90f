/* audit_append.c: opens the spool of a stopped server, appends an audit record, has it signed, and
 * closes the spool. Main thread. Does not deliver to sinks, and asks no witness. */
#include "server/commands/audit_append.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "core/log/log.h"
#include "server/audit/audit.h"
#include "server/config/config.h"
#include "server/evidence/head_signer.h"
#include "server/ingest/record_keys.h"
#include "server/ingest/spool_config.h"
#include "server/plugins/sink_config.h"
#include "storage/evidence/evidence.h"
#include "storage/evidence/restart.h"
#include "storage/spool/spool.h"

struct stopped {
    const struct config *config;
    char spool_dir[SPOOL_CONFIG_DIR_BYTES], evidence_dir[PATH_MAX], instance[256];
    struct seal_keys keys;
    struct spool *spool;
    struct evidence *evidence; /* NULL: nothing is signed now */
};

/* --- the tree -------------------------------------------------------------------------------- */

/* A record must not get the leaf index of one that a signed head covers. */
static enum status follow_head(struct stopped *s, struct problem *problem)
{
    struct writer note;
    struct evidence_head head;
    writer_init(&note, NOTE_BYTES_MAX);
    enum status status = evidence_heads_last(s->evidence_dir, &note, &head);
    writer_fini(&note);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK) {
        problem_say(problem, "the signed heads in %.300s can't be read: %s", s->evidence_dir,
                    status_text(status));
        return status;
    }
    status = evidence_keep_leaves(s->spool, s->evidence_dir, head.size);
    if (status == STATUS_REFUSED)
        problem_say(problem,
                    "the newest signed head covers %llu records, but the spool has fewer: it was "
                    "rolled back or replaced; `vsocd evidence status` shows more",
                    (unsigned long long)head.size);
    return status;
}

/* As a start of the server does it. Without: it is signed at the next start. */
static void open_tree(struct stopped *s)
{
    struct problem problem;
    struct evidence_restart restart;
    struct evidence_signer *signer;
    if (evidence_restart_read(s->evidence_dir, &restart) != STATUS_OK)
        return;
    const struct head_signer_options options = {.config = s->config,
                                                .dir = s->evidence_dir,
                                                .instance = s->instance,
                                                .spool_uid = spool_uid(s->spool),
                                                .generation = restart.generation};
    if (head_signer_make(&options, &signer, &problem) != STATUS_OK)
        return;
    const struct evidence_options tree = {.dir = s->evidence_dir,
                                          .last_head = s->config->evidence_last_head,
                                          .signer = signer,
                                          .spool = s->spool};
    if (evidence_open(&tree, &s->evidence, &problem) != STATUS_OK)
        s->evidence = NULL;
}

/* --- the spool ------------------------------------------------------------------------------- */

static enum status open_spool(struct stopped *s, struct problem *problem)
{
    struct spool_options options = spool_options_from_config(s->config, s->spool_dir);
    if (access(s->spool_dir, F_OK) != 0) {
        problem_say(problem,
                    "%.300s: there is no spool to record it in: start the server once, as "
                    "its user",
                    s->spool_dir);
        return STATUS_NOT_FOUND;
    }
    enum status status = record_keys_load(s->config->privacy_keys_file, &s->keys, problem);
    options.keys = &s->keys;
    if (status == STATUS_OK)
        status = spool_open(&options, NULL, NULL, &s->spool, problem);
    if (status != STATUS_OK)
        return status;
    sink_instance_name(s->config, s->instance, sizeof s->instance);
    snprintf(s->evidence_dir, sizeof s->evidence_dir, "%s/evidence", s->config->data_dir);
    if (access(s->evidence_dir, F_OK) == 0 || errno != ENOENT) {
        status = follow_head(s, problem);
        if (status == STATUS_OK)
            open_tree(s);
    }
    return status;
}

static enum status record(struct stopped *s, enum audit_kind kind, const struct audit_field *fields,
                          size_t count, struct problem *problem)
{
    enum status status = spool_start(s->spool);
    if (status != STATUS_OK) {
        problem_say(problem, "the spool can't be started: %s", status_text(status));
        return status;
    }
    bool follows = s->evidence && evidence_start(s->evidence) == STATUS_OK;
    status = audit_start(s->spool, s->instance, problem);
    if (status == STATUS_OK)
        status = audit_require(kind, fields, count, problem);
    audit_stop();
    spool_stop(s->spool);
    if (follows)
        evidence_stop(s->evidence);
    audit_fini();
    return status;
}

enum status audit_append(const struct config *config, enum audit_kind kind,
                         const struct audit_field *fields, size_t count, struct problem *problem)
{
    struct stopped s = {.config = config};
    log_configure(LOG_WARN, LOG_PLAIN); /* the command speaks, not a server */
    enum status status = open_spool(&s, problem);
    if (status == STATUS_OK)
        status = record(&s, kind, fields, count, problem);
    evidence_close(s.evidence);
    if (s.spool)
        spool_close(s.spool);
    return status;
}
