/* time_report.c: a stored token against the stored head that it is over. Any thread. */
#include "storage/evidence/remote/time_report.h"

#include <stdlib.h>

#include "core/object.h"
#include "storage/evidence/formats/note.h"
#include "storage/evidence/heads.h"

#define HEAD_SEARCH_MAGIC 0x56485348U

struct head_search {
    unsigned magic; /* HEAD_SEARCH_MAGIC */
    uint64_t size;
    bool found;
    uint8_t sha256[SHA256_BYTES];
};

OBJECT_CAST(head_search, HEAD_SEARCH_MAGIC)

/* The first head is the one of this size, if there is one. */
static bool take_head(void *arg, const struct evidence_head *head)
{
    struct head_search *search = head_search_cast(arg);
    struct note *note = malloc(sizeof *note);
    if (note && head->size == search->size && note_parse(head->note, note) == STATUS_OK) {
        sha256_bytes(note->text, search->sha256);
        search->found = true;
    }
    free(note);
    return false;
}

enum status time_report_check(const char *dir, const struct time_place *place,
                              const struct time_trust *trust, struct time_token *out,
                              struct problem *problem)
{
    struct head_search search = {.magic = HEAD_SEARCH_MAGIC, .size = place->size};
    struct writer response;
    enum status status = evidence_heads_walk(dir, place->size, take_head, &search);
    if (status == STATUS_OK && !search.found)
        status = STATUS_NOT_FOUND;
    if (status != STATUS_OK) {
        problem_say(problem, "the head of %llu leaves: %s", (unsigned long long)place->size,
                    status_text(status));
        return status;
    }
    writer_init(&response, 2 * TIME_TOKEN_BYTES_MAX);
    status = time_store_get(dir, place, &response);
    if (status == STATUS_OK) {
        const struct time_check check = {.sha256 = search.sha256, .trust = trust};
        status = time_token_check(writer_slice(&response), &check, out, problem);
    } else {
        problem_say(problem, "the token can't be read: %s", status_text(status));
    }
    writer_fini(&response);
    return status;
}
