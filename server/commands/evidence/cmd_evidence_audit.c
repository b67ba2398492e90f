/* cmd_evidence_audit.c: `vsocd evidence audit`: walks over all evidence and leaves its result in
 * the log. Main thread. May be interrupted and resumed: what was looked at is in a state file. */
#include "server/commands/evidence/cmd_evidence.h"
#include "core/object.h"
#include "server/commands/command.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/writer.h"
#include "server/commands/command_audit.h"
#include "server/commands/config_cli.h"
#include "server/files/file_read.h"
#include "server/ingest/record_keys.h"
#include "storage/evidence/walk/evidence_walk.h"

#define AUDIT_MAGIC    0x45415544U
#define STATE_FORMAT   "vsocd evidence audit 3\n"
#define STATE_BYTES    512
#define STATE_NUMBERS  10
#define PROGRESS_NS    (NS_PER_S / 4)
#define FINDINGS_SHOWN 1000

struct audit_command {
    unsigned magic; /* AUDIT_MAGIC */
    bool json, restart, terminal;
    struct config *config;
    struct seal_keys keys;
    struct note_verifier log;
    struct evidence_walk walk;
    uint64_t resumed_from; /* position; 0: from the beginning */
    char state_path[PATH_MAX];
    int64_t next_ns, next_save_ns;
    struct problem problem;
};

OBJECT_CAST(audit_command, AUDIT_MAGIC)

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static void on_finding(void *arg, enum evidence_finding finding, uint64_t number)
{
    struct audit_command *c = audit_command_cast(arg);
    if (c->walk.state.findings > FINDINGS_SHOWN)
        return;
    if (c->json)
        printf("{\"finding\":\"%s\",\"at\":%" PRIu64 "}\n", evidence_finding_text(finding), number);
    else
        printf("%s%s at %" PRIu64 "\n", c->terminal ? "\r\033[K" : "",
               evidence_finding_text(finding), number);
}

static void on_retired(void *arg, const struct retired *retired)
{
    struct audit_command *c = audit_command_cast(arg);
    struct writer w;
    writer_init(&w, SIZE_MAX / 2);
    if (c->json) {
        writer_text(&w, "{\"retired\":");
        retired_write_json(&w, retired);
        writer_text(&w, "}\n");
    } else {
        writer_text(&w, c->terminal ? "\r\033[K" : "");
        retired_write_text(&w, retired);
    }
    fwrite(w.data, 1, w.size, stdout);
    writer_fini(&w);
}

/* Under a key of privacy.keys_file: nobody without it says what was looked at. */
static void seal_state(const struct audit_command *c, struct slice text, uint8_t mac[SHA256_BYTES])
{
    struct hmac_key key;
    uint8_t derived[SHA256_BYTES];
    hmac_key_derive(&seal_keys_newest(&c->keys)->key, "vsocd evidence audit state", SLICE_EMPTY,
                    derived);
    hmac_key_init(&key, slice_make(derived, sizeof derived));
    hmac_key_compute(&key, text, mac);
    explicit_bzero(derived, sizeof derived);
    explicit_bzero(&key, sizeof key);
}

/* What the file has of a state, in its order. */
static void list_numbers(struct evidence_walk_state *s, uint64_t *numbers[STATE_NUMBERS])
{
    uint64_t *const all[STATE_NUMBERS] = {
        &s->position, &s->leaf_next, &s->head_size,    &s->records,  &s->erased,
        &s->heads,    &s->findings,  &s->erased_parts, &s->erasures, &s->erasures_recorded};
    memcpy(numbers, all, sizeof all);
}

/* The numbers, and behind them the MAC of all before it in hex. */
static void write_state(const struct audit_command *c, struct evidence_walk_state s,
                        struct writer *w)
{
    uint64_t *numbers[STATE_NUMBERS];
    uint8_t mac[SHA256_BYTES];
    list_numbers(&s, numbers);
    writer_text(w, STATE_FORMAT);
    for (size_t i = 0; i < STATE_NUMBERS; i++)
        writer_format(w, "%" PRIu64 "\n", *numbers[i]);
    seal_state(c, writer_slice(w), mac);
    writer_hex(w, slice_make(mac, sizeof mac));
    writer_u8(w, '\n');
}

