/* cmd_evidence_verify.c: `vsocd evidence verify`: checks an evidence bundle under a policy of the
 * caller's. Main thread. Needs no settings, no spool and no server. */
#include "server/commands/evidence/cmd_evidence.h"
#include "core/object.h"
#include "server/commands/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/event/event_json.h"
#include "server/commands/evidence/attested_times.h"
#include "server/commands/head_file.h"
#include "server/files/file_read.h"
#include "storage/evidence/bundle/bundle_verify.h"
#include "storage/evidence/remote/time_token.h"

#define VERIFY_MAGIC 0x45564259U
#define NS_PER_S     INT64_C(1000000000)

struct verify {
    unsigned magic;   /* VERIFY_MAGIC */
    const char *file; /* the one being checked */
    const char *policy_file, *log, *time_ca;
    struct time_trust *trust; /* of time_ca; NULL: tokens are not checked */
    struct attested_times times;
    int64_t attested_ns; /* by when all records so far were in the log; 0: there is no token */
    bool unattested;     /* no token covers one of them */
    char **files;
    int file_count;
    bool json, quiet;
    struct policy *policy;
    struct slice archive; /* mapped */
    struct writer out;
};

OBJECT_CAST(verify, VERIFY_MAGIC)

static void print_time(struct writer *w, int64_t ns)
{
    struct writer quoted;
    writer_init(&quoted, 64);
    event_json_write_time(&quoted, ns);
    if (quoted.size > 2)
        writer_add_slice(w, slice_sub(writer_slice(&quoted), 1, quoted.size - 2));
    writer_fini(&quoted);
}

static const char *kind_text(uint8_t kind)
{
    static const char *const names[] = {
        [EVIDENCE_BATCH] = "batch",           [EVIDENCE_AUDIT] = "audit record",
        [EVIDENCE_RETIREMENT] = "retirement", [EVIDENCE_KEY] = "key event",
        [EVIDENCE_CLOCK] = "clock state",
    };
    return kind < sizeof names / sizeof *names && names[kind] ? names[kind] : "record";
}

/* A bundle comes from others: a terminal must not take orders from it. */
static void text_printable(struct writer *w, struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        writer_u8(w, text.data[i] < ' ' || text.data[i] == 0x7F ? '?' : text.data[i]);
}

static void text_record(struct writer *w, const struct bundle_record *record, int64_t attested_ns)
{
    const struct evidence_leaf *leaf = &record->leaf;
    writer_format(w, "%.*s  %s ", SLICE_ARGS(record->folder), kind_text(leaf->kind));
    event_json_write_uuid(w, leaf->batch_uid);
    writer_text(w, "  received ");
    print_time(w, leaf->received_ns);
    if (leaf->tenant.size) {
        writer_text(w, "  tenant ");
        text_printable(w, leaf->tenant);
    }
    writer_format(w, "  %" PRIu32 " accepted, %" PRIu32 " duplicate, %" PRIu32 " quarantined",
                  leaf->accepted, leaf->duplicates, leaf->quarantined);
    if (attested_ns) {
        writer_text(w, "  in the log by ");
        print_time(w, attested_ns);
    }
    if (record->absent)
        writer_format(w, "  %" PRIu32 " of its parts said to be erased", record->absent);
    writer_text(w, record->erased ? "  said to be erased\n" : "\n");
}

static void json_time(struct writer *w, int64_t ns)
{
    if (ns)
        event_json_write_time(w, ns);
    else
        writer_text(w, "null");
}

static void json_record(struct writer *w, const struct bundle_record *record, int64_t attested_ns)
{
    const struct evidence_leaf *leaf = &record->leaf;
    writer_format(w, "%s{\"position\":%" PRIu64 ",\"leaf_index\":%" PRIu64 ",\"kind\":\"%s\"",
                  w->size ? "," : "", leaf->position, leaf->leaf_index, kind_text(leaf->kind));
    writer_text(w, ",\"batch_id\":\"");
    event_json_write_uuid(w, leaf->batch_uid);
    writer_text(w, "\",\"received\":");
    event_json_write_time(w, leaf->received_ns);
    writer_text(w, ",\"tenant\":");
    writer_json_string(w, leaf->tenant);
    writer_format(w,
                  ",\"accepted\":%" PRIu32 ",\"duplicates\":%" PRIu32 ",\"quarantined\":%" PRIu32
                  ",\"erased\":%s,\"erased_parts\":%" PRIu32 ",\"attested\":",
                  leaf->accepted, leaf->duplicates, leaf->quarantined,
                  record->erased ? "true" : "false", record->absent);
    json_time(w, attested_ns);
    writer_u8(w, '}');
}

static void on_record(void *arg, const struct bundle_record *record)
{
    struct verify *v = verify_cast(arg);
    int64_t attested_ns = attested_times_of(&v->times, record->leaf.leaf_index);
    v->unattested |= !attested_ns;
    if (attested_ns > v->attested_ns)
        v->attested_ns = attested_ns;
    if (v->json)
        json_record(&v->out, record, attested_ns);
    else if (!v->quiet)
        text_record(&v->out, record, attested_ns);
}

