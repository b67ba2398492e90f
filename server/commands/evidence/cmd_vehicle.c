/* cmd_vehicle.c: `vsocd vehicle erase`: destroys the keys of a vehicle's records in the spool and
 * of those in the archive. Main thread. A running server goes on meanwhile. Does not reach what
 * sinks and backups have: it says so. */
#include <dirent.h>
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
#include "server/commands/evidence/vehicle_words.h"
#include "server/identity/pseudonym.h"
#include "storage/evidence/archive/archive_erase.h"
#include "storage/evidence/archive/archive_keys.h"
#include "storage/evidence/holds/hold_file.h"
#include "storage/spool/erase/spool_erase.h"

#define ERASE_MAGIC 0x45524153U
#define TENANTS_MAX 1024

#define DAMAGED_HOLDS "the file of holds is damaged: nothing is erased before it can be read"

struct erase {
    unsigned magic; /* ERASE_MAGIC */
    const char *vehicle, *pid, *reason, *tenant;
    bool dry_run, json, terminal;
    struct config *config;
    struct holds holds;
    char evidence[PATH_MAX]; /* data_dir/evidence */
    int holds_fd;            /* while its lock is held */
    const char *problem;     /* why holds can't be had, or NULL */
    int64_t now_ns;
    uint8_t wanted[SEAL_VEHICLE_BYTES]; /* --pid */
    char vin[VIN_BYTES + 1];            /* --vehicle, in upper case */
    /* Of what will be erased: how many records each pid has. */
    struct tally {
        uint8_t pid[SEAL_VEHICLE_BYTES];
        uint64_t records;
    } * tallies;
    size_t tally_count;
    bool tally_failed; /* no memory */
    struct pseudonym *pseudonyms[PSEUDONYM_KEYS_MAX];
    size_t key_count;
    /* Tenants of records in the spool, and --tenant: archived records are looked for in them. */
    char *tenants[TENANTS_MAX];
    uint8_t (*pids)[SEAL_VEHICLE_BYTES]; /* the vehicle's in each of them, under each key */
    size_t tenant_count;
    bool more_tenants; /* than that */
    bool has_archive, set_aside;
    struct spool_erase_counts spool;
    struct archive_erase_counts archive;
};

OBJECT_CAST(erase, ERASE_MAGIC)

static int failed(const char *text)
{
    fprintf(stderr, "vsocd vehicle: %s\n", text);
    return EXIT_FAILED;
}

/* The vehicle's pids in a tenant, under all keys of the file; NULL: there is no room. */
static const uint8_t (*pids_in(struct erase *e, struct slice tenant))[SEAL_VEHICLE_BYTES]
{
    size_t i = 0;
    while (i < e->tenant_count && !slice_equal_text(tenant, e->tenants[i]))
        i++;
    if (i == TENANTS_MAX || !e->pids)
        return NULL;
    if (i == e->tenant_count) {
        e->tenants[i] = strndup((const char *)tenant.data, tenant.size);
        if (!e->tenants[i])
            return NULL;
        e->tenant_count++;
        for (size_t k = 0; k < e->key_count; k++)
            (void)pseudonym_make(e->pseudonyms[k], tenant, slice_from_text(e->vin),
                                 e->pids[i * PSEUDONYM_KEYS_MAX + k]);
    }
    return (const uint8_t(*)[SEAL_VEHICLE_BYTES])(e->pids + i * PSEUDONYM_KEYS_MAX);
}

static bool is_one_of(const uint8_t *vehicle, const uint8_t (*pids)[SEAL_VEHICLE_BYTES],
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(vehicle, pids[i], SEAL_VEHICLE_BYTES) == 0)
            return true;
    return false;
}

/* A vehicle has a pid in each tenant and under each key. */
static void taken(void *arg, const uint8_t vehicle[SEAL_VEHICLE_BYTES])
{
    struct erase *e = erase_cast(arg);
    size_t i = 0;
    while (i < e->tally_count && memcmp(e->tallies[i].pid, vehicle, SEAL_VEHICLE_BYTES) != 0)
        i++;
    if (i == e->tally_count) {
        struct tally *more = realloc(e->tallies, (i + 1) * sizeof *more);
        if (!more) {
            e->tally_failed = true;
            return;
        }
        e->tallies = more;
        e->tallies[e->tally_count++] = (struct tally){0};
        memcpy(e->tallies[i].pid, vehicle, SEAL_VEHICLE_BYTES);
    }
    e->tallies[i].records++;
}

