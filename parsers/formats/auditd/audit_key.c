/* audit_key.c: the names of audit_key.h in a table of names. Pure, any thread; the table is filled
 * before main. */
#include "parsers/formats/auditd/audit_key.h"
#include "core/json/json_names.h"

#define NAME_OF_KEY(number, name, untrusted)      [AUDIT_KEY_##number] = (name),
#define UNTRUSTED_OF_KEY(number, name, untrusted) [AUDIT_KEY_##number] = (untrusted),

static const char *const texts[AUDIT_KEY_COUNT] = {AUDIT_KEYS(NAME_OF_KEY)};
static const bool untrusted[AUDIT_KEY_COUNT] = {AUDIT_KEYS(UNTRUSTED_OF_KEY)};
_Static_assert(AUDIT_KEY_COUNT - 1 <= JSON_NAMES_MAX, "each key has a number in the table");

static struct json_names names;

__attribute__((constructor)) static void names_fill(void)
{
    for (unsigned i = 1; i < AUDIT_KEY_COUNT; i++)
        json_names_add(&names, texts[i], i);
}

enum audit_key audit_key_of(struct slice name)
{
    return (enum audit_key)json_names_find(&names, name);
}

bool audit_key_is_untrusted(enum audit_key key)
{
    return untrusted[key];
}