static enum status on_token(void *arg, const struct bundle_token *token, struct problem *problem)
{
    struct verify *v = verify_cast(arg);
    struct time_token said;
    struct problem why = {""};
    uint8_t sha256[SHA256_BYTES];
    sha256_bytes(token->text, sha256);
    const struct time_check check = {.sha256 = sha256, .trust = v->trust};
    enum status status = time_token_check(token->response, &check, &said, &why);
    if (status != STATUS_OK) {
        problem_say(problem, "%.*s: %s", SLICE_ARGS(token->name), why.text);
        return status;
    }
    status = attested_times_add(&v->times, token->size, said.time_ns);
    if (status != STATUS_OK)
        return status;
    if (!v->json && !v->quiet) {
        writer_format(&v->out, "%.*s  attests ", SLICE_ARGS(token->name));
        print_time(&v->out, said.time_ns);
        writer_format(&v->out, "  by %s\n", said.signer);
    }
    return STATUS_OK;
}

/* The latest time that a witness gave to the head; 0: none did. */
static int64_t witnessed_ns(const struct bundle_result *result)
{
    uint64_t latest = 0;
    for (size_t i = 0; i < POLICY_WITNESSES_MAX; i++)
        if (result->signers.times_s[i] > latest)
            latest = result->signers.times_s[i];
    return latest < INT64_MAX / NS_PER_S ? (int64_t)latest * NS_PER_S : INT64_MAX;
}

static void print_text(struct verify *v, const struct bundle_result *r)
{
    struct writer *w = &v->out;
    struct slice body = r->custody.parts[BUNDLE_BODY];
    writer_format(w, "export recorded at position %" PRIu64 ": %.*s\n", r->custody.leaf.position,
                  SLICE_ARGS(body));
    writer_format(
        w,
        "proven: %zu records (%zu said to be erased, %zu in part) are in the log %.*s, head "
        "%" PRIu64 ", cosigned by %zu witnesses",
        r->records, r->erased, r->incomplete, SLICE_ARGS(r->head.origin), r->head.size,
        r->signers.cosigned);
    if (r->signers.cosigned) {
        writer_text(w, ", the latest at ");
        print_time(w, witnessed_ns(r));
    }
    writer_u8(w, '\n');
    if (r->tokens && v->trust)
        writer_format(w, "checked: %zu time-stamp tokens\n", r->tokens);
    else if (r->tokens)
        writer_format(w,
                      "not checked: %zu time-stamp tokens: give the CA of their authorities, "
                      "--time-ca FILE\n",
                      r->tokens);
    fwrite(w->data, 1, w->size, stdout);
}

static void print_json(struct verify *v, const struct bundle_result *r)
{
    struct writer w;
    writer_init(&w, SIZE_MAX / 2);
    writer_text(&w, "{\"proven\":true,\"origin\":");
    writer_json_string(&w, r->head.origin);
    writer_format(&w, ",\"head\":%" PRIu64 ",\"heads\":%zu,\"witnesses\":%zu,\"tokens\":%zu",
                  r->head.size, r->heads, r->signers.cosigned, r->tokens);
    writer_format(&w,
                  ",\"tokens_checked\":%s,\"attested\":", v->trust && r->tokens ? "true" : "false");
    json_time(&w, v->unattested ? 0 : v->attested_ns);
    writer_format(
        &w, ",\"erased\":%zu,\"erased_in_part\":%zu,\"custody_position\":%" PRIu64 ",\"records\":[",
        r->erased, r->incomplete, r->custody.leaf.position);
    writer_add_slice(&w, writer_slice(&v->out));
    writer_text(&w, "]}\n");
    if (w.status == STATUS_OK)
        fwrite(w.data, 1, w.size, stdout);
    writer_fini(&w);
}

static int not_proven(const struct verify *v, const struct problem *problem)
{
    if (v->json) {
        struct writer w;
        writer_init(&w, 8192);
        writer_text(&w, "{\"proven\":false,\"problem\":");
        writer_json_string(&w, slice_from_text(problem->text));
        writer_text(&w, "}\n");
        fwrite(w.data, 1, w.size, stdout);
        writer_fini(&w);
    }
    fprintf(stderr, "vsocd: %s: not proven: %s\n", v->file, problem->text);
    return EXIT_FAILED;
}

