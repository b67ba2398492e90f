/* cmd_vehicle.c: `vsocd vehicle erase`: destroys the keys of a vehicle's records in the spool. Main
 * thread. A running server goes on meanwhile. Does not reach what sinks and backups have: it says
 * so. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/hex.h"
#include "core/object.h"
#include "core/vin.h"
#include "server/commands/command.h"
#include "server/commands/command_audit.h"
#include "server/commands/config_cli.h"
#include "server/identity/pseudonym.h"
#include "storage/evidence/holds/hold_file.h"
#include "storage/spool/erase/spool_erase.h"

#define ERASE_MAGIC 0x45524153U

struct erase {
    unsigned magic; /* ERASE_MAGIC */
    const char *vehicle, *pid, *reason;
    bool dry_run, json, terminal;
    struct config *config;
    struct holds holds;
    int64_t now_ns;
    uint8_t wanted[SEAL_VEHICLE_BYTES]; /* --pid */
    char vin[VIN_BYTES + 1];            /* --vehicle, in upper case */
    uint8_t found[SEAL_VEHICLE_BYTES];  /* pid of a record that was chosen */
    struct pseudonym *pseudonyms[PSEUDONYM_KEYS_MAX];
    size_t key_count;
};

OBJECT_CAST(erase, ERASE_MAGIC)

static int failed(const char *text)
{
    fprintf(stderr, "vsocd vehicle: %s\n", text);
    return EXIT_FAILED;
}

/* The vehicle's pid in the record's tenant, under any key of the file. */
static bool chosen(void *arg, const struct batch_meta *meta,
                   const uint8_t vehicle[SEAL_VEHICLE_BYTES])
{
    struct erase *e = erase_cast(arg);
    bool is_it = e->pid && memcmp(vehicle, e->wanted, sizeof e->wanted) == 0;
    for (size_t i = 0; i < e->key_count && !is_it; i++) {
        uint8_t pid[SEAL_VEHICLE_BYTES];
        (void)pseudonym_make(e->pseudonyms[i], meta->tenant, slice_from_text(e->vin), pid);
        is_it = memcmp(vehicle, pid, sizeof pid) == 0;
    }
    if (is_it)
        memcpy(e->found, vehicle, sizeof e->found);
    return is_it;
}

static bool held(void *arg, const struct batch_meta *meta,
                 const uint8_t vehicle[SEAL_VEHICLE_BYTES])
{
    const struct erase *e = erase_cast(arg);
    for (size_t i = 0; i < e->holds.count; i++) {
        const struct hold *h = &e->holds.items[i];
        if (!hold_is_active(h, e->now_ns))
            continue;
        if ((h->kind == HOLD_VEHICLE && !memcmp(h->vehicle_pid, vehicle, HOLD_PID_BYTES)) ||
            (h->kind == HOLD_BATCH && !memcmp(h->batch_uid, meta->batch_uid, UUID_BYTES)) ||
            (h->kind == HOLD_TIME && meta->received_ns >= h->from_ns &&
             meta->received_ns <= h->to_ns))
            return true;
    }
    return false;
}

static void progress(void *arg, uint64_t done, uint64_t segments)
{
    const struct erase *e = erase_cast(arg);
    if (e->terminal)
        fprintf(stderr, "\r\033[K%" PRIu64 " of %" PRIu64 " segments%s", done, segments,
                done == segments ? "\r\033[K" : "");
}

