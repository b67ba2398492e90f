/* config_env.c: settings from environment variables and from --set. Any thread. */
#include <ctype.h>
#include <stdio.h>

#include "server/config/config_build.h"

#define PREFIX  "VSOCD_"
#define KEY_MAX 256

static void tell_unknown(struct config_build *build, const struct config_origin *at,
                         const char *key)
{
    char nearest[KEY_MAX];
    config_nearest(key, nearest, sizeof nearest);
    if (at->from == CONFIG_FROM_SET) {
        config_problem(build, at, "unknown setting; the nearest known name is '%s'", nearest);
        return;
    }
    char name[2 * KEY_MAX];
    size_t n = 0;
    for (const char *p = nearest; *p && n + 3 < sizeof name; p++) {
        if (*p == '.')
            name[n++] = '_';
        name[n++] = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
    }
    name[n] = '\0';
    config_problem(build, at, "unknown setting; the nearest known name is " PREFIX "%s", name);
}

/* Stores text under key, or adds a mistake. "null" is YAML's null. */
static void store(struct config_build *build, const char *key, const char *entry, const char *text,
                  const struct config_origin *at)
{
    const struct config_row *row = config_row_find(key), *map;
    const char *name, *value = strcmp(text, "null") != 0 ? text : NULL;
    if (row && row->kind == SETTING_KIND_LIST)
        config_store_list_text(build, row, value ? value : "", at);
    else if (row && row->kind == SETTING_KIND_MAP)
        config_problem(build, at, "set its entries one by one: %s.NAME", row->key);
    else if (row)
        config_store(build, row, value, at);
    else if ((map = config_row_of_entry(entry, &name)))
        config_store_entry(build, map, name, value, at);
    else if (config_is_section(key))
        config_problem(build, at, "is a section; name a setting in it");
    else
        tell_unknown(build, at, key);
}

/* "LISTEN__INGEST__ADDRESS" → "listen.ingest.address". False when it is too long. */
static bool key_of_variable(const char *name, size_t size, char *key)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        if (n + 1 >= KEY_MAX)
            return false;
        bool nests = name[i] == '_' && i + 1 < size && name[i + 1] == '_';
        key[n++] = nests ? '.' : (char)tolower((unsigned char)name[i]);
        i += nests;
    }
    key[n] = '\0';
    return true;
}

/* Entries of maps are dotted names, which shells do not accept: one _ replaces a dot there. */
static void entry_of_key(const char *key, char *entry)
{
    snprintf(entry, KEY_MAX, "%s", key);
    const char *name;
    if (config_row_of_entry(entry, &name))
        for (char *p = entry + (name - entry); *p; p++)
            *p = *p == '_' ? '.' : *p;
}

/* Variables that only look like settings (VSOCD_FAULT of tests, VSOCD_PORT_8443_TCP that Kubernetes
 * sets for a service of that name) are ignored: a setting is a known top-level name or contains __.
 */
static bool is_setting(const char *name, size_t size, const char *key)
{
    for (size_t i = 0; i + 1 < size; i++)
        if (name[i] == '_' && name[i + 1] == '_')
            return true;
    return config_row_find(key) || config_is_section(key);
}

void config_read_environment(struct config_build *build, char *const *environment)
{
    for (; environment && *environment; environment++) {
        const char *text = *environment, *equals = strchr(text, '=');
        char key[KEY_MAX], entry[KEY_MAX], shown[KEY_MAX];
        if (strncmp(text, PREFIX, strlen(PREFIX)) != 0 || !equals)
            continue;
        const char *name = text + strlen(PREFIX);
        size_t size = (size_t)(equals - name);
        if (!key_of_variable(name, size, key) || !is_setting(name, size, key))
            continue;
        snprintf(shown, sizeof shown, "%.*s", (int)(equals - text), text);
        entry_of_key(key, entry);
        struct config_origin at = {.from = CONFIG_FROM_ENV, .name = shown};
        store(build, key, entry, equals + 1, &at);
    }
}

void config_read_sets(struct config_build *build, const char *const *sets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(sets[i], '=');
        struct config_origin at = {.from = CONFIG_FROM_SET};
        char key[KEY_MAX];
        size_t size = equals ? (size_t)(equals - sets[i]) : 0;
        if (!size || size >= sizeof key) {
            config_problem(build, &at, "'%.*s' must be written key=value",
                           (int)strspn(sets[i], "abcdefghijklmnopqrstuvwxyz0123456789_."), sets[i]);
            continue;
        }
        snprintf(key, sizeof key, "%.*s", (int)size, sets[i]);
        at.name = key;
        store(build, key, key, equals + 1, &at);
    }
}
