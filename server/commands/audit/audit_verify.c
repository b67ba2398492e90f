/* audit_verify.c: `vsocd audit verify`: the hash chain of the whole spool and, with the keys at
 * hand, what the leaves commit to; then each audit record: its id, form, and the order of leaves;
 * then all leaves, made again, against the newest signed head and one that was kept elsewhere. Main
 * thread. Changes nothing in the spool. */
#include "server/commands/audit/audit_command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/exit_status.h"
#include "core/object.h"
#include "core/reasons/audit_kind.h"
#include "server/commands/audit/audit_parse.h"
#include "server/commands/head_file.h"
#include "server/ingest/record_keys.h"
#include "storage/spool/spool_verify.h"

#define SHOWN 100

#define VERIFIER_MAGIC 0x41564552U

struct verifier {
    unsigned magic; /* VERIFIER_MAGIC */
    const struct audit_command *command;
    struct audit_parse parse;
    uint64_t records, starts, stops, next_leaf, last_position;
    bool has_leaf;    /* next_leaf is known */
    bool is_running;  /* the last start had no stop yet */
    uint64_t unclean; /* starts without a stop of the server before them */
    uint64_t wrong;
    struct writer notes[2]; /* of heads */
    struct evidence_head heads[2];
    size_t head_count;
    struct head_compare_result compared;
};

OBJECT_CAST(verifier, VERIFIER_MAGIC)

static void tell(struct verifier *v, uint64_t position, const char *what)
{
    if (v->wrong++ < SHOWN)
        fprintf(stderr, "vsocd: position %" PRIu64 ": %s\n", position, what);
}

static void on_finding(void *arg, const struct spool_finding *f)
{
    if (f->kind == SPOOL_FINDING_TAIL || f->kind == SPOOL_FINDING_CURSORS)
        return;
    fprintf(stderr, "vsocd: %s: offset %" PRIu64 ", position %" PRIu64 ": %s\n", f->file, f->offset,
            f->position, spool_finding_text(f->kind));
    verifier_cast(arg)->wrong++;
}

static void count_life(struct verifier *v, enum audit_kind kind)
{
    if (kind == AUDIT_server_started) {
        v->starts++;
        v->unclean += v->is_running;
        v->is_running = true;
    } else if (kind == AUDIT_server_stopped) {
        v->stops++;
        v->is_running = false;
    }
}

static void check_audit(struct verifier *v, const struct batch_record *record)
{
    struct json_document d;
    uint8_t uid[UUID_BYTES];
    v->records++;
    if (!audit_parse_body(&v->parse, record->body, &d)) {
        tell(v, record->meta.position, "the audit record is no JSON object");
        return;
    }
    const struct json_node *id = json_find(&d, 0, "audit_uid"), *kind = json_find(&d, 0, "kind");
    if (!id || id->type != JSON_STRING || uuid_from_text(id->text, uid) != STATUS_OK ||
        memcmp(uid, record->meta.batch_uid, UUID_BYTES) != 0)
        tell(v, record->meta.position, "audit_uid is not the id of the record in the spool");
    enum audit_kind known =
        kind && kind->type == JSON_STRING ? audit_kind_find(kind->text) : AUDIT_KIND_COUNT;
    if (known == AUDIT_KIND_COUNT)
        tell(v, record->meta.position, "kind is not one that this program knows");
    count_life(v, known);
}

static void check_order(struct verifier *v, const struct batch_meta *m)
{
    if (m->position <= v->last_position)
        tell(v, m->position, "the position is not after the one before");
    v->last_position = m->position;
    if (m->leaf_index == BATCH_NO_LEAF)
        return;
    if (v->has_leaf && m->leaf_index != v->next_leaf)
        tell(v, m->position, "the leaf index does not follow: records before it are missing");
    v->has_leaf = true;
    v->next_leaf = m->leaf_index + 1;
}

static enum status check_records(struct verifier *v)
{
    struct spool_reader *reader;
    struct batch_record record;
    enum status status = spool_reader_open_dir(v->command->dir, 0, &reader);
    if (status != STATUS_OK)
        return status;
    while ((status = spool_reader_next(reader, &record)) == STATUS_OK || status == STATUS_CORRUPT) {
        if (status == STATUS_CORRUPT) {
            v->has_leaf = false; /* the chain's check has named it */
            continue;
        }
        check_order(v, &record.meta);
        if (record.meta.kind != BATCH_KIND_EVENTS)
            check_audit(v, &record);
    }
    spool_reader_close(reader);
    return status == STATUS_END ? STATUS_OK : status;
}

/* --- heads ----------------------------------------------------------------------------------- */

static void on_head_finding(void *arg, const struct head_finding *f)
{
    struct verifier *v = verifier_cast(arg);
    if (v->wrong++ < SHOWN)
        fprintf(stderr, "vsocd: leaf %" PRIu64 ", position %" PRIu64 ": %s\n", f->leaf, f->position,
                head_finding_words(f->kind));
}

