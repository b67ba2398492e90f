/* pseudonym.c: keyed pseudonyms of vehicles and the file of their keys. Loading: main thread;
 * making: one worker each. Does not store or log a VIN. */
#include "server/pseudonym.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/hex.h"
#include "core/thread.h"
#include "storage/fault.h"
#include "server/trusted_file.h"
#include "storage/folder.h"

/* Tenants whose keys a worker keeps at hand. */
#define TENANTS_KEPT   8
#define TENANT_MAX     128
#define TENANT_PURPOSE "vsocd vehicle pseudonym"

struct tenant_key {
    struct hmac_key key;
    size_t size; /* of name */
    uint8_t name[TENANT_MAX];
    bool used;
};

struct pseudonym {
    struct hmac_key master;
    int64_t key_id;
    struct tenant_key tenants[TENANTS_KEPT];
    size_t next; /* whose place the next one takes */
};

/* `ID HEX64`; false when the line is something else. */
static bool parse_line(const char *line, struct pseudonym_key *key)
{
    char *end;
    errno = 0;
    long id = strtol(line, &end, 10);
    if (errno || end == line || *end != ' ' || id < 1 || id > INT16_MAX)
        return false;
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < sizeof key->bytes; i++) {
        int high = hex_digit_value(end[2 * i]),
            low = high < 0 ? -1 : hex_digit_value(end[2 * i + 1]);
        if (low < 0)
            return false;
        key->bytes[i] = (uint8_t)(high << 4 | low);
    }
    char after = end[2 * sizeof key->bytes];
    key->id = id;
    return after == '\0' || after == '\n' || after == '\r' || after == ' ';
}

static enum status read_keys(FILE *file, const char *path, struct pseudonym_key *key,
                             char reason[256])
{
    char line[256];
    size_t number = 0;
    int64_t lowest = 0;
    bool found = false;
    while (fgets(line, sizeof line, file)) {
        struct pseudonym_key one;
        number++;
        if (line[0] == '#' || line[0] == '\n' || line[0] == '\r')
            continue;
        if (!parse_line(line, &one)) {
            snprintf(reason, 256, "%s, line %zu: expected a key as ID and 64 hex digits", path,
                     number);
            return STATUS_CONFIG;
        }
        if (!found || one.id > key->id) {
            key->id = one.id;
            memcpy(key->bytes, one.bytes, sizeof key->bytes);
        }
        if (!found || one.id < lowest) {
            lowest = one.id;
            memcpy(key->first, one.bytes, sizeof key->first);
        }
        found = true;
    }
    if (found)
        return STATUS_OK;
    snprintf(reason, 256, "%s holds no key; remove the file and a new one is made", path);
    return STATUS_CONFIG;
}

/* Under its name only if no other process was first: then the other's key counts. */
static bool publish(const char *fresh, const char *path)
{
    if (link(fresh, path) == 0 || errno == EEXIST)
        return unlink(fresh) == 0;
    bool no_links = errno == EPERM || errno == EOPNOTSUPP;
    return no_links && rename(fresh, path) == 0;
}

static bool write_key(int fd)
{
    uint8_t bytes[32];
    char hex[2 * sizeof bytes + 1], text[256];
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    int size = snprintf(text, sizeof text,
                        "# keys for vehicle pseudonyms: ID HEX64; the highest id is used. Keep "
                        "this file: without it\n"
                        "# no vehicle can be found again by its VIN.\n1 %s\n",
                        hex);
    errno = ENOSPC; /* of a write that is short */
    bool good = write(fd, text, (size_t)size) == size;
    fault_point(keys_written);
    good = good && fsync(fd) == 0;
    fault_point(keys_synced);
    return close(fd) == 0 && good;
}

/* The file has its name only when it is whole and durable: no event may bear a pseudonym whose key
 * a crash can take away. */