static bool read_state(const struct audit_command *c, struct slice text,
                       struct evidence_walk_state *s)
{
    uint64_t *numbers[STATE_NUMBERS];
    char copy[STATE_BYTES];
    size_t head = sizeof STATE_FORMAT - 1;
    if (text.size < head || text.size >= sizeof copy || memcmp(text.data, STATE_FORMAT, head) != 0)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    list_numbers(s, numbers);
    char *at = copy + head;
    for (size_t i = 0; i < STATE_NUMBERS; i++) {
        char *end;
        *numbers[i] = strtoull(at, &end, 10);
        if (end == at || *end != '\n')
            return false;
        at = end + 1;
    }
    /* As it would be written: the MAC is that of these numbers. */
    struct writer again;
    writer_init(&again, STATE_BYTES);
    write_state(c, *s, &again);
    bool same = again.status == STATUS_OK && slice_equal(writer_slice(&again), text);
    writer_fini(&again);
    return same;
}

static void load_state(struct audit_command *c)
{
    struct evidence_walk_state s;
    struct writer text;
    writer_init(&text, STATE_BYTES);
    if (!c->restart && seal_keys_newest(&c->keys) &&
        file_read_all(c->state_path, &text) == STATUS_OK) {
        if (read_state(c, writer_slice(&text), &s)) {
            c->walk.state = s;
            c->resumed_from = s.position;
        } else {
            fprintf(stderr,
                    "vsocd: %s is not what an interrupted audit with these keys left: it is "
                    "ignored\n",
                    c->state_path);
        }
    }
    writer_fini(&text);
}

/* A hint: an audit that finds none begins at the beginning. */
static void save_state(const struct audit_command *c, const struct evidence_walk_state *s)
{
    char path[PATH_MAX + 8];
    struct writer text;
    snprintf(path, sizeof path, "%s.new", c->state_path);
    FILE *file = seal_keys_newest(&c->keys) ? fopen(path, "we") : NULL;
    if (!file)
        return;
    writer_init(&text, STATE_BYTES);
    write_state(c, *s, &text);
    bool good = text.status == STATUS_OK && fwrite(text.data, 1, text.size, file) == text.size;
    writer_fini(&text);
    good = fclose(file) == 0 && good;
    if (!good || rename(path, c->state_path) != 0)
        unlink(path);
}

static void show_progress(const struct evidence_walk_state *s)
{
    fprintf(stderr,
            "\r\033[K%" PRIu64 " records up to position %" PRIu64 ", %" PRIu64 " heads, %" PRIu64
            " findings",
            s->records, s->position, s->heads, s->findings);
}

static bool on_progress(void *arg, const struct evidence_walk_state *state)
{
    struct audit_command *c = audit_command_cast(arg);
    int64_t now = clock_monotonic_ns();
    if (c->terminal && now >= c->next_ns) {
        show_progress(state);
        c->next_ns = now + PROGRESS_NS;
    }
    if (now >= c->next_save_ns || interrupted) {
        save_state(c, state);
        c->next_save_ns = now + NS_PER_S;
    }
    return !interrupted;
}

static int load_log(struct audit_command *c)
{
    char path[PATH_MAX];
    struct writer text;
    writer_init(&text, 8192);
    snprintf(path, sizeof path, "%s/evidence/head.vkey", c->config->data_dir);
    enum status status = file_read_all(path, &text);
    if (status == STATUS_OK)
        status = note_verifier_parse(slice_trim(writer_slice(&text)), &c->log);
    writer_fini(&text);
    if (status == STATUS_OK)
        return EXIT_DONE;
    fprintf(stderr, "vsocd: %s: %s\n", path, status_text(status));
    return EXIT_CONFIG;
}

