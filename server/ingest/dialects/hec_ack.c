/* hec_ack.c: ids of acknowledgements, and the state of their batches. Worker threads. Keeps no
 * state: a batch was durable in the spool when its 200 was sent, so only the sinks need to be
 * checked for an id.
 */
#include "server/ingest/dialects/hec_ack.h"

#include "core/hash.h"
#include "server/config/config_value.h"

#define POSITION_BITS 40
#define TAG_BITS      13

uint64_t hec_ack_tag(const struct ingest_shared *shared, struct slice tenant, struct slice sender,
                     struct slice channel)
{
    uint64_t seed[2];
    memcpy(seed, spool_uid(shared->spool), sizeof seed);
    seed[0] ^= hash_keyed(seed, tenant);
    seed[1] ^= hash_keyed(seed, sender);
    return hash_keyed(seed, channel) >> (64 - TAG_BITS);
}

uint64_t hec_ack_id(uint64_t tag, uint64_t position)
{
    return tag << POSITION_BITS | (position & ((UINT64_C(1) << POSITION_BITS) - 1));
}

enum status hec_ack_sinks(const struct config *config, const struct ack_sinks *running,
                          ack_mask_t *sinks)
{
    char word[CONFIG_WORD_BYTES];
    bool off = config->hec_ack == HEC_ACK_OFF;
    return ack_parse(slice_from_text(off ? "spool" : config_hec_ack_word(config, word)), running,
                     sinks);
}

static bool has_passed(uint64_t id, uint64_t tag, ack_mask_t sinks, uint64_t newest,
                       const struct ingest_shared *shared)
{
    uint64_t position = id & ((UINT64_C(1) << POSITION_BITS) - 1);
    return id >> POSITION_BITS == tag && position > 0 && position <= newest &&
           !ack_missing(&shared->sinks, sinks, position);
}

enum status hec_ack_answer(struct json_parser *json, struct slice body, uint64_t tag,
                           ack_mask_t sinks, const struct ingest_shared *shared, struct writer *out)
{
    struct json_document d;
    struct json_error error;
    if (json_parse(json, body, &d, &error) != STATUS_OK)
        return STATUS_MALFORMED;
    const struct json_node *acks = json_find(&d, 0, "acks");
    if (!acks || acks->type != JSON_ARRAY)
        return STATUS_MALFORMED;
    uint64_t newest = spool_position(shared->spool);
    writer_text(out, "{\"acks\":{");
    for (const struct json_node *n = acks + 1; n < acks + acks->span; n++) {
        if (n->type != JSON_INT || n->integer < 0)
            return STATUS_MALFORMED;
        bool passed = has_passed((uint64_t)n->integer, tag, sinks, newest, shared);
        writer_format(out, "%s\"%lld\":%s", n == acks + 1 ? "" : ",", (long long)n->integer,
                      passed ? "true" : "false");
    }
    writer_text(out, "}}");
    return STATUS_OK;
}