/* The server's own newest head, which is signed before the spool is read. NOT_FOUND: none yet. */
static enum status take_stored(struct verifier *v, const char *evidence)
{
    enum status status = access(evidence, F_OK) == 0 || errno != ENOENT
                             ? evidence_heads_last(evidence, &v->notes[0], &v->heads[v->head_count])
                             : STATUS_NOT_FOUND;
    v->head_count += status == STATUS_OK;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Before the spool is read: what a head covers is in the spool then. Exit status. */
static int take_heads(struct verifier *v)
{
    char evidence[4200];
    struct note_verifier key;
    const struct audit_command *c = v->command;
    int code = c->verifier ? head_file_verifier(c->verifier, &key) : EXIT_DONE;
    snprintf(evidence, sizeof evidence, "%s/../evidence", c->dir);
    enum status status = code == EXIT_DONE ? take_stored(v, evidence) : STATUS_OK;
    if (status != STATUS_OK) {
        fprintf(stderr, "vsocd: %s: the signed heads can't be read: %s\n", evidence,
                status_text(status));
        return EXIT_DISK;
    }
    if (code != EXIT_DONE || !c->head)
        return code;
    struct evidence_head given;
    code = head_file_read(c->head, c->verifier ? &key : NULL, &v->notes[1], &given);
    if (code != EXIT_DONE)
        return code;
    size_t at = v->head_count && given.size < v->heads[0].size ? 0 : v->head_count;
    if (at == 0 && v->head_count)
        v->heads[1] = v->heads[0];
    v->heads[at] = given;
    v->head_count++;
    return EXIT_DONE;
}

static enum status check_leaves(struct verifier *v, const uint8_t *spool_uid)
{
    char tree[4200];
    snprintf(tree, sizeof tree, "%s/../evidence/tree", v->command->dir);
    const struct head_compare_options options = {.spool_dir = v->command->dir,
                                                 .tree_dir = tree,
                                                 .spool_uid = spool_uid,
                                                 .heads = v->heads,
                                                 .count = v->head_count,
                                                 .on_finding = on_head_finding,
                                                 .arg = v};
    return v->head_count ? head_compare(&options, &v->compared) : STATUS_OK;
}

static void print_result(const struct verifier *v, const struct spool_verify_result *r)
{
    char hash[2 * SHA256_BYTES + 1];
    struct writer hex = {
        .data = (uint8_t *)hash, .capacity = sizeof hash - 1, .limit = sizeof hash - 1};
    writer_hex(&hex, slice_make(r->chain_hash, SHA256_BYTES));
    hash[hex.size] = '\0';
    printf(v->command->json ? "{\"intact\":%s,\"records\":%" PRIu64 ",\"audit_records\":%" PRIu64
                              ",\"starts\":%" PRIu64 ",\"stops\":%" PRIu64
                              ",\"starts_after_a_crash\":%" PRIu64 ",\"newest_position\":%" PRIu64
                              ",\"chain_hash\":\"%s\",\"heads\":%zu,\"matching_heads\":%" PRIu64
                              ",\"wrong\":%" PRIu64 "}\n"
                            : "%s: %" PRIu64 " records, of them %" PRIu64
                              " of the audit log; %" PRIu64 " starts, %" PRIu64 " stops, %" PRIu64
                              " starts after a crash; newest position %" PRIu64
                              ", chain hash %s; %zu signed heads, of them %" PRIu64
                              " of these records; wrong: %" PRIu64 "\n",
           v->command->json ? (v->wrong ? "false" : "true") : (v->wrong ? "BROKEN" : "intact"),
           r->records, v->records, v->starts, v->stops, v->unclean, r->newest, hash, v->head_count,
           v->compared.matching, v->wrong);
}

/* Beside the spool, or where the settings say. False: *keys is empty. */
static bool load_keys(const struct audit_command *c, struct seal_keys *keys)
{
    char path[4200];
    struct problem problem;
    snprintf(path, sizeof path, "%s/../keys/vin.keys", c->dir);
    return record_keys_load(path, keys, &problem) == STATUS_OK ||
           (c->keys[0] && record_keys_load(c->keys, keys, &problem) == STATUS_OK);
}

static void say_unchecked(uint64_t records)
{
    if (records)
        fprintf(stderr,
                "vsocd: the contents of %" PRIu64 " records were not compared with their leaves: "
                "no key is at hand; name privacy.keys_file by -c FILE\n",
                records);
}

int audit_verify(const struct audit_command *command)
{
    static struct seal_keys keys;
    struct verifier v = {.magic = VERIFIER_MAGIC, .command = command};
    struct spool_verify_result result;
    const struct spool_verify_options options = {
        .depth = SPOOL_DEPTH_VERIFY,
        .to = UINT64_MAX,
        .on_finding = on_finding,
        .arg = &v,
        .keys = load_keys(command, &keys) ? &keys : NULL,
    };
    for (size_t i = 0; i < 2; i++)
        writer_init(&v.notes[i], NOTE_BYTES_MAX);
    int code = take_heads(&v);
    if (code == EXIT_DONE) {
        enum status status = audit_parse_init(&v.parse)
                                 ? spool_verify_dir(command->dir, &options, &result)
                                 : STATUS_NO_MEMORY;
        if (status == STATUS_OK)
            status = check_records(&v);
        if (status == STATUS_OK)
            status = check_leaves(&v, result.spool_uid);
        audit_parse_fini(&v.parse);
        if (status != STATUS_OK)
            fprintf(stderr, "vsocd: %s: %s\n", command->dir, status_text(status));
        else {
            say_unchecked(result.without_key);
            print_result(&v, &result);
        }
        code = status != STATUS_OK ? EXIT_DISK : v.wrong ? EXIT_FAILED : EXIT_DONE;
    }
    for (size_t i = 0; i < 2; i++)
        writer_fini(&v.notes[i]);
    seal_keys_wipe(&keys);
    return code;
}
