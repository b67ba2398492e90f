/* fuzz_senders.c: any bytes as a file of senders. What must hold: a mistake is told with a line; of
 * a file that is taken every sender without `*` is found by its issuer and name, alone or with
 * another one that fits too, and by no other issuer. */
#include <stdlib.h>

#include "server/identity/senders.h"
#include "core/log/problem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status find(const struct senders *senders, const struct sender *s, struct slice issuer,
                        const struct sender **out)
{
    struct http_peer peer = {.issuer = issuer, .issuer_key = s->issuer_key};
    struct slice_list one = {&s->name.text, 1};
    if (s->name.source == NAME_SAN_URI)
        peer.san_uri = one;
    else if (s->name.source == NAME_SAN_DNS)
        peer.san_dns = one;
    else
        peer.subject_cns = one;
    return senders_find(senders, &peer, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct senders *senders = NULL;
    const struct sender *found = NULL;
    struct problem problem = {""};
    enum status s = senders_parse(slice_make(data, size), &senders, &problem);
    if (s == STATUS_CONFIG ? !slice_starts_with(slice_from_text(problem.text), "line ")
                           : s != STATUS_OK && s != STATUS_NO_MEMORY)
        abort();
    for (size_t i = 0; senders && i < senders_count(senders); i++) {
        const struct sender *one = senders_at(senders, i);
        if (!one->tenant.size || !one->id.size || one->name.source == NAME_OID)
            abort();
        if (one->name.has_wildcard)
            continue;
        enum status got = find(senders, one, one->issuer, &found);
        if (got != STATUS_CONFLICT && (got != STATUS_OK || !slice_equal(found->id, one->id)))
            abort();
        if (find(senders, one, SLICE_EMPTY, &found) != STATUS_NOT_FOUND)
            abort();
    }
    senders_destroy(senders);
    return 0;
}
