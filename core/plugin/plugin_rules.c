/* plugin_rules.c: rules that a plug-in can break and the compiler does not see, whatever it is a
 * plug-in for. Pure, any thread. */
#include "core/plugin/plugin_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VERSION_MAX_BYTES 32 /* as event_fields.def has that of a parser */

bool plugin_rule_broken(char reason[PLUGIN_RULE_REASON], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, PLUGIN_RULE_REASON, format, args);
    va_end(args);
    return false;
}

bool plugin_rule_abi(const char *what, const struct plugin_abi *its, const struct plugin_abi *ours,
                     char reason[PLUGIN_RULE_REASON])
{
    if (its->abi_version != ours->abi_version)
        return plugin_rule_broken(reason,
                                  "it is built for %s ABI %u, this program has %u: build it with "
                                  "this program's headers",
                                  what, its->abi_version, ours->abi_version);
    if (its->struct_size != ours->struct_size)
        return plugin_rule_broken(reason,
                                  "its struct %s has %u bytes, this program's %u: build it with "
                                  "this program's headers",
                                  what, its->struct_size, ours->struct_size);
    if (its->event_abi != ours->event_abi || its->event_size != ours->event_size)
        return plugin_rule_broken(
            reason,
            "it is built for event ABI %u with events of %u bytes, this program has %u with %u: "
            "build it with this program's headers",
            its->event_abi, its->event_size, ours->event_abi, ours->event_size);
    return true;
}

bool plugin_rule_made_of(const char *text, const char *allowed, size_t max)
{
    static const char alphanumeric[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t size = 0;
    if (!text)
        return false;
    for (; text[size]; size++)
        if (size == max || (!strchr(alphanumeric, text[size]) && !strchr(allowed, text[size])))
            return false;
    return size > 0;
}

bool plugin_rule_texts(const char *name, size_t name_max, const char *version,
                       const char *description, char reason[PLUGIN_RULE_REASON])
{
    if (!plugin_rule_made_of(name, "_", name_max))
        return plugin_rule_broken(reason, "its name must be 1 to %zu of a-z, 0-9 and _", name_max);
    if (!plugin_rule_made_of(version, ".-+ABCDEFGHIJKLMNOPQRSTUVWXYZ", VERSION_MAX_BYTES))
        return plugin_rule_broken(
            reason, "its version must be a semantic version of up to %d bytes", VERSION_MAX_BYTES);
    if (!description || !*description)
        return plugin_rule_broken(reason, "it has no description");
    return true;
}
