/* reference_reasons.c: pages of refusals and of records' codes, from their tables. Main thread. */
#include "server/commands/reference/reference.h"

#include "core/reasons/record_code.h"
#include "core/reasons/refusal.h"
#include "core/writer.h"
#include "server/commands/reference/reference_text.h"

static const struct refusal_row {
    const char *group; /* the row is a heading */
    const char *code, *sentence, *advice;
    int status;
    unsigned retry_after_s;
} refusals[] = {
#define REFUSAL_GROUP(heading) {.group = heading},
#define REFUSAL(code, status, retry_after_s, sentence, advice)                                     \
    {NULL, #code, sentence, advice, status, retry_after_s},
#define REFUSAL_SILENT(code, sentence, advice) {NULL, #code, sentence, advice, 0, 0},
#include "core/reasons/refusals.def"
#undef REFUSAL
#undef REFUSAL_SILENT
#undef REFUSAL_GROUP
};

void reference_refusals(struct writer *out)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal_row *r = &refusals[i];
        if (r->group) {
            writer_format(
                out,
                "%s### %s\n\n| status | code | Retry-After | sentence | meaning, and what "
                "to do |\n| --- | --- | --- | --- | --- |\n",
                i ? "\n" : "", r->group);
            continue;
        }
        if (r->status)
            writer_format(out, "| %d | `%s` | ", r->status, r->code);
        else
            writer_format(out, "| – | `%s` | ", r->code);
        if (r->retry_after_s)
            writer_format(out, "%u s", r->retry_after_s);
        writer_text(out, " | ");
        reference_cell(out, r->sentence);
        writer_text(out, " | ");
        reference_cell(out, r->advice);
        writer_text(out, " |\n");
    }
}

static const struct record_code_row {
    const char *code, *meaning;
    enum record_source source;
    bool note;
} record_codes[] = {
#define RECORD_CODE(code, source, note, meaning) {#code, meaning, RECORD_SOURCE_##source, note},
#include "core/reasons/record_codes.def"
#undef RECORD_CODE
};

void reference_record_codes(struct writer *out)
{
    static const char *const sources[] = {[RECORD_SOURCE_PARSE] = "parse",
                                          [RECORD_SOURCE_POLICY] = "policy",
                                          [RECORD_SOURCE_SINK] = "sink"};
    writer_text(out, "| code | source | meaning |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof record_codes / sizeof *record_codes; i++) {
        const struct record_code_row *r = &record_codes[i];
        if (r->source == RECORD_SOURCE_NONE)
            continue;
        writer_format(out, "| `%s` | %s | ", r->code, sources[r->source]);
        reference_cell(out, r->meaning);
        writer_text(out, " |\n");
    }
}

void reference_note_codes(struct writer *out)
{
    writer_text(out, "| code | meaning |\n| --- | --- |\n");
    for (size_t i = 0; i < sizeof record_codes / sizeof *record_codes; i++) {
        const struct record_code_row *r = &record_codes[i];
        if (!r->note)
            continue;
        writer_format(out, "| `%s` | ", r->code);
        reference_cell(out, r->meaning);
        writer_text(out, " |\n");
    }
}

void reference_handshakes(struct writer *out)
{
    static const struct {
        const char *result, *meaning;
    } results[] = {
#define TLS_RESULT(result, of_certificate, meaning) {#result, meaning},
#include "server/tls/tls_results.def"
#undef TLS_RESULT
    };
    writer_text(out, "| result | meaning |\n| --- | --- |\n");
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        writer_format(out, "| `%s` | ", results[i].result);
        reference_cell(out, results[i].meaning);
        writer_text(out, " |\n");
    }
}
