/* evidence_status_time.c: what `vsocd evidence status` says of time-stamp tokens: how many, and the
 * newest one, verified. Main thread. Asks no authority. */
#include "core/object.h"
#include "server/commands/evidence/evidence_facts.h"
#include "server/config/config.h"
#include "server/files/trusted_file.h"
#include "storage/evidence/remote/time_report.h"

#define COUNT_MAGIC 0x56544f4bU

struct token_count {
    unsigned magic; /* COUNT_MAGIC */
    uint64_t tokens;
    struct time_place newest;
};

OBJECT_CAST(token_count, COUNT_MAGIC)

static bool count_token(void *arg, const struct time_place *place)
{
    struct token_count *count = token_count_cast(arg);
    if (!count->tokens++ || place->size > count->newest.size)
        count->newest = *place;
    return true;
}

/* NULL without evidence.time_ca: the signature is not checked then. */
static enum status read_trust(const struct config *config, struct time_trust **out,
                              struct problem *problem)
{
    struct writer pem;
    *out = NULL;
    if (!config || !config->evidence_time_ca)
        return STATUS_OK;
    enum status status = trusted_file_read(config->evidence_time_ca, TRUSTED_PUBLIC, &pem, problem);
    if (status == STATUS_OK)
        status = time_trust_parse(writer_slice(&pem), out, problem);
    writer_fini(&pem);
    return status;
}

static void newest_facts(struct facts *f, const struct evidence_place *place,
                         const struct time_place *newest)
{
    struct time_trust *trust = NULL;
    struct time_token token = {.time_ns = 0};
    struct problem problem = {""};
    enum status status = read_trust(place->config, &trust, &problem);
    bool has_trust = trust != NULL;
    if (status == STATUS_OK)
        status = time_report_check(place->dir, newest, trust, &token, &problem);
    time_trust_destroy(trust);
    fact_number(f, "time_token_size", "records in the head of the newest", newest->size);
    fact_time(f, "time_token_time", "time that it attests", token.time_ns);
    fact_text(f, "time_token_signer", "by", *token.signer ? token.signer : NULL);
    fact_text(
        f, "time_token_problem", "problem of this token",
        status != STATUS_OK ? problem.text
        : has_trust         ? NULL
        : place->config
            ? "evidence.time_ca is not set: the signature was not checked"
            : "the signature was not checked: name the settings with evidence.time_ca (-c FILE)");
}

enum status time_facts(struct facts *f, const struct evidence_place *place)
{
    struct token_count count = {.magic = COUNT_MAGIC};
    enum status status = time_store_walk(place->dir, count_token, &count);
    if (status != STATUS_OK)
        return status;
    fact_number(f, "time_tokens", "time-stamp tokens", count.tokens);
    if (count.tokens)
        newest_facts(f, place, &count.newest);
    return STATUS_OK;
}
