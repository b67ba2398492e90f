/* evidence_facts.c: how facts are printed. Main thread. */
#include "server/commands/evidence/evidence_facts.h"

#include <inttypes.h>

#include "core/event/event_json.h"

static void begin_fact(struct facts *f, const char *key, const char *words)
{
    if (f->json)
        writer_format(&f->w, "%s\"%s\":", f->w.size > 1 ? "," : "", key);
    else
        writer_format(&f->w, "%-28s ", words);
}

static void end_fact(struct facts *f)
{
    if (!f->json)
        writer_u8(&f->w, '\n');
}

void fact_number(struct facts *f, const char *key, const char *words, uint64_t value)
{
    begin_fact(f, key, words);
    writer_format(&f->w, "%" PRIu64, value);
    end_fact(f);
}

void fact_text(struct facts *f, const char *key, const char *words, const char *value)
{
    begin_fact(f, key, words);
    if (f->json && value)
        writer_json_string(&f->w, slice_from_text(value));
    else
        writer_text(&f->w, value ? value : f->json ? "null" : "none");
    end_fact(f);
}

void fact_time(struct facts *f, const char *key, const char *words, int64_t ns)
{
    begin_fact(f, key, words);
    struct writer quoted;
    writer_init(&quoted, 64);
    event_json_write_time(&quoted, ns);
    struct slice text = writer_slice(&quoted);
    if (ns)
        writer_add_slice(&f->w, f->json ? text : slice_sub(text, 1, text.size - 2));
    else
        writer_text(&f->w, f->json ? "null" : "none");
    writer_fini(&quoted);
    end_fact(f);
}

void fact_real(struct facts *f, const char *key, const char *words, double value, bool known)
{
    begin_fact(f, key, words);
    if (known)
        writer_format(&f->w, "%.1f", value);
    else
        writer_text(&f->w, f->json ? "null" : "not known");
    end_fact(f);
}
