/* cmd_hold.c: `vsocd hold`: adds, lists and releases legal holds. Main thread. A running server
 * reads the file of holds itself, so this command does not notify it. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/hex.h"
#include "core/utf8.h"
#include "core/vin.h"
#include "parsers/read/timestamp.h"
#include "server/audit/audit_text.h"
#include "server/commands/command.h"
#include "server/commands/command_audit.h"
#include "server/commands/config_cli.h"
#include "server/commands/evidence/vehicle_words.h"
#include "server/identity/pseudonym.h"
#include "storage/evidence/holds/hold_file.h"
#include "storage/evidence/holds/hold_json.h"

struct hold_command {
    const char *vehicle, *tenant, *pid, *batch, *from, *to, *until, *reason, *id;
    bool json, all;
    struct config *config;
    char dir[PATH_MAX]; /* data_dir/evidence */
};

static int failed(const char *text)
{
    fprintf(stderr, "vsocd hold: %s\n", text);
    return EXIT_FAILED;
}

static void name_user(char out[HOLD_TEXT_BYTES])
{
    const struct passwd *user = getpwuid(getuid());
    snprintf(out, HOLD_TEXT_BYTES, "%s (%u)", user ? user->pw_name : "?", (unsigned)getuid());
}

/* As in the audit log: holds are shown, and copied to the database, so a VIN in a reason is not
 * stored. reason: as check_reason wants it. */
static void clean_reason(const char *reason, char out[HOLD_TEXT_BYTES])
{
    uint8_t clean[AUDIT_TEXT_BYTES];
    struct slice text = audit_text_clean(slice_from_text(reason), clean);
    snprintf(out, HOLD_TEXT_BYTES, "%.*s", SLICE_ARGS(text));
    if (strstr(out, "(VIN)") && !strstr(reason, "(VIN)"))
        fputs("vsocd hold: the VIN in the reason is stored as (VIN)\n", stderr);
}

static bool read_time(const char *text, int64_t *ns)
{
    return timestamp_rfc3339(slice_from_text(text), ns) == STATUS_OK;
}

/* NULL, or what is wrong with the reason. */
static const char *check_reason(const char *reason)
{
    if (!reason || !reason[0] || strlen(reason) >= HOLD_TEXT_BYTES)
        return "--reason TEXT is needed, of at most 500 bytes";
    return utf8_check(slice_from_text(reason)) == STATUS_OK ? NULL : "--reason is not UTF-8";
}

/* NULL, or what is wrong with the call. */
static const char *fill_hold(const struct hold_command *c, struct hold *h)
{
    int ways = (c->vehicle != NULL) + (c->pid != NULL) + (c->batch != NULL) + (c->from || c->to);
    if (ways != 1)
        return "name one of --vehicle, --pid, --batch, or --from and --to";
    const char *wrong = check_reason(c->reason);
    if (wrong)
        return wrong;
    h->until_ns = INT64_MAX;
    if (c->until && !read_time(c->until, &h->until_ns))
        return "--until needs an RFC 3339 time such as 2026-11-22T10:15:02Z";
    if (h->until_ns <= h->added_ns)
        return "--until is over: the hold would keep nothing";
    clean_reason(c->reason, h->reason);
    h->kind = HOLD_VEHICLE;
    if (c->pid)
        return vehicle_read_pid(c->pid, h->vehicle_pid) ? NULL : "--pid needs 64 hex digits";
    if (c->vehicle)
        return NULL;
    h->kind = HOLD_BATCH;
    if (c->batch)
        return uuid_from_text(slice_from_text(c->batch), h->batch_uid) == STATUS_OK
                   ? NULL
                   : "--batch needs the id of a batch";
    h->kind = HOLD_TIME;
    if (!c->from || !c->to || !read_time(c->from, &h->from_ns) || !read_time(c->to, &h->to_ns) ||
        h->from_ns > h->to_ns)
        return "--from and --to need RFC 3339 times, the first not after the last";
    if (h->from_ns < 0)
        return "--from is before 1970";
    return NULL;
}