/* The vehicle's pid in the record's tenant, under any key of the file. */
static bool chosen(void *arg, const struct batch_meta *meta,
                   const uint8_t vehicle[SEAL_VEHICLE_BYTES])
{
    struct erase *e = erase_cast(arg);
    if (e->pid)
        return is_one_of(vehicle, (const uint8_t(*)[SEAL_VEHICLE_BYTES]) & e->wanted, 1);
    const uint8_t(*pids)[SEAL_VEHICLE_BYTES] = pids_in(e, meta->tenant);
    if (pids)
        return is_one_of(vehicle, pids, e->key_count);
    e->more_tenants = true;
    for (size_t i = 0; i < e->key_count; i++) {
        uint8_t pid[1][SEAL_VEHICLE_BYTES];
        (void)pseudonym_make(e->pseudonyms[i], meta->tenant, slice_from_text(e->vin), pid[0]);
        if (is_one_of(vehicle, (const uint8_t(*)[SEAL_VEHICLE_BYTES])pid, 1))
            return true;
    }
    return false;
}

/* The same of an archived record, whose tenant is not known. */
static bool chosen_archived(void *arg, const uint8_t vehicle[SEAL_VEHICLE_BYTES])
{
    struct erase *e = erase_cast(arg);
    if (e->pid)
        return is_one_of(vehicle, (const uint8_t(*)[SEAL_VEHICLE_BYTES]) & e->wanted, 1);
    for (size_t i = 0; i < e->tenant_count; i++)
        if (is_one_of(vehicle,
                      (const uint8_t(*)[SEAL_VEHICLE_BYTES])(e->pids + i * PSEUDONYM_KEYS_MAX),
                      e->key_count))
            return true;
    return false;
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

/* Holds that were added meanwhile; and none is added until they are not needed any more. */
static enum status read_holds(void *arg)
{
    struct erase *e = erase_cast(arg);
    struct problem problem;
    holds_fini(&e->holds);
    enum status status = holds_read_locked(e->evidence, &e->holds_fd, &e->holds, &problem);
    if (status != STATUS_OK)
        return status;
    e->now_ns = clock_wall_ns();
    if (!e->holds.damaged)
        return STATUS_OK;
    e->problem = DAMAGED_HOLDS;
    close(e->holds_fd);
    return STATUS_REFUSED;
}

static void leave_holds(void *arg)
{
    close(erase_cast(arg)->holds_fd);
}

static void progress(void *arg, uint64_t done, uint64_t segments)
{
    const struct erase *e = erase_cast(arg);
    if (e->terminal)
        fprintf(stderr, "\r\033[K%" PRIu64 " of %" PRIu64 " segments%s", done, segments,
                done == segments ? "\r\033[K" : "");
}

/* NULL, or what is wrong with the call. */
static const char *check(struct erase *e)
{
    if (!e->vehicle == !e->pid)
        return "name the vehicle by --vehicle VIN or --pid PSEUDONYM";
    if (e->vehicle && !vehicle_read_vin(e->vehicle, e->vin))
        return "--vehicle needs a VIN of 17 letters and digits";
    if (e->pid && !vehicle_read_pid(e->pid, e->wanted))
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

static void print_json(const struct erase *e, bool complete)
{
    const struct spool_erase_counts *c = &e->spool;
    printf("{\"complete\":%s,\"dry_run\":%s,\"records\":%" PRIu64 ",\"erased\":%" PRIu64
           ",\"erased_in_part\":%" PRIu64 ",\"held\":%" PRIu64 ",\"undelivered\":%" PRIu64
           ",\"not_encrypted\":%" PRIu64 ",\"unattributed\":%" PRIu64 ",\"version_1\":%" PRIu64
           ",\"erased_before\":%" PRIu64 ",\"damaged\":%" PRIu64,
           complete ? "true" : "false", e->dry_run ? "true" : "false", c->records, c->erased,
           c->parts, c->held, c->undelivered, c->clear, c->shared, c->old, c->gone, c->damaged);
    printf(",\"archived\":{\"erased\":%" PRIu64 ",\"held\":%" PRIu64 ",\"copied\":%" PRIu64
           ",\"damaged_files\":%" PRIu64 ",\"tenants\":%zu},\"set_aside\":%s}\n",
           e->archive.erased, e->archive.held, e->archive.copied, e->archive.damaged,
           e->tenant_count, e->set_aside ? "true" : "false");
}

static void print_left(uint64_t count, const char *why)
{
    if (count)
        printf("%" PRIu64 " records %s\n", count, why);
}

static void print_archive(const struct erase *e)
{
    const struct archive_erase_counts *a = &e->archive;
    printf("%" PRIu64 " records that only the archive has %s\n", a->erased,
           e->dry_run ? "would be erased" : "were erased: their keys in evidence/keys are gone");
    print_left(a->held, "that only the archive has are under a legal hold and stay");
    if (a->damaged)
        printf("%" PRIu64 " files of evidence/keys can't be read and were passed over: remove them "
               "to erase all that is in their segments\n",
               a->damaged);
    if (!e->vehicle)
        return;
    fputs("Archived records were looked for in the tenants", stdout);
    for (size_t i = 0; i < e->tenant_count; i++)
        printf("%s %s", i ? "," : "", e->tenants[i]);
    printf("%s: name a further one by --tenant\n", e->more_tenants ? " (there are more)" : "");
}

static void print_text(const struct erase *e)
{
    const struct spool_erase_counts *c = &e->spool;
    const char *done = e->dry_run ? "would be erased" : "were erased";
    printf("%" PRIu64 " of %" PRIu64 " records %s\n", c->erased, c->records, done);
    if (c->parts)
        printf("%" PRIu64 " parts of batches of several vehicles %s, with the bodies as received; "
               "the other vehicles' events and records stay\n",
               c->parts, done);
    print_left(c->held, "of the vehicle are under a legal hold, or another vehicle in them is, and "
                        "stay");
    print_left(c->undelivered, "of the vehicle stay: not all sinks have them yet; repeat the "
                               "command later");
    print_left(c->clear, "of the vehicle are not encrypted: only retention removes them");
    print_left(c->shared, "name no vehicle, or too many for parts of their own: this command can't "
                          "erase one vehicle in them");
    print_left(c->old, "were written by an earlier build, without encryption: only retention "
                       "removes them");
    print_left(c->damaged, "or places are damaged and were passed over");
    if (e->has_archive)
        print_archive(e);
    if (e->set_aside)
        puts(
            "Not erased: originals of damaged segments in spool/corrupt: remove them when they are "
            "no longer needed.");
    puts("Not erased: rows in PostgreSQL, messages in Kafka, lines of the file sink, bundles that "
         "were\nhanded out, and copies of spool and evidence/keys that were made before.");
}

static enum status record_one(const struct erase *e, const struct tally *tally,
                              struct problem *problem)
{
    uint8_t text[4 + 2 * SEAL_VEHICLE_BYTES];
    struct writer w = {.data = text, .capacity = sizeof text, .limit = sizeof text};
    vehicle_write(&w, tally->pid);
    const struct audit_field fields[] = {AUDIT_SLICE(vehicle, writer_slice(&w)),
                                         AUDIT_UINT(records, tally->records),
                                         AUDIT_TEXT(reason, e->reason)};
    return command_audit(e->config, AUDIT_vehicle_erased, fields, sizeof fields / sizeof *fields,
                         problem);
}

/* On record before the first key is destroyed: a record for each pid, and how many of its records
 * will be erased. */
static enum status record_erasure(const struct erase *e, struct problem *problem)
{
    enum status status = STATUS_OK;
    if (e->tally_failed) {
        problem_say(problem, "no memory");
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < e->tally_count && status == STATUS_OK; i++)
        status = record_one(e, &e->tallies[i], problem);
    return status;
}

/* Keys of archived records. OK also if there is no archive. */
static enum status erase_archived(struct erase *e, const char *spool, const char *evidence,
                                  bool dry_run)
{
    struct archive_erase_options options = {.spool_dir = spool,
                                            .dry_run = dry_run,
                                            .chosen = chosen_archived,
                                            .held = held,
                                            .begin = read_holds,
                                            .end = leave_holds,
                                            .taken = dry_run ? taken : NULL,
                                            .arg = e};
    enum status status = archive_keys_lock(evidence, false, &options.folder);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    e->has_archive = true;
    status = archive_erase(&options, &e->archive);
    close(options.folder);
    return status;
}

static enum status erase_both(struct erase *e, const char *spool, const char *evidence,
                              bool dry_run)
{
    const struct spool_erase_options options = {.dir = spool,
                                                .dry_run = dry_run,
                                                .chosen = chosen,
                                                .held = held,
                                                .begin = read_holds,
                                                .end = leave_holds,
                                                .taken = dry_run ? taken : NULL,
                                                .progress = progress,
                                                .arg = e};
    enum status status = spool_erase(&options, &e->spool);
    return status == STATUS_OK ? erase_archived(e, spool, evidence, dry_run) : status;
}

static int report(struct erase *e, const char *spool, enum status status)
{
    if (e->json)
        print_json(e, status == STATUS_OK);
    else
        print_text(e);
    if (status != STATUS_OK)
        fprintf(stderr, "vsocd vehicle: %s: %s: repeat the command to go on\n", spool,
                e->problem ? e->problem : status_text(status));
    const struct spool_erase_counts *c = &e->spool;
    uint64_t left =
        c->held + c->undelivered + c->clear + c->damaged + e->archive.held + e->archive.damaged;
    return status != STATUS_OK ? EXIT_DISK : left ? EXIT_FAILED : EXIT_DONE;
}

/* Counts first, so that what is recorded is what will be done. Without anything to record, files of
 * the archive may still be behind the spool, after an erasure that was interrupted. */
static int erase(struct erase *e, const char *spool, const char *evidence)
{
    struct problem problem;
    enum status status = erase_both(e, spool, evidence, true);
    uint64_t records = e->spool.erased + e->spool.parts + e->archive.erased;
    if (status == STATUS_OK && !e->dry_run && records) {
        if (record_erasure(e, &problem) != STATUS_OK)
            return failed(problem.text);
        status = erase_both(e, spool, evidence, false);
    } else if (status == STATUS_OK && !e->dry_run) {
        status = erase_archived(e, spool, evidence, false);
    }
    return report(e, spool, status);
}

/* Recovery keeps originals of damaged segments there. */
static bool has_set_aside(const char *spool)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/corrupt", spool);
    DIR *dir = opendir(path);
    bool any = false;
    for (struct dirent *entry; dir && !any && (entry = readdir(dir));)
        any = entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return any;
}

static int run(struct erase *e)
{
    char spool[PATH_MAX];
    struct problem problem;
    const char *data = e->config->data_dir, *evidence = e->evidence;
    if (snprintf(spool, sizeof spool, "%s/spool", data) >= (int)sizeof spool ||
        snprintf(e->evidence, sizeof e->evidence, "%s/evidence", data) >= (int)sizeof e->evidence)
        return failed("the path of data_dir is too long");
    int code = e->vehicle ? load_keys(e) : EXIT_DONE;
    if (code != EXIT_DONE)
        return code;
    if (holds_read(evidence, &e->holds, &problem) != STATUS_OK)
        return failed(problem.text);
    if (e->holds.damaged)
        return failed(DAMAGED_HOLDS);
    e->pids = calloc((size_t)TENANTS_MAX * PSEUDONYM_KEYS_MAX, sizeof *e->pids);
    if (e->tenant && !pids_in(e, slice_from_text(e->tenant)))
        return failed("no memory");
    e->set_aside = has_set_aside(spool);
    return erase(e, spool, evidence);
}

int cmd_vehicle(int argc, char **argv)
{
    static struct erase e = {.magic = ERASE_MAGIC};
    const struct config_cli_option options[] = {
        {"--vehicle", NULL, &e.vehicle},
        {"--pid", NULL, &e.pid},
        {"--tenant", NULL, &e.tenant},
        {"--reason", NULL, &e.reason},
        {"--dry-run", &e.dry_run, NULL},
        {"--json", &e.json, NULL},
        {NULL, NULL, NULL},
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
    free(e.pids);
    free(e.tallies);
    for (size_t i = 0; i < e.tenant_count; i++)
        free(e.tenants[i]);
    for (size_t i = 0; i < e.key_count; i++)
        pseudonym_destroy(e.pseudonyms[i]);
    config_destroy(e.config);
    return code;
}
