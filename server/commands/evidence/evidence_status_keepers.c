/* evidence_status_keepers.c: what `vsocd evidence status` says of those who keep evidence, or have
 * seen it: archive, legal holds, witnesses. Main thread. Reads files of the server only: asks no
 * archive and no witness. */
#include "server/commands/evidence/evidence_facts.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "server/config/config.h"
#include "server/files/file_read.h"
#include "storage/evidence/formats/checkpoint.h"
#include "storage/evidence/heads.h"
#include "storage/evidence/holds/hold_file.h"
#include "storage/evidence/remote/cosigned.h"
#include "storage/spool/spool_cursor.h"

/* --- archive -------------------------------------------------------------------------------- */

enum status archive_position(const struct evidence_place *place, bool *archives, uint64_t *position)
{
    struct spool_cursor_table table;
    *archives = false;
    *position = 0;
    int fd = open(place->spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return STATUS_NOT_FOUND;
    enum status status = spool_cursor_load(fd, &table);
    close(fd);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < table.count; i++)
        if (!strcmp(table.entries[i].name, "archive")) {
            *archives = true;
            *position = table.entries[i].position;
        }
    return status;
}

void archive_facts(struct facts *f, const struct evidence_place *place, bool archives,
                   uint64_t position, uint64_t behind)
{
    if (place->config)
        fact_text(f, "archive", "archive", place->config->archive_url);
    else
        fact_text(f, "archive", "archive", archives ? "yes" : NULL);
    if (!archives)
        return;
    fact_number(f, "archive_position", "archived up to position", position);
    fact_number(f, "archive_segments_behind", "full segments not archived", behind);
}

/* --- holds ---------------------------------------------------------------------------------- */

enum status hold_facts(struct facts *f, const struct evidence_place *place)
{
    struct holds holds;
    struct problem problem;
    uint64_t active = 0;
    int64_t now_ns = clock_wall_ns();
    enum status status = holds_read(place->dir, &holds, &problem);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < holds.count; i++)
        active += hold_is_active(&holds.items[i], now_ns);
    fact_number(f, "holds", "holds in force", active);
    if (holds.damaged)
        fact_number(f, "holds_damaged", "lines of holds not readable", holds.damaged);
    holds_fini(&holds);
    return STATUS_OK;
}

/* --- witnesses ------------------------------------------------------------------------------ */

/* Whether the witness of this setting ("KEY URL") has signed; appends its name to *away if not. */
static void look_for(const struct note *note, const char *item, uint64_t *newest_s,
                     struct writer *away)
{
    struct note_verifier verifier;
    struct note_seal seal;
    if (note_verifier_parse(slice_make((const uint8_t *)item, strcspn(item, " \t")), &verifier) !=
        STATUS_OK)
        return; /* check-config says so */
    if (note && note_verify(note, &verifier, &seal) == STATUS_OK) {
        *newest_s = seal.time_s > *newest_s ? seal.time_s : *newest_s;
        return;
    }
    writer_text(away, away->size ? ", " : "");
    writer_text(away, verifier.name);
}

static void configured_facts(struct facts *f, const struct config *config, const struct note *note)
{
    struct writer away;
    uint64_t newest_s = 0;
    size_t count = config->evidence_witnesses.count;
    writer_init(&away, 65536);
    for (size_t i = 0; i < count; i++)
        look_for(note, config->evidence_witnesses.items[i], &newest_s, &away);
    fact_number(f, "witnesses", "witnesses asked", count);
    if (newest_s)
        fact_real(f, "cosigned_age_seconds", "cosigned seconds ago",
                  (double)clock_wall_ns() / (double)NS_PER_S - (double)newest_s, true);
    writer_u8(&away, '\0');
    fact_text(f, "witnesses_away", "of them not on that head",
              away.status == STATUS_OK && away.size > 1 ? (const char *)away.data : NULL);
    writer_fini(&away);
}

/* The newest head that enough witnesses have signed; text holds it. NOT_FOUND: nobody was ever
 * asked, or too few have answered. */
static enum status read_cosigned(const struct evidence_place *place, struct writer *text,
                                 struct evidence_head *head, struct note *note)
{
    char path[4300];
    snprintf(path, sizeof path, "%s/" COSIGNED_FOLDER "/" HEADS_TEXT_FILE, place->dir);
    enum status status = file_read_all(path, text);
    if (status == STATUS_OK)
        status = evidence_head_parse(writer_slice(text), 0, head);
    return status == STATUS_OK ? note_parse(head->note, note) : status;
}

uint64_t cosignatures_of(const struct evidence_place *place, const struct evidence_head *head)
{
    struct evidence_head cosigned;
    struct checkpoint checkpoint;
    struct note note;
    struct writer text;
    uint64_t count = 0;
    writer_init(&text, NOTE_BYTES_MAX);
    if (read_cosigned(place, &text, &cosigned, &note) == STATUS_OK && cosigned.size == head->size &&
        !memcmp(cosigned.root, head->root, sizeof head->root) &&
        checkpoint_parse(note.text, &checkpoint) == STATUS_OK)
        for (size_t i = 0; i < note.count; i++)
            count += !slice_equal(note.signatures[i].name, checkpoint.origin);
    writer_fini(&text);
    return count;
}

enum status witness_facts(struct facts *f, const struct evidence_place *place)
{
    struct evidence_head head = {.size = 0};
    struct note note;
    struct writer text;
    writer_init(&text, NOTE_BYTES_MAX);
    enum status status = read_cosigned(place, &text, &head, &note);
    bool has_head = status == STATUS_OK;
    if (status == STATUS_NOT_FOUND)
        status = STATUS_OK;
    if (status == STATUS_OK)
        fact_number(f, "cosigned_size", "records in a cosigned head", has_head ? head.size : 0);
    if (status == STATUS_OK && place->config)
        configured_facts(f, place->config, has_head ? &note : NULL);
    writer_fini(&text);
    return status;
}