/* The VIN's pseudonym under one key. */
static int make_pid(const struct hold_command *c, const char vin[VIN_BYTES + 1],
                    const struct pseudonym_keys *keys, size_t i, uint8_t pid[HOLD_PID_BYTES])
{
    struct pseudonym_key key = {.id = keys->items[i].id};
    memcpy(key.bytes, keys->items[i].bytes, sizeof key.bytes);
    struct pseudonym *p = pseudonym_create(&key);
    explicit_bzero(&key, sizeof key);
    if (!p)
        return failed("no memory");
    (void)pseudonym_make(p, slice_from_text(c->tenant ? c->tenant : "default"),
                         slice_make(vin, VIN_BYTES), pid);
    pseudonym_destroy(p);
    return EXIT_DONE;
}

/* On record before the hold begins or ends. */
static int record_hold(const struct hold_command *c, enum audit_kind kind, const struct hold *h,
                       const char *reason)
{
    char id[UUID_TEXT_BYTES], batch[UUID_TEXT_BYTES], vehicle[8 + 2 * HOLD_PID_BYTES];
    struct writer w = {
        .data = (uint8_t *)vehicle, .capacity = sizeof vehicle, .limit = sizeof vehicle};
    struct problem problem;
    bool added = kind == AUDIT_hold_added, timed = h->kind == HOLD_TIME;
    uuid_to_text(h->id, id);
    uuid_to_text(h->batch_uid, batch);
    vehicle_write(&w, h->vehicle_pid);
    const struct audit_field fields[] = {
        AUDIT_SLICE(hold, slice_make((const uint8_t *)id, sizeof id)),
        AUDIT_TEXT(reason, reason),
        AUDIT_SLICE(vehicle, h->kind == HOLD_VEHICLE ? writer_slice(&w) : SLICE_EMPTY),
        AUDIT_SLICE(batch, h->kind == HOLD_BATCH ? slice_make((const uint8_t *)batch, sizeof batch)
                                                 : SLICE_EMPTY),
        AUDIT_TIME(from, timed ? h->from_ns : 0),
        AUDIT_TIME(to, timed ? h->to_ns : 0),
        AUDIT_TIME(until, h->until_ns == INT64_MAX ? 0 : h->until_ns),
    };
    size_t count = added ? sizeof fields / sizeof *fields : 2;
    return command_audit(c->config, kind, fields, count, &problem) == STATUS_OK
               ? EXIT_DONE
               : failed(problem.text);
}

static int add_one(const struct hold_command *c, struct hold *h)
{
    struct problem problem;
    char uid[UUID_TEXT_BYTES];
    uuid7_make(h->added_ns, h->id);
    int code = record_hold(c, AUDIT_hold_added, h, h->reason);
    if (code != EXIT_DONE)
        return code;
    if (holds_add(c->dir, h, &problem) != STATUS_OK)
        return failed(problem.text);
    uuid_to_text(h->id, uid);
    printf("%.*s\n", UUID_TEXT_BYTES, uid);
    return EXIT_DONE;
}

/* A vehicle has a pseudonym with each key of the file: a hold for each. */
static int add_vehicle(const struct hold_command *c, struct hold *h)
{
    static struct pseudonym_keys keys;
    struct problem problem;
    char vin[VIN_BYTES + 1];
    if (!vehicle_read_vin(c->vehicle, vin))
        return command_wrong("hold", "--vehicle needs a VIN of 17 letters and digits");
    enum status s = pseudonym_keys_read(c->config->privacy_keys_file, &keys, &problem);
    if (s != STATUS_OK)
        return failed(s == STATUS_NOT_FOUND
                          ? "there is no privacy.keys_file: the vehicle's pseudonym needs it"
                          : problem.text);
    int code = EXIT_DONE;
    for (size_t i = 0; code == EXIT_DONE && i < keys.count; i++) {
        code = make_pid(c, vin, &keys, i, h->vehicle_pid);
        if (code == EXIT_DONE)
            code = add_one(c, h);
    }
    explicit_bzero(&keys, sizeof keys);
    return code;
}

