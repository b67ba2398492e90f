/* parser_check.c: the rules of parsers/parser.h that a plug-in can break and the compiler does not
 * see. Pure, any thread. */
#include "parsers/registry/parser_check.h"
#include "core/plugin/plugin_rules.h"
#include "parsers/registry/probed_type.h"

#include <string.h>

_Static_assert(REGISTRY_REASON == PLUGIN_RULE_REASON, "sentences fit");

#define NAME_MAX_BYTES     32
#define CONTENT_TYPES_MAX  16
#define CONTENT_TYPE_BYTES 128

static bool check_abi(const struct parser *p, char reason[REGISTRY_REASON])
{
    const struct plugin_abi its = {p->abi_version, p->struct_size, p->event_abi, p->event_size};
    const struct plugin_abi ours = {VSOC_PARSER_ABI, sizeof *p, VSOC_EVENT_ABI,
                                    sizeof(struct event)};
    return plugin_rule_abi("parser", &its, &ours, reason);
}

static bool check_texts(const struct parser *p, char reason[REGISTRY_REASON])
{
    if (!plugin_rule_texts(p->name, NAME_MAX_BYTES, p->version, p->description, reason))
        return false;
    return strcmp(p->name, "none") || plugin_rule_broken(reason, "its name may not be 'none'");
}

static bool check_content_types(const struct parser *p, char reason[REGISTRY_REASON])
{
    for (size_t i = 0; p->content_types && p->content_types[i]; i++) {
        const char *type = p->content_types[i];
        if (i == CONTENT_TYPES_MAX)
            return plugin_rule_broken(reason, "it names more than %d media types",
                                      CONTENT_TYPES_MAX);
        if (!plugin_rule_made_of(type, "/.+-_!#$&^", CONTENT_TYPE_BYTES) || !strchr(type, '/'))
            return plugin_rule_broken(
                reason,
                "'%.64s' is no media type in lower case without parameters, such as "
                "application/vnd.example",
                type);
        if (registry_is_probed_type(slice_from_text(type)))
            return plugin_rule_broken(
                reason, "'%s' means that the format is to be guessed: no format has it", type);
    }
    return true;
}

bool parser_check(const struct parser *p, char reason[REGISTRY_REASON])
{
    if (!check_abi(p, reason) || !check_texts(p, reason) || !check_content_types(p, reason))
        return false;
    if ((unsigned)p->framing > PARSER_FRAMING_SYSLOG)
        return plugin_rule_broken(reason, "it has no framing that this program knows");
    if (!p->parse)
        return plugin_rule_broken(reason, "it has no function parse");
    return true;
}
