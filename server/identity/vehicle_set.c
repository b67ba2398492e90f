/* vehicle_set.c: sorted VINs, and VIN prefixes. Any thread. */
#include "server/identity/vehicle_set.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "server/identity/name_pattern.h"

struct prefix {
    uint8_t size, bytes[VIN_BYTES];
};

struct vehicle_set {
    atomic_uint references;
    size_t count, prefix_count;
    struct prefix prefixes[VEHICLE_SET_PREFIXES_MAX];
    uint8_t vins[][VIN_BYTES]; /* sorted */
};

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, VIN_BYTES);
}

static bool read_prefix(struct slice text, struct prefix *out)
{
    static const char filler[] = "00000000000000000";
    uint8_t whole[VIN_BYTES];
    if (!text.size || text.data[text.size - 1] != '*' || text.size > VIN_BYTES)
        return false;
    /* A text padded with zeros is a prefix. */
    memcpy(whole, filler, VIN_BYTES);
    memcpy(whole, text.data, text.size - 1);
    out->size = (uint8_t)(text.size - 1);
    return vin_read(slice_make(whole, VIN_BYTES), out->bytes);
}

static enum status add(struct vehicle_set *set, struct slice text)
{
    if (vin_read(text, set->vins[set->count])) {
        set->count++;
        return STATUS_OK;
    }
    struct prefix prefix;
    if (!read_prefix(text, &prefix))
        return STATUS_OUT_OF_RANGE;
    if (set->prefix_count == VEHICLE_SET_PREFIXES_MAX)
        return STATUS_TOO_MANY;
    set->prefixes[set->prefix_count++] = prefix;
    return STATUS_OK;
}

enum status vehicle_set_create(const struct slice *texts, size_t count, struct vehicle_set **out,
                               size_t *bad)
{
    struct vehicle_set *set =
        (struct vehicle_set *)calloc(1, sizeof *set + (count + 1) * VIN_BYTES);
    enum status s = set ? STATUS_OK : STATUS_NO_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i < count; i++) {
        *bad = i;
        s = add(set, texts[i]);
    }
    if (s != STATUS_OK) {
        free(set);
        return s;
    }
    atomic_init(&set->references, 1);
    qsort(set->vins, set->count, VIN_BYTES, compare);
    *out = set;
    return STATUS_OK;
}

struct vehicle_set *vehicle_set_hold(struct vehicle_set *set)
{
    if (set)
        atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void vehicle_set_release(struct vehicle_set *set)
{
    if (set && atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) == 1)
        free(set);
}

bool vehicle_set_has(const struct vehicle_set *set, struct slice vin)
{
    if (vin.size != VIN_BYTES)
        return false;
    for (size_t i = 0; i < set->prefix_count; i++)
        if (!memcmp(vin.data, set->prefixes[i].bytes, set->prefixes[i].size))
            return true;
    return set->count && bsearch(vin.data, set->vins, set->count, VIN_BYTES, compare);
}
