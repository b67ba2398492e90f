/* syslog_tag.c: finds the tag, or the record of another format, at the head of a message. Pure, any
 * thread. */
#include "parsers/formats/syslog/syslog_tag.h"
#include "parsers/formats/syslog/syslog_word.h"

bool syslog_starts_record(struct slice s)
{
    if (!s.size || (s.data[0] != 'C' && s.data[0] != 'L'))
        return false;
    if (slice_starts_with(s, "CEF:"))
        return s.size > 4 && (syslog_is_digit(s.data[4]) || s.data[4] == ' ' ||
                              slice_starts_with(syslog_from(s, 4), "CEF:"));
    return slice_starts_with(s, "LEEF:1") || slice_starts_with(s, "LEEF:2") ||
           slice_starts_with(s, "LEEF:LEEF:");
}

bool syslog_carries(struct slice message)
{
    return slice_starts_with(message, "{") || slice_starts_with(message, "type=") ||
           slice_starts_with(message, "node=") || syslog_starts_record(message);
}

#define TAG_MAX 64

static bool is_tag_character(uint8_t c)
{
    return (c > 32 && c < 127 && c != ':' && c != '[' && c != ']' && c != '"' && c != '=') ||
           c >= 128;
}

size_t syslog_tag_read(struct slice s, struct syslog_line *out)
{
    size_t n = 0, end;
    if (syslog_carries(s))
        return 0;
    while (n < s.size && n < TAG_MAX && is_tag_character(s.data[n]))
        n++;
    end = n;
    if (n && end < s.size && s.data[end] == '[') {
        const uint8_t *close = memchr(s.data + end, ']', s.size - end);
        if (!close || (size_t)(close - s.data) - end > TAG_MAX)
            return 0;
        end = (size_t)(close - s.data) + 1;
    }
    if (!n || end >= s.size || s.data[end] != ':')
        return 0;
    if (end + 1 < s.size && s.data[end + 1] != ' ' && end == n)
        return 0; /* a:b is a word, as in an address */
    out->app = slice_sub(s, 0, n);
    if (end > n)
        out->procid = slice_sub(s, n + 1, end - n - 2);
    return end + 1;
}