static int report(struct audit_command *c)
{
    const struct evidence_walk_state *s = &c->walk.state;
    struct writer root;
    writer_init(&root, 2 * SHA256_BYTES);
    writer_hex(&root, slice_make(c->walk.root, SHA256_BYTES));
    const struct audit_field fields[] = {
        AUDIT_UINT(records, s->records),
        AUDIT_UINT(damaged, s->findings),
        AUDIT_UINT(tree_size, c->walk.tree_size),
        AUDIT_SLICE(root, writer_slice(&root)),
        AUDIT_TEXT(result, s->findings ? "findings" : "whole"),
        AUDIT_UINT(resumed_from, c->resumed_from),
    };
    enum status status = command_audit(c->config, AUDIT_evidence_audited, fields,
                                       sizeof fields / sizeof *fields, &c->problem);
    if (c->json)
        printf("{\"records\":%" PRIu64 ",\"erased\":%" PRIu64 ",\"erased_parts\":%" PRIu64
               ",\"heads\":%" PRIu64 ",\"tree_size\":%" PRIu64
               ",\"root\":\"%.*s\",\"findings\":%" PRIu64 ",\"resumed_from\":%" PRIu64
               ",\"recorded\":%s}\n",
               s->records, s->erased, s->erased_parts, s->heads, c->walk.tree_size, (int)root.size,
               (const char *)root.data, s->findings, c->resumed_from,
               status == STATUS_OK ? "true" : "false");
    else
        printf("%" PRIu64 " records (%" PRIu64 " erased, %" PRIu64
               " vehicles erased in others), %" PRIu64 " leaves, %" PRIu64 " heads: %" PRIu64
               " findings%s\n",
               s->records, s->erased, s->erased_parts, c->walk.tree_size, s->heads, s->findings,
               s->findings ? "" : ": all whole");
    if (!c->json && c->resumed_from)
        printf("an interrupted audit had come to position %" PRIu64
               ": what is before was looked at then (--restart: again)\n",
               c->resumed_from);
    writer_fini(&root);
    if (status != STATUS_OK)
        fprintf(stderr, "vsocd: the result can't be recorded: %s\n", c->problem.text);
    return s->findings || status != STATUS_OK ? EXIT_FAILED : EXIT_DONE;
}

static int walk(struct audit_command *c)
{
    char spool[PATH_MAX], evidence[PATH_MAX];
    snprintf(spool, sizeof spool, "%s/spool", c->config->data_dir);
    snprintf(evidence, sizeof evidence, "%s/evidence", c->config->data_dir);
    snprintf(c->state_path, sizeof c->state_path, "%s/evidence/audit.state", c->config->data_dir);
    c->walk = (struct evidence_walk){
        .spool_dir = spool,
        .evidence_dir = evidence,
        .keys = &c->keys,
        .log = &c->log,
        .on_finding = on_finding,
        .on_retired = on_retired,
        .on_progress = on_progress,
        .arg = c,
    };
    load_state(c);
    enum status status = evidence_walk_all(&c->walk, &c->problem);
    if (c->terminal)
        fputs("\r\033[K", stderr);
    if (status == STATUS_CLOSED) {
        fputs("vsocd: interrupted; the same command goes on from here\n", stderr);
        return EXIT_FAILED;
    }
    if (status != STATUS_OK) {
        fprintf(stderr, "vsocd: %s\n", c->problem.text);
        return EXIT_DISK;
    }
    unlink(c->state_path);
    return report(c);
}

int evidence_audit(int argc, char **argv)
{
    static struct audit_command c;
    c = (struct audit_command){.magic = AUDIT_MAGIC, .terminal = isatty(STDERR_FILENO)};
    const struct config_cli_option options[] = {
        {"--json", &c.json, NULL}, {"--restart", &c.restart, NULL}, {NULL, NULL, NULL}};
    const struct config_cli_spec spec = {.options = options, .without_files = true};
    struct config_cli cli;
    int rc = config_cli_load(argc, argv, &spec, &cli, &c.config);
    if (rc != EXIT_DONE)
        return rc;
    const struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (record_keys_load(c.config->privacy_keys_file, &c.keys, &c.problem) != STATUS_OK) {
        fprintf(stderr, "vsocd: %s\n", c.problem.text);
        rc = EXIT_CONFIG;
    }
    if (rc == EXIT_DONE)
        rc = load_log(&c);
    if (rc == EXIT_DONE)
        rc = walk(&c);
    seal_keys_wipe(&c.keys);
    config_destroy(c.config);
    return rc;
}
