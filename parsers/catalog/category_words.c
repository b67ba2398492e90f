/* category_words.c: words in event names → category. Pure, any thread. The list is our own; a
 * catalogue row overrides the guess. */
#include "parsers/catalog/category_words.h"

#define NAME_MAX_   256 /* searched */
#define WORDS_LEAST 4   /* bytes of the shortest words */

/* Lower case; the first entry that occurs in the name counts. */
static const struct {
    struct slice words, category;
} table[] = {
    {SLICE_LITERAL("message authentication"), SLICE_LITERAL("message_authentication")},
    {SLICE_LITERAL("secoc"), SLICE_LITERAL("message_authentication")},
    {SLICE_LITERAL("mac verification"), SLICE_LITERAL("message_authentication")},
    {SLICE_LITERAL("security access"), SLICE_LITERAL("diagnostic_access")},
    {SLICE_LITERAL("diagnostic"), SLICE_LITERAL("diagnostic_access")},
    {SLICE_LITERAL("doip"), SLICE_LITERAL("diagnostic_access")},
    {SLICE_LITERAL("bus-off"), SLICE_LITERAL("bus_error")},
    {SLICE_LITERAL("bus off"), SLICE_LITERAL("bus_error")},
    {SLICE_LITERAL("error frame"), SLICE_LITERAL("bus_error")},
    {SLICE_LITERAL("can id"), SLICE_LITERAL("bus_anomaly")},
    {SLICE_LITERAL("can frame"), SLICE_LITERAL("bus_anomaly")},
    {SLICE_LITERAL("bus load"), SLICE_LITERAL("bus_anomaly")},
    {SLICE_LITERAL("bus flood"), SLICE_LITERAL("bus_anomaly")},
    {SLICE_LITERAL("secure boot"), SLICE_LITERAL("software_integrity")},
    {SLICE_LITERAL("signature verification"), SLICE_LITERAL("software_integrity")},
    {SLICE_LITERAL("software update"), SLICE_LITERAL("software_update")},
    {SLICE_LITERAL("firmware update"), SLICE_LITERAL("software_update")},
    {SLICE_LITERAL("port scan"), SLICE_LITERAL("network_anomaly")},
    {SLICE_LITERAL("portscan"), SLICE_LITERAL("network_anomaly")},
    {SLICE_LITERAL("intrusion"), SLICE_LITERAL("network_anomaly")},
    {SLICE_LITERAL("login"), SLICE_LITERAL("authentication")},
    {SLICE_LITERAL("logon"), SLICE_LITERAL("authentication")},
    {SLICE_LITERAL("logout"), SLICE_LITERAL("authentication")},
    {SLICE_LITERAL("logoff"), SLICE_LITERAL("authentication")},
    {SLICE_LITERAL("authentication"), SLICE_LITERAL("authentication")},
    {SLICE_LITERAL("firewall"), SLICE_LITERAL("network_filter")},
    {SLICE_LITERAL("packet dropped"), SLICE_LITERAL("network_filter")},
    {SLICE_LITERAL("packet blocked"), SLICE_LITERAL("network_filter")},
};

#define ROWS (sizeof table / sizeof *table)

/* Which letters a text has: words in a name have none that the name does not have. */
static uint32_t letters_of(struct slice text)
{
    uint32_t letters = 0;
    for (size_t i = 0; i < text.size; i++)
        letters |= UINT32_C(1) << (text.data[i] % 32);
    return letters;
}

static uint32_t row_letters[ROWS];

__attribute__((constructor)) static void row_letters_fill(void)
{
    for (size_t i = 0; i < ROWS; i++)
        row_letters[i] = letters_of(table[i].words);
}

struct slice category_of_words(struct slice name)
{
    uint8_t lower[NAME_MAX_];
    name = slice_sub(name, 0, sizeof lower);
    uint32_t missing = ~letters_of(name); /* upper case has the same bits */
    if (name.size < WORDS_LEAST)
        return SLICE_EMPTY;
    for (size_t i = 0; i < name.size; i++)
        lower[i] = name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] + 32 : name.data[i];
    for (size_t i = 0; i < ROWS; i++)
        if (!(row_letters[i] & missing) &&
            memmem(lower, name.size, table[i].words.data, table[i].words.size))
            return table[i].category;
    return SLICE_EMPTY;
}
