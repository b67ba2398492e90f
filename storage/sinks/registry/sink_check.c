/* sink_check.c: the rules of storage/sink.h that a plug-in can break and the compiler does not see.
 * Pure, any thread. */
#include "storage/sinks/registry/sink_check.h"

#include <stdarg.h>
#include <stdio.h>

#include "storage/sinks/registry/sink_registry.h"
#include "storage/sinks/sink_runner.h"

#define NAME_MAX_BYTES    16
#define VERSION_MAX_BYTES 32
#define SETTING_MAX_BYTES 32
#define SETTINGS_MAX      64
#define LOAD_EVENTS_MAX   1000000u
#define LOAD_BYTES_MAX    (UINT64_C(1) << 30)
#define FILES_MAX         4096u
#define LOAD_INTERVAL_MAX INT64_C(60000000000)

__attribute__((format(printf, 2, 3))) static bool say(char reason[SINK_CHECK_REASON],
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, SINK_CHECK_REASON, format, args);
    va_end(args);
    return false;
}

static bool check_abi(const struct sink *s, char reason[SINK_CHECK_REASON])
{
    if (s->abi_version != VSOC_SINK_ABI)
        return say(reason,
                   "it is built for sink ABI %u, this program has %u: build it with this program's "
                   "headers",
                   s->abi_version, VSOC_SINK_ABI);
    if (s->struct_size != sizeof *s)
        return say(reason,
                   "its struct sink has %u bytes, this program's %zu: build it with this program's "
                   "headers",
                   s->struct_size, sizeof *s);
    if (s->event_abi != VSOC_EVENT_ABI || s->event_size != sizeof(struct event))
        return say(reason,
                   "it is built for event ABI %u with events of %u bytes, this program has %u with "
                   "%zu: build it with this program's headers",
                   s->event_abi, s->event_size, VSOC_EVENT_ABI, sizeof(struct event));
    return true;
}

/* Lower-case letters, digits and what is allowed, 1 to max of them. */
static bool is_made_of(const char *text, const char *allowed, size_t max)
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

static bool check_texts(const struct sink *s, char reason[SINK_CHECK_REASON])
{
    static const char *const levels[] = {"spool", "all", "off", "none"}; /* of VSOC-Ack, hec.ack */
    if (!is_made_of(s->name, "_", NAME_MAX_BYTES))
        return say(reason, "its name must be 1 to %d of a-z, 0-9 and _", NAME_MAX_BYTES);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (!strcmp(s->name, levels[i]))
            return say(reason, "its name may not be '%s'", s->name);
    if (sink_by_name(slice_from_text(s->name)))
        return say(reason, "its name '%s' is a built-in sink's", s->name);
    if (!is_made_of(s->version, ".-+ABCDEFGHIJKLMNOPQRSTUVWXYZ", VERSION_MAX_BYTES))
        return say(reason, "its version must be a semantic version of up to %d bytes",
                   VERSION_MAX_BYTES);
    if (!s->description || !*s->description)
        return say(reason, "it has no description");
    return true;
}

static bool check_settings(const struct sink *s, char reason[SINK_CHECK_REASON])
{
    for (size_t i = 0; s->settings && s->settings[i].key; i++) {
        const struct sink_setting_row *row = &s->settings[i];
        if (i == SETTINGS_MAX)
            return say(reason, "it has more than %d settings", SETTINGS_MAX);
        if (!is_made_of(row->key, "_", SETTING_MAX_BYTES))
            return say(reason, "key %zu of its settings must be 1 to %d of a-z, 0-9 and _", i + 1,
                       SETTING_MAX_BYTES);
        if (!row->help || !*row->help)
            return say(reason, "its setting '%s' has no help", row->key);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(row->key, s->settings[j].key))
                return say(reason, "it has the setting '%s' twice", row->key);
    }
    return true;
}

bool sink_check(const struct sink *s, char reason[SINK_CHECK_REASON])
{
    if (!check_abi(s, reason) || !check_texts(s, reason) || !check_settings(s, reason))
        return false;
    if (!s->open || !s->connect || !s->deliver || !s->close)
        return say(reason, "it lacks one of the functions open, connect, deliver and close");
    return true;
}

bool sink_check_limits(const struct sink_limits *l, char reason[SINK_CHECK_REASON])
{
    if (l->lanes < 1 || l->lanes > SINK_LANES_MAX)
        return say(reason, "it asks for %u lanes, 1 to %d are possible", l->lanes, SINK_LANES_MAX);
    if (l->load_events < 1 || l->load_events > LOAD_EVENTS_MAX || l->load_bytes < 1 ||
        l->load_bytes > LOAD_BYTES_MAX)
        return say(reason,
                   "it asks for loads of %u events and %llu bytes, 1 to %u and %llu are "
                   "possible",
                   l->load_events, (unsigned long long)l->load_bytes, LOAD_EVENTS_MAX,
                   (unsigned long long)LOAD_BYTES_MAX);
    if (l->files > FILES_MAX)
        return say(reason, "it asks for %u open files, 0 to %u are possible", l->files, FILES_MAX);
    if (l->load_interval_ns < 0 || l->load_interval_ns > LOAD_INTERVAL_MAX)
        return say(reason, "it asks for an interval of %lld ns, 0 to 60 s are possible",
                   (long long)l->load_interval_ns);
    return true;
}
