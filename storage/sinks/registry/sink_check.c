/* sink_check.c: checks the rules of storage/sink.h that the compiler can't check in a plug-in.
 * Pure, any thread. */
#include "storage/sinks/registry/sink_check.h"

#include "core/plugin/plugin_rules.h"
#include "storage/sinks/registry/sink_registry.h"
#include "storage/sinks/sink_runner.h"

_Static_assert(SINK_CHECK_REASON == PLUGIN_RULE_REASON, "sentences fit");

#define NAME_MAX_BYTES    16
#define SETTING_MAX_BYTES 32
#define SETTINGS_MAX      64
#define LOAD_EVENTS_MAX   1000000u
#define LOAD_BYTES_MAX    (UINT64_C(1) << 30)
#define FILES_MAX         4096u
#define LOAD_INTERVAL_MAX INT64_C(60000000000)

static bool check_abi(const struct sink *s, char reason[SINK_CHECK_REASON])
{
    const struct plugin_abi its = {s->abi_version, s->struct_size, s->event_abi, s->event_size};
    const struct plugin_abi ours = {VSOC_SINK_ABI, sizeof *s, VSOC_EVENT_ABI, sizeof(struct event)};
    return plugin_rule_abi("sink", &its, &ours, reason);
}

static bool check_texts(const struct sink *s, char reason[SINK_CHECK_REASON])
{
    static const char *const levels[] = {"spool", "all", "off", "none"}; /* of VSOC-Ack, hec.ack */
    if (!plugin_rule_texts(s->name, NAME_MAX_BYTES, s->version, s->description, reason))
        return false;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (!strcmp(s->name, levels[i]))
            return plugin_rule_broken(reason, "its name may not be '%s'", s->name);
    if (sink_by_name(slice_from_text(s->name)))
        return plugin_rule_broken(reason, "its name '%s' is a built-in sink's", s->name);
    return true;
}

static bool check_settings(const struct sink *s, char reason[SINK_CHECK_REASON])
{
    for (size_t i = 0; s->settings && s->settings[i].key; i++) {
        const struct sink_setting_row *row = &s->settings[i];
        if (i == SETTINGS_MAX)
            return plugin_rule_broken(reason, "it has more than %d settings", SETTINGS_MAX);
        if (!plugin_rule_made_of(row->key, "_", SETTING_MAX_BYTES))
            return plugin_rule_broken(reason,
                                      "key %zu of its settings must be 1 to %d of a-z, 0-9 and _",
                                      i + 1, SETTING_MAX_BYTES);
        if (!row->help || !*row->help)
            return plugin_rule_broken(reason, "its setting '%s' has no help", row->key);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(row->key, s->settings[j].key))
                return plugin_rule_broken(reason, "it has the setting '%s' twice", row->key);
    }
    return true;
}

bool sink_check(const struct sink *s, char reason[SINK_CHECK_REASON])
{
    if (!check_abi(s, reason) || !check_texts(s, reason) || !check_settings(s, reason))
        return false;
    if (!s->open || !s->connect || !s->deliver || !s->close)
        return plugin_rule_broken(
            reason, "one of the functions open, connect, deliver and close is missing");
    return true;
}

bool sink_check_limits(const struct sink_limits *l, char reason[SINK_CHECK_REASON])
{
    if (l->lanes < 1 || l->lanes > SINK_LANES_MAX)
        return plugin_rule_broken(reason, "it requests %u lanes, 1 to %d are possible", l->lanes,
                                  SINK_LANES_MAX);
    if (l->load_events < 1 || l->load_events > LOAD_EVENTS_MAX || l->load_bytes < 1 ||
        l->load_bytes > LOAD_BYTES_MAX)
        return plugin_rule_broken(
            reason,
            "it requests loads of %u events and %llu bytes, 1 to %u and %llu are "
            "possible",
            l->load_events, (unsigned long long)l->load_bytes, LOAD_EVENTS_MAX,
            (unsigned long long)LOAD_BYTES_MAX);
    if (l->files > FILES_MAX)
        return plugin_rule_broken(reason, "it requests %u open files, 0 to %u are possible",
                                  l->files, FILES_MAX);
    if (l->load_interval_ns < 0 || l->load_interval_ns > LOAD_INTERVAL_MAX)
        return plugin_rule_broken(reason,
                                  "it requests an interval of %lld ns, 0 to 60 s are possible",
                                  (long long)l->load_interval_ns);
    return true;
}
