/* category_words.c: words in event names → category. Pure, any thread. The list is our own; a
 * catalogue row overrides the guess. */
#include "parsers/catalog/category_words.h"

#define NAME_MAX_ 256 /* searched */

/* Lower case; the first entry that occurs in the name counts. */
static const struct {
    const char *words, *category;
} table[] = {
    {"message authentication", "message_authentication"},
    {"secoc", "message_authentication"},
    {"mac verification", "message_authentication"},
    {"security access", "diagnostic_access"},
    {"diagnostic", "diagnostic_access"},
    {"doip", "diagnostic_access"},
    {"bus-off", "bus_error"},
    {"bus off", "bus_error"},
    {"error frame", "bus_error"},
    {"can id", "bus_anomaly"},
    {"can frame", "bus_anomaly"},
    {"bus load", "bus_anomaly"},
    {"bus flood", "bus_anomaly"},
    {"secure boot", "software_integrity"},
    {"signature verification", "software_integrity"},
    {"software update", "software_update"},
    {"firmware update", "software_update"},
    {"port scan", "network_anomaly"},
    {"portscan", "network_anomaly"},
    {"intrusion", "network_anomaly"},
    {"login", "authentication"},
    {"logon", "authentication"},
    {"logout", "authentication"},
    {"logoff", "authentication"},
    {"authentication", "authentication"},
    {"firewall", "network_filter"},
    {"packet dropped", "network_filter"},
    {"packet blocked", "network_filter"},
};

struct slice category_of_words(struct slice name)
{
    uint8_t lower[NAME_MAX_];
    name = slice_sub(name, 0, sizeof lower);
    for (size_t i = 0; i < name.size; i++)
        lower[i] = name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] + 32 : name.data[i];
    for (size_t i = 0; i < sizeof table / sizeof *table && name.size; i++)
        if (memmem(lower, name.size, table[i].words, strlen(table[i].words)))
            return slice_from_text(table[i].category);
    return SLICE_EMPTY;
}
