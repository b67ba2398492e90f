/* netfilter_line.c: log lines of Linux's packet filter (nf_log_syslog.c). Pure, any thread. The
 * prefix is text by the author of the rule: its words say whether the packet was dropped. */
#include "parsers/messages/netfilter_line.h"
#include "parsers/read/line_scan.h"

#define PREFIX_MAX 128

static bool has_word(struct slice prefix, const char *word)
{
    size_t size = strlen(word);
    for (size_t at = 0; at + size <= prefix.size; at++)
        if (slice_equal_nocase(slice_sub(prefix, at, size), word))
            return true;
    return false;
}

/* Abbreviations ("REJ", "DENY", "BLK") that authors of rules use. */
static void set_disposition(struct text_event *t, struct slice prefix)
{
    static const struct {
        const char *word, *disposition;
    } words[] = {{"drop", "dropped"},   {"block", "blocked"},  {"reject", "blocked"},
                 {"deny", "blocked"},   {"denied", "blocked"}, {"refuse", "blocked"},
                 {"accept", "allowed"}, {"allow", "allowed"},  {"pass", "allowed"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (has_word(prefix, words[i].word)) {
            (void)text_event_set(t, EVENT_disposition, slice_from_text(words[i].disposition));
            return;
        }
}

static void take_pair(struct text_event *t, struct slice key, struct slice value)
{
    bool is_whole = false, is_taken = false;
    if (slice_equal_text(key, "SRC"))
        is_taken = text_event_find_address(t, EVENT_src_ip, value);
    else if (slice_equal_text(key, "DST"))
        is_taken = text_event_find_address(t, EVENT_dst_ip, value);
    else if (slice_equal_text(key, "SPT"))
        is_taken = text_event_set_decimal(t, EVENT_src_port, value);
    else if (slice_equal_text(key, "DPT"))
        is_taken = text_event_set_decimal(t, EVENT_dst_port, value);
    else if (slice_equal_text(key, "PROTO"))
        is_taken = text_event_set_transport(t, value, &is_whole) && is_whole;
    else if (slice_equal_text(key, "VID") || slice_equal_text(key, "VLAN"))
        is_taken = text_event_set_decimal(t, EVENT_vlan_id, value);
    if (!is_taken)
        text_event_keep(t, key, value);
}

/* Offset of the pairs: at IN=, or at SRC= in a shorter form. */
static size_t start_of(struct slice message)
{
    static const char *const heads[] = {"IN=", "OUT=", "SRC="};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        size_t behind = line_find(message, heads[i]), at = behind - strlen(heads[i]);
        if (behind && (at == 0 || message.data[at - 1] == ' ' || message.data[at - 1] == ':' ||
                       message.data[at - 1] == ']'))
            return at;
    }
    return message.size;
}

bool netfilter_line_read(struct text_event *t, struct slice message)
{
    size_t start = start_of(message);
    struct slice pairs = slice_sub(message, start, message.size),
                 prefix = slice_sub(message, 0, start);
    if (start > PREFIX_MAX || !line_find(pairs, "SRC=") || !line_find(pairs, " DST="))
        return false;
    /* An ICMP error contains the packet that caused it in brackets: skip that one. */
    while (pairs.size && pairs.data[0] != '[') {
        struct slice word = line_until(&pairs, ' '), key = line_until(&word, '=');
        if (word.size)
            take_pair(t, key, word);
    }
    text_event_keep(t, SLICE_LITERAL("prefix"), slice_trim(prefix));
    set_disposition(t, prefix);
    (void)text_event_set(t, EVENT_event_category, SLICE_LITERAL("network_filter"));
    event_mark_guess(&t->event, EVENT_event_category);
    return true;
}
