/* plugin_rules.h: the rules that descriptors of all plug-ins have in common: versions of the ABI,
 * name, version, description. Each function is true, or false with a sentence for people in reason.
 * Thread: any. */
#ifndef VSOC_CORE_PLUGIN_RULES_H
#define VSOC_CORE_PLUGIN_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLUGIN_RULE_REASON 256

/* What a descriptor begins with, of whatever ABI it is. */
struct plugin_abi {
    uint32_t abi_version, struct_size, event_abi, event_size;
};

/* Writes the sentence; always false. */
bool plugin_rule_broken(char reason[PLUGIN_RULE_REASON], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The descriptor is built with this program's headers. what: "parser", for `struct parser` and
 * "parser ABI". */
bool plugin_rule_abi(const char *what, const struct plugin_abi *its, const struct plugin_abi *ours,
                     char reason[PLUGIN_RULE_REASON]);
/* The name is 1 to name_max of a-z, 0-9 and _; the version is one; there is a description. Each may
 * be NULL. */
bool plugin_rule_texts(const char *name, size_t name_max, const char *version,
                       const char *description, char reason[PLUGIN_RULE_REASON]);
/* 1 to max lower-case letters, digits and characters of allowed; not NULL. Gives no reason. */
bool plugin_rule_made_of(const char *text, const char *allowed, size_t max);

#endif