static int add(struct hold_command *c)
{
    struct hold h = {.added_ns = clock_wall_ns()};
    const char *wrong = fill_hold(c, &h);
    if (wrong)
        return command_wrong("hold", wrong);
    name_user(h.by);
    return c->vehicle ? add_vehicle(c, &h) : add_one(c, &h);
}

static int release(struct hold_command *c)
{
    struct holds holds;
    struct problem problem;
    uint8_t id[UUID_BYTES];
    if (!c->id || uuid_from_text(slice_from_text(c->id), id) != STATUS_OK)
        return command_wrong("hold", "release needs --id, the id of a hold");
    const char *wrong = check_reason(c->reason);
    if (wrong)
        return command_wrong("hold", wrong);
    if (holds_read(c->dir, &holds, &problem) != STATUS_OK)
        return failed(problem.text);
    const struct hold *found = holds_find(&holds, id);
    struct hold h = found ? *found : (struct hold){0};
    holds_fini(&holds);
    if (!found)
        return failed("there is no such hold");
    if (h.released)
        return failed("it is released already");
    h.released_ns = clock_wall_ns();
    clean_reason(c->reason, h.release_reason);
    name_user(h.released_by);
    int code = record_hold(c, AUDIT_hold_released, &h, h.release_reason);
    if (code != EXIT_DONE)
        return code;
    return holds_release(c->dir, &h, &problem) == STATUS_OK ? EXIT_DONE : failed(problem.text);
}

static int list(struct hold_command *c)
{
    struct holds holds;
    struct problem problem;
    struct writer w;
    int64_t now_ns = clock_wall_ns();
    if (access(c->config->data_dir, X_OK) != 0) {
        fprintf(stderr, "vsocd hold: %s: %s: name data_dir by -c FILE\n", c->config->data_dir,
                strerror(errno));
        return EXIT_FAILED;
    }
    if (holds_read(c->dir, &holds, &problem) != STATUS_OK)
        return failed(problem.text);
    writer_init(&w, SIZE_MAX / 2);
    for (size_t i = 0; i < holds.count; i++)
        if (c->all || hold_is_active(&holds.items[i], now_ns)) {
            hold_write_json(&w, &holds.items[i], now_ns);
            writer_u8(&w, '\n');
        }
    fwrite(w.data, 1, w.size, stdout);
    writer_fini(&w);
    uint64_t damaged = holds.damaged;
    holds_fini(&holds);
    if (!damaged)
        return EXIT_DONE;
    fprintf(stderr, "vsocd hold: %" PRIu64 " lines of the file can't be read\n", damaged);
    return EXIT_FAILED;
}

static const struct {
    const char *name;
    int (*run)(struct hold_command *c);
} verbs[] = {{"add", add}, {"list", list}, {"release", release}};

int cmd_hold(int argc, char **argv)
{
    static struct hold_command c;
    const char *verb = argc > 1 ? argv[1] : "";
    c = (struct hold_command){0};
    const struct config_cli_option options[] = {
        {"--vehicle", NULL, &c.vehicle}, {"--tenant", NULL, &c.tenant}, {"--pid", NULL, &c.pid},
        {"--batch", NULL, &c.batch},     {"--from", NULL, &c.from},     {"--to", NULL, &c.to},
        {"--until", NULL, &c.until},     {"--reason", NULL, &c.reason}, {"--id", NULL, &c.id},
        {"--all", &c.all, NULL},         {"--json", &c.json, NULL},     {NULL, NULL, NULL},
    };
    const struct config_cli_spec spec = {.options = options, .without_files = true};
    struct config_cli cli;
    if (argc > 1)
        argv[1] = argv[0];
    int skip = argc > 1 ? 1 : 0;
    int code = config_cli_load(argc - skip, argv + skip, &spec, &cli, &c.config);
    if (code != EXIT_DONE)
        return code;
    snprintf(c.dir, sizeof c.dir, "%.4000s/evidence", c.config->data_dir);
    code = -1;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(verb, verbs[i].name))
            code = verbs[i].run(&c);
    if (code < 0)
        code = command_wrong("hold", "say what to do: add, list or release");
    config_destroy(c.config);
    return code;
}
