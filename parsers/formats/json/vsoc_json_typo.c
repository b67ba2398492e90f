/* vsoc_json_typo.c: finds the nearest key of the native event. Pure, any thread; its table is made
 * before main. */
#include "parsers/formats/json/vsoc_json_typo.h"
#include "core/reasons/record_code.h"
#include "core/event.h"
#include "parsers/read/json/json_object.h"
#include "parsers/read/json/json_record.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_MIN  4  /* letters of a key that is compared */
#define NAME_MAX  32 /* of the longest key; test_vsoc_json_typo.c knows */
#define LONG_NAME 7  /* from here on two edits are near */
#define EDITS_MAX 2
#define NAMES_MAX 192

/* Which letters a word has: two words that are n edits apart differ in at most 2n bits. */
struct word {
    const char *text;
    uint32_t size, letters;
    bool is_offered; /* else it is the server's own, or accepted without being a field */
};

static struct word words[NAMES_MAX];
static size_t word_count;
static size_t first_of_size[NAME_MAX + 2]; /* words are sorted by size */

static uint32_t letters_of(struct slice word)
{
    uint32_t letters = 0;
    for (size_t i = 0; i < word.size; i++)
        letters |= UINT32_C(1) << (word.data[i] % 32);
    return letters;
}

static void add(const char *text, bool is_offered)
{
    struct slice word = slice_from_text(text);
    words[word_count++] = (struct word){.text = text,
                                        .size = (uint32_t)word.size,
                                        .letters = letters_of(word),
                                        .is_offered = is_offered};
}

static int by_size(const void *a, const void *b)
{
    const struct word *left = a, *right = b;
    return left->size != right->size ? (left->size > right->size) - (left->size < right->size)
                                     : strcmp(left->text, right->text);
}

__attribute__((constructor)) static void fill(void)
{
    _Static_assert(EVENT_FIELD_COUNT + 8 <= NAMES_MAX, "words of the table");
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++)
        add(event_field_table[f].name, event_field_table[f].origin == EVENT_ORIGIN_SENDER);
    add("time", true);
    static const char *const others[] = {"id",         "vin",        "date",    "timestamp",
                                         "@timestamp", "time_event", "severity"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        add(others[i], false);
    qsort(words, word_count, sizeof *words, by_size);
    size_t w = 0;
    for (size_t size = 0; size <= NAME_MAX + 1; size++) {
        while (w < word_count && words[w].size < size)
            w++;
        first_of_size[size] = w;
    }
}

static unsigned bits(uint32_t v)
{
    v -= v >> 1 & 0x55555555;
    v = (v & 0x33333333) + (v >> 2 & 0x33333333);
    return ((v + (v >> 4)) & 0x0F0F0F0F) * 0x01010101 >> 24;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

#define FAR (EDITS_MAX + 1)

/* Edits between two words whose sizes differ by at most EDITS_MAX, including swaps of neighbours
 * (optimal string alignment); FAR: more than `allowed`. Only cells next to the diagonal can be near
 */
static unsigned distance(struct slice a, struct slice b, unsigned allowed)
{
    unsigned rows[3][NAME_MAX + EDITS_MAX + 2];
    for (unsigned j = 0; j <= b.size + 1; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.size; i++) {
        unsigned *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        unsigned from = i > EDITS_MAX ? i - EDITS_MAX : 1;
        unsigned to = smaller((unsigned)b.size, i + EDITS_MAX);
        unsigned least = row[from - 1] = from == 1 ? i : FAR;
        for (unsigned j = from; j <= to; j++) {
            bool same = a.data[i - 1] == b.data[j - 1];
            unsigned best = smaller(smaller(row[j - 1], last[j]) + 1, last[j - 1] + !same);
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
                best = smaller(best, before[j - 2] + 1);
            row[j] = best;
            least = smaller(least, best);
        }
        row[to + 1] = FAR;
        if (least > allowed) /* a swap costs one from the row before the last, too */
            return FAR;
    }
    return rows[a.size % 3][b.size];
}

const char *vsoc_json_typo(struct slice key)
{
    const char *nearest = NULL;
    unsigned nearest_edits = EDITS_MAX + 1;
    if (key.size < NAME_MIN - 1 || key.size > NAME_MAX)
        return NULL;
    uint32_t letters = letters_of(key);
    size_t from = key.size > NAME_MIN + EDITS_MAX ? key.size - EDITS_MAX : NAME_MIN;
    size_t to = key.size + EDITS_MAX > NAME_MAX ? NAME_MAX : key.size + EDITS_MAX;
    for (size_t w = first_of_size[from]; w < first_of_size[to + 1]; w++) {
        const struct word *word = &words[w];
        unsigned allowed = word->size >= LONG_NAME ? 2 : 1;
        if (word->size > key.size + allowed || word->size + allowed < key.size ||
            bits(letters ^ word->letters) > 2 * allowed)
            continue;
        unsigned edits =
            distance(key, slice_make((const uint8_t *)word->text, word->size), allowed);
        if (!edits)
            return NULL;
        if (word->is_offered && edits <= allowed && edits < nearest_edits) {
            nearest = word->text;
            nearest_edits = edits;
        }
    }
    return nearest;
}

bool vsoc_json_typo_note(const struct parser_context *context, struct slice key, const char *near,
                         struct event *event)
{
    char text[96];
    snprintf(text, sizeof text, "is no key of a native event and kept in attributes; %s is near",
             near);
    return json_note_add(context, event, RECORD_unknown_key, json_record_about(context, key, text),
                         JSON_NOTE_NO_OFFSET);
}
