/* parser_check.c: the rules of parsers/parser.h that a plug-in can break and the compiler does not
 * see. Pure, any thread. */
#include "parsers/registry/parser_check.h"
#include "parsers/registry/probed_type.h"

#include <stdarg.h>
#include <stdio.h>

#define NAME_MAX_BYTES     32
#define VERSION_MAX_BYTES  32 /* as event_fields.def has it */
#define CONTENT_TYPES_MAX  16
#define CONTENT_TYPE_BYTES 128

__attribute__((format(printf, 2, 3))) static bool say(char reason[REGISTRY_REASON],
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, REGISTRY_REASON, format, args);
    va_end(args);
    return false;
}

static bool check_abi(const struct parser *p, char reason[REGISTRY_REASON])
{
    if (p->abi_version != VSOC_PARSER_ABI)
        return say(reason,
                   "it is built for parser ABI %u, this program has %u: build it with this "
                   "program's headers",
                   p->abi_version, VSOC_PARSER_ABI);
    if (p->struct_size != sizeof *p)
        return say(reason,
                   "its struct parser has %u bytes, this program's %zu: build it with this "
                   "program's headers",
                   p->struct_size, sizeof *p);
    if (p->event_abi != VSOC_EVENT_ABI || p->event_size != sizeof(struct event))
        return say(reason,
                   "it is built for event ABI %u with events of %u bytes, this program has %u with "
                   "%zu: build it with this program's headers",
                   p->event_abi, p->event_size, VSOC_EVENT_ABI, sizeof(struct event));
    return true;
}

/* Characters of token, of RFC 9110 but in lower case, or of allowed. */
static bool is_made_of(const char *text, const char *allowed, size_t max)
{
    static const char alphanumeric[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t size = 0;
    for (; text[size]; size++)
        if (size == max || (!strchr(alphanumeric, text[size]) && !strchr(allowed, text[size])))
            return false;
    return size > 0;
}

static bool check_texts(const struct parser *p, char reason[REGISTRY_REASON])
{
    if (!p->name || !is_made_of(p->name, "_", NAME_MAX_BYTES))
        return say(reason, "its name must be 1 to %d of a-z, 0-9 and _", NAME_MAX_BYTES);
    if (!strcmp(p->name, "none"))
        return say(reason, "its name may not be 'none'");
    if (!p->version || !is_made_of(p->version, ".-+ABCDEFGHIJKLMNOPQRSTUVWXYZ", VERSION_MAX_BYTES))
        return say(reason, "its version must be a semantic version of up to %d bytes",
                   VERSION_MAX_BYTES);
    if (!p->description || !*p->description)
        return say(reason, "it has no description");
    return true;
}

static bool check_content_types(const struct parser *p, char reason[REGISTRY_REASON])
{
    for (size_t i = 0; p->content_types && p->content_types[i]; i++) {
        const char *type = p->content_types[i];
        if (i == CONTENT_TYPES_MAX)
            return say(reason, "it names more than %d media types", CONTENT_TYPES_MAX);
        if (!is_made_of(type, "/.+-_!#$&^", CONTENT_TYPE_BYTES) || !strchr(type, '/'))
            return say(reason,
                       "'%.64s' is no media type in lower case without parameters, such as "
                       "application/vnd.example",
                       type);
        if (registry_is_probed_type(slice_from_text(type)))
            return say(reason, "'%s' means that the format is to be guessed: no format has it",
                       type);
    }
    return true;
}

bool parser_check(const struct parser *p, char reason[REGISTRY_REASON])
{
    if (!check_abi(p, reason) || !check_texts(p, reason) || !check_content_types(p, reason))
        return false;
    if ((unsigned)p->framing > PARSER_FRAMING_SYSLOG)
        return say(reason, "it has no framing that this program knows");
    if (!p->parse)
        return say(reason, "it has no function parse");
    return true;
}