static bool read_pid(const char *hex, uint8_t pid[SEAL_VEHICLE_BYTES])
{
    if (!strncmp(hex, "veh:", 4))
        hex += 4;
    if (strlen(hex) != 2 * (size_t)SEAL_VEHICLE_BYTES)
        return false;
    for (size_t i = 0; i < SEAL_VEHICLE_BYTES; i++) {
        int high = hex_digit_value(hex[2 * i]), low = hex_digit_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        pid[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static bool read_vin(const char *text, char vin[VIN_BYTES + 1])
{
    if (strlen(text) != VIN_BYTES)
        return false;
    for (size_t i = 0; i < VIN_BYTES; i++)
        vin[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
    vin[VIN_BYTES] = '\0';
    return vin_is_valid(slice_from_text(vin));
}

/* NULL, or what is wrong with the call. */
static const char *check(struct erase *e)
{
    if (!e->vehicle == !e->pid)
        return "name the vehicle by --vehicle VIN or --pid PSEUDONYM";
    if (e->vehicle && !read_vin(e->vehicle, e->vin))
        return "--vehicle needs a VIN of 17 letters and digits";
    if (e->pid && !read_pid(e->pid, e->wanted))
        return "--pid needs 64 hex digits";
    return e->reason && e->reason[0] ? NULL : "--reason TEXT is needed";
}

/* All keys: older records have pseudonyms of older ones. */
static int load_keys(struct erase *e)
{
    struct problem problem;
    struct pseudonym_keys *keys = calloc(1, sizeof *keys);
    if (!keys)
        return failed("no memory");
    enum status status = pseudonym_keys_read(e->config->privacy_keys_file, keys, &problem);
    for (size_t i = 0; status == STATUS_OK && i < keys->count; i++) {
        struct pseudonym_key key = {.id = keys->items[i].id};
        memcpy(key.bytes, keys->items[i].bytes, sizeof key.bytes);
        e->pseudonyms[i] = pseudonym_create(&key);
        explicit_bzero(&key, sizeof key);
        if (!e->pseudonyms[i])
            status = STATUS_NO_MEMORY;
        e->key_count = i + 1;
    }
    explicit_bzero(keys, sizeof *keys);
    free(keys);
    if (status == STATUS_OK)
        return EXIT_DONE;
    fprintf(stderr, "vsocd vehicle: %s\n",
            status == STATUS_NO_MEMORY ? status_text(status) : problem.text);
    return EXIT_CONFIG;
}

static void print_json(const struct erase *e, const struct spool_erase_counts *c, bool complete)
{
    printf("{\"complete\":%s,\"dry_run\":%s,\"records\":%" PRIu64 ",\"erased\":%" PRIu64
           ",\"held\":%" PRIu64 ",\"undelivered\":%" PRIu64 ",\"not_encrypted\":%" PRIu64
           ",\"several_vehicles\":%" PRIu64 ",\"version_1\":%" PRIu64 ",\"erased_before\":%" PRIu64
           ",\"damaged\":%" PRIu64 "}\n",
           complete ? "true" : "false", e->dry_run ? "true" : "false", c->records, c->erased,
           c->held, c->undelivered, c->clear, c->shared, c->old, c->gone, c->damaged);
}

static void print_left(uint64_t count, const char *why)
{
    if (count)
        printf("%" PRIu64 " records %s\n", count, why);
}

static void print_text(const struct erase *e, const struct spool_erase_counts *c)
{
    printf("%" PRIu64 " of %" PRIu64 " records %s\n", c->erased, c->records,
           e->dry_run ? "would be erased" : "were erased");
    print_left(c->held, "of the vehicle are under a legal hold and stay");
    print_left(c->undelivered, "of the vehicle stay: not all sinks have them yet; repeat the "
                               "command later");
    print_left(c->clear, "of the vehicle are not encrypted: only retention removes them");
    print_left(c->shared, "are batches of several vehicles, or of none that is known: this command "
                          "can't erase one vehicle in them");
    print_left(c->old, "were written by an earlier build, without encryption: only retention "
                       "removes them");
    print_left(c->damaged, "or places are damaged and were passed over");
    puts("Not erased: rows in PostgreSQL, messages in Kafka, lines of the file sink, keys of "
         "archived\nsegments (data_dir/evidence/keys), and copies of the spool that were made "
         "before.");
}

/* On record before the first key is destroyed; records: how many will be erased. */
static enum status record_erasure(const struct erase *e, uint64_t records, struct problem *problem)
{
    uint8_t text[4 + 2 * SEAL_VEHICLE_BYTES];
    struct writer w = {.data = text, .capacity = sizeof text, .limit = sizeof text};
    writer_text(&w, "veh:");
    writer_hex(&w, slice_make(e->found, sizeof e->found));
    const struct audit_field fields[] = {AUDIT_SLICE(vehicle, writer_slice(&w)),
                                         AUDIT_UINT(records, records),
                                         AUDIT_TEXT(reason, e->reason)};
    return command_audit(e->config, AUDIT_vehicle_erased, fields, sizeof fields / sizeof *fields,
                         problem);
}

/* Counts first, so that what is recorded is what will be done. */
static int erase(struct erase *e, const char *spool)
{
    struct problem problem;
    struct spool_erase_counts counts;
    struct spool_erase_options options = {.dir = spool,
                                          .dry_run = true,
                                          .chosen = chosen,
                                          .held = held,
                                          .progress = progress,
                                          .arg = e};
    enum status status = spool_erase(&options, &counts);
    if (status == STATUS_OK && !e->dry_run && counts.erased) {
        if (record_erasure(e, counts.erased, &problem) != STATUS_OK)
            return failed(problem.text);
        options.dry_run = false;
        status = spool_erase(&options, &counts);
    }
    if (e->json)
        print_json(e, &counts, status == STATUS_OK);
    else
        print_text(e, &counts);
    if (status != STATUS_OK)
        fprintf(stderr, "vsocd vehicle: %s: %s: repeat the command to go on\n", spool,
                status_text(status));
    uint64_t left = counts.held + counts.undelivered + counts.clear;
    return status != STATUS_OK ? EXIT_DISK : left || counts.damaged ? EXIT_FAILED : EXIT_DONE;
}

static int run(struct erase *e)
{
    char spool[PATH_MAX], evidence[PATH_MAX];
    struct problem problem;
    const char *data = e->config->data_dir;
    if (snprintf(spool, sizeof spool, "%s/spool", data) >= (int)sizeof spool ||
        snprintf(evidence, sizeof evidence, "%s/evidence", data) >= (int)sizeof evidence)
        return failed("the path of data_dir is too long");
    int code = e->vehicle ? load_keys(e) : EXIT_DONE;
    if (code != EXIT_DONE)
        return code;
    if (holds_read(evidence, &e->holds, &problem) != STATUS_OK)
        return failed(problem.text);
    if (e->holds.damaged)
        return failed("the file of holds is damaged: nothing is erased before it is read");
    return erase(e, spool);
}

int cmd_vehicle(int argc, char **argv)
{
    static struct erase e = {.magic = ERASE_MAGIC};
    const struct config_cli_option options[] = {
        {"--vehicle", NULL, &e.vehicle}, {"--pid", NULL, &e.pid},   {"--reason", NULL, &e.reason},
        {"--dry-run", &e.dry_run, NULL}, {"--json", &e.json, NULL}, {NULL, NULL, NULL},
    };
    const struct config_cli_spec spec = {.options = options, .without_files = true};
    struct config_cli cli;
    if (argc < 2 || strcmp(argv[1], "erase"))
        return command_wrong("vehicle", "say what to do: erase");
    argv[1] = argv[0];
    int code = config_cli_load(argc - 1, argv + 1, &spec, &cli, &e.config);
    if (code != EXIT_DONE)
        return code;
    e.now_ns = clock_wall_ns();
    e.terminal = isatty(STDERR_FILENO) && !e.json;
    const char *wrong = check(&e);
    code = wrong ? command_wrong("vehicle", wrong) : run(&e);
    holds_fini(&e.holds);
    for (size_t i = 0; i < e.key_count; i++)
        pseudonym_destroy(e.pseudonyms[i]);
    config_destroy(e.config);
    return code;
}