static int check_bundle(struct verify *v)
{
    struct bundle_request request = {.policy = v->policy,
                                     .on_record = on_record,
                                     .on_token = v->trust ? on_token : NULL,
                                     .arg = v};
    struct bundle_result result;
    struct problem problem = {"the program has no memory left"};
    v->attested_ns = 0;
    v->unattested = false;
    enum status status = bundle_verify(v->archive, &request, &result, &problem);
    attested_times_fini(&v->times);
    if (status != STATUS_OK)
        return not_proven(v, &problem);
    if (v->json)
        print_json(v, &result);
    else
        print_text(v, &result);
    return v->out.status == STATUS_OK && fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* A policy of this log alone. */
static int policy_of_log(const char *given, struct writer *text)
{
    struct note_verifier verifier;
    int rc = head_file_verifier(given, &verifier);
    if (rc != EXIT_DONE)
        return EXIT_CONFIG;
    writer_text(text, "log ");
    note_verifier_write(text, &verifier);
    writer_text(text, "\nquorum none\n");
    return EXIT_DONE;
}

static int read_policy_text(struct verify *v, struct writer *text)
{
    if (v->log)
        return policy_of_log(v->log, text);
    enum status status = file_read_all(v->policy_file, text);
    if (status == STATUS_OK)
        return EXIT_DONE;
    fprintf(stderr, "vsocd: %s: %s\n", v->policy_file, status_text(status));
    return EXIT_DISK;
}

static int read_policy(struct verify *v)
{
    struct writer text, why;
    struct policy_fault fault;
    writer_init(&text, POLICY_BYTES_MAX);
    writer_init(&why, 4096);
    int rc = read_policy_text(v, &text);
    if (rc == EXIT_DONE && policy_parse(writer_slice(&text), &v->policy, &fault) != STATUS_OK) {
        policy_fault_write(&why, &fault);
        fprintf(stderr, "vsocd: %s: not a policy: %.*s\n", v->log ? "--log" : v->policy_file,
                SLICE_ARGS(writer_slice(&why)));
        rc = EXIT_CONFIG;
    }
    writer_fini(&text);
    writer_fini(&why);
    return rc;
}

static int read_time_ca(struct verify *v)
{
    struct writer pem;
    struct problem problem;
    if (!v->time_ca)
        return EXIT_DONE;
    writer_init(&pem, (size_t)1 << 20);
    enum status status = file_read_all(v->time_ca, &pem);
    if (status == STATUS_OK)
        status = time_trust_parse(writer_slice(&pem), &v->trust, &problem);
    else
        problem_say(&problem, "%s", status_text(status));
    writer_fini(&pem);
    if (status != STATUS_OK)
        fprintf(stderr,
                "vsocd: --time-ca %s: %s: it takes a PEM file with the CA certificates of the time "
                "authorities\n",
                v->time_ca, problem.text);
    return status == STATUS_OK ? EXIT_DONE : EXIT_CONFIG;
}

static int map_archive(struct verify *v)
{
    struct stat st;
    int fd = open(v->file, O_RDONLY | O_CLOEXEC);
    void *bytes = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    else if (fd >= 0)
        errno = EINVAL;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (bytes == MAP_FAILED && error == EINVAL)
        return not_proven(v, &(struct problem){"not an archive"});
    if (bytes == MAP_FAILED) {
        fprintf(stderr, "vsocd: %s: %s\n", v->file, strerror(error));
        return EXIT_DISK;
    }
    v->archive = slice_make(bytes, (size_t)st.st_size);
    return EXIT_DONE;
}

static int check_file(struct verify *v)
{
    int rc = map_archive(v);
    if (rc != EXIT_DONE)
        return rc;
    writer_init(&v->out, SIZE_MAX / 2);
    rc = check_bundle(v);
    writer_fini(&v->out);
    munmap((void *)(uintptr_t)v->archive.data, v->archive.size);
    return rc;
}

/* NULL, or what is wrong with the call. Moves the files to the front of argv. */
static const char *parse(struct verify *v, int argc, char **argv)
{
    v->files = argv;
    for (int i = 1; i < argc; i++) {
        const char **value = !strcmp(argv[i], "--policy")    ? &v->policy_file
                             : !strcmp(argv[i], "--log")     ? &v->log
                             : !strcmp(argv[i], "--time-ca") ? &v->time_ca
                                                             : NULL;
        if (value) {
            if (!argv[i + 1])
                return "--policy, --log and --time-ca need a value";
            *value = argv[++i];
        } else if (!strcmp(argv[i], "--json")) {
            v->json = true;
        } else if (!strcmp(argv[i], "--quiet")) {
            v->quiet = true;
        } else if (argv[i][0] == '-') {
            return "verify takes FILE…, --policy FILE or --log KEY, --time-ca FILE, --json and "
                   "--quiet";
        } else {
            v->files[v->file_count++] = argv[i];
        }
    }
    if (!v->file_count)
        return "verify needs the FILE to check";
    if (!v->policy_file == !v->log)
        return "verify needs --policy FILE or --log KEY: the keys that you trust, from elsewhere "
               "than the bundle";
    return NULL;
}

int evidence_verify(int argc, char **argv)
{
    struct verify v = {.magic = VERIFY_MAGIC};
    const char *why = parse(&v, argc, argv);
    if (why)
        return command_wrong("evidence", why);
    int rc = read_time_ca(&v);
    if (rc == EXIT_DONE)
        rc = read_policy(&v);
    for (int i = 0; v.policy && i < v.file_count; i++) {
        v.file = v.files[i];
        int one = check_file(&v);
        if (one != EXIT_DONE)
            rc = one;
    }
    policy_destroy(v.policy);
    time_trust_destroy(v.trust);
    return rc;
}