static enum status make_file(const char *path, char reason[256])
{
    char fresh[PATH_MAX];
    int size = snprintf(fresh, sizeof fresh, "%s.XXXXXX", path);
    int fd = size < PATH_MAX ? mkostemp(fresh, O_CLOEXEC) : -1;
    if (fd < 0) {
        snprintf(
            reason, 256,
            "cannot make %s: %s; make its folder, or point privacy.keys_file to a writable place",
            path, strerror(errno));
        return status_from_errno(errno);
    }
    bool good = write_key(fd) && publish(fresh, path);
    fault_point(keys_linked);
    if (good && folder_sync(path) == STATUS_OK)
        return STATUS_OK;
    snprintf(reason, 256, "cannot write %s: %s", path, strerror(errno));
    unlink(fresh);
    return STATUS_IO;
}

/* The keys are a secret, and who could write them could make vehicles unfindable. */
static enum status open_keys(const char *path, FILE **file, char reason[256])
{
    char problem[256];
    int fd;
    enum status s = trusted_file_open(path, TRUSTED_SECRET, &fd, problem);
    if (s != STATUS_OK) {
        snprintf(reason, 256, "%s %.180s", path, problem);
        return s;
    }
    *file = fdopen(fd, "r");
    if (*file)
        return STATUS_OK;
    close(fd);
    return STATUS_NO_MEMORY;
}

enum status pseudonym_key_load(const char *path, struct pseudonym_key *key, char reason[256])
{
    FILE *file;
    enum status status = open_keys(path, &file, reason);
    if (status == STATUS_NOT_FOUND) {
        status = make_file(path, reason);
        if (status == STATUS_OK)
            status = open_keys(path, &file, reason);
    }
    if (status != STATUS_OK)
        return status;
    status = read_keys(file, path, key, reason);
    fclose(file);
    /* Of a process that died it may be, its name not yet synced. Where somebody else has put it,
     * the folder need not be ours to sync. */
    enum status synced = folder_sync(path);
    (void)synced;
    return status;
}

static void derive_repeat(const struct hmac_key *first, const char *purpose, struct hmac_key *key)
{
    uint8_t bytes[SHA256_BYTES];
    hmac_key_derive(first, purpose, SLICE_EMPTY, bytes);
    hmac_key_init(key, slice_make(bytes, sizeof bytes));
    explicit_bzero(bytes, sizeof bytes);
}

void repeat_keys_derive(const struct pseudonym_key *key, struct repeat_keys *keys)
{
    struct hmac_key first;
    hmac_key_init(&first, slice_make(key->first, sizeof key->first));
    derive_repeat(&first, "vsocd batch key", &keys->batch);
    derive_repeat(&first, "vsocd event key", &keys->event);
    explicit_bzero(&first, sizeof first);
}

struct pseudonym *pseudonym_create(const struct pseudonym_key *key)
{
    struct pseudonym *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->key_id = key->id;
    hmac_key_init(&p->master, slice_make(key->bytes, sizeof key->bytes));
    return p;
}

void pseudonym_destroy(struct pseudonym *p)
{
    if (!p)
        return;
    explicit_bzero(p, sizeof *p);
    free(p);
}

static void derive(const struct pseudonym *p, struct slice tenant, struct hmac_key *key)
{
    uint8_t bytes[SHA256_BYTES];
    hmac_key_derive(&p->master, TENANT_PURPOSE, tenant, bytes);
    hmac_key_init(key, slice_make(bytes, sizeof bytes));
    explicit_bzero(bytes, sizeof bytes);
}

static const struct hmac_key *key_of(struct pseudonym *p, struct slice tenant)
{
    for (size_t i = 0; i < TENANTS_KEPT; i++) {
        struct tenant_key *kept = &p->tenants[i];
        if (kept->used && slice_equal(tenant, slice_make(kept->name, kept->size)))
            return &kept->key;
    }
    ensure(tenant.size <= TENANT_MAX); /* identity_is_tenant */
    struct tenant_key *made = &p->tenants[p->next];
    p->next = (p->next + 1) % TENANTS_KEPT;
    derive(p, tenant, &made->key);
    if (tenant.size)
        memcpy(made->name, tenant.data, tenant.size);
    made->size = tenant.size;
    made->used = true;
    return &made->key;
}

int64_t pseudonym_make(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32])
{
    struct pseudonym *p = arg;
    hmac_key_compute(key_of(p, tenant), vin, pid);
    return p->key_id;
}
