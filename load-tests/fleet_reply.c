/* Reads the replies of the server under test. Pure. It trusts nothing it reads, but is no general
 * HTTP client: no chunked bodies, no trailers. */
#include "fleet_reply.h"

#include <string.h>
#include <strings.h>

enum { BODY_MAX = 4 << 20, HEAD_MAX = 16384 };

/* A line or a part of one; not terminated. */
struct text {
    const char *data;
    size_t size;
};

static bool read_number(struct text text, uint64_t *number)
{
    uint64_t value = 0;
    if (text.size == 0 || text.size > 18)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *number = value;
    return true;
}

static bool read_status_line(struct fleet_reply *reply, struct text line)
{
    if (line.size < 12 || memcmp(line.data, "HTTP/1.", 7) != 0 || line.data[8] != ' ')
        return false;
    for (int i = 9; i < 12; i++) {
        if (line.data[i] < '0' || line.data[i] > '9')
            return false;
        reply->status = reply->status * 10 + (line.data[i] - '0');
    }
    reply->close = line.data[7] == '0';
    return true;
}

static bool is(struct text text, const char *word)
{
    return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

static struct text trimmed(struct text text)
{
    while (text.size > 0 && (*text.data == ' ' || *text.data == '\t'))
        text.data++, text.size--;
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* Compares lengths first: most names are not among these. */
static bool read_header(struct fleet_reply *reply, struct text line)
{
    const char *colon = memchr(line.data, ':', line.size);
    if (colon == NULL)
        return false;
    struct text name = {line.data, (size_t)(colon - line.data)};
    struct text value = trimmed((struct text){colon + 1, line.size - name.size - 1});
    uint64_t seconds = 0;
    if (name.size == 14 && is(name, "Content-Length"))
        return reply->has_length = read_number(value, &reply->length);
    if (name.size == 17 && is(name, "Transfer-Encoding"))
        return false;
    if (name.size == 10 && is(name, "Connection"))
        reply->close = reply->close || is(value, "close");
    else if (name.size == 11 && is(name, "Retry-After") && read_number(value, &seconds))
        reply->retry_after_s = seconds < 3600 ? (uint32_t)seconds : 3600;
    return true;
}

/* Replies with these codes have no body, whatever their headers say (RFC 9112 section 6.3). */
static bool has_no_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

/* Reads lines up to the empty one; *used counts them. */
static enum fleet_reply_state read_head(struct fleet_reply *reply, const char *data, size_t bytes,
                                        size_t *used)
{
    *reply = (struct fleet_reply){0};
    for (size_t at = 0; at < bytes;) {
        const char *end = memchr(data + at, '\n', bytes - at);
        if (end == NULL)
            break;
        struct text line = {data + at, (size_t)(end - data) - at};
        at += line.size + 1;
        if (line.size > 0 && line.data[line.size - 1] == '\r')
            line.size--;
        bool first = reply->status == 0;
        if (!first && line.size == 0) {
            *used = at;
            return FLEET_REPLY_DONE;
        }
        if (at > HEAD_MAX || !(first ? read_status_line : read_header)(reply, line))
            return FLEET_REPLY_BROKEN;
    }
    return bytes > HEAD_MAX ? FLEET_REPLY_BROKEN : FLEET_REPLY_MORE;
}

static enum fleet_reply_state read_body(struct fleet_reply *reply, const char *data, size_t bytes,
                                        bool closed)
{
    if (has_no_body(reply->status)) {
        reply->has_length = true;
        reply->length = 0;
    }
    if (bytes > BODY_MAX || (reply->has_length && reply->length > BODY_MAX))
        return FLEET_REPLY_BROKEN;
    if (reply->has_length ? bytes < reply->length : !closed)
        return FLEET_REPLY_MORE;
    reply->close = reply->close || !reply->has_length;
    reply->body = data;
    reply->body_bytes = reply->has_length ? (size_t)reply->length : bytes;
    return FLEET_REPLY_DONE;
}

enum fleet_reply_state fleet_reply_read(struct fleet_reply *reply, const char *data, size_t bytes,
                                        bool closed, size_t *used)
{
    enum fleet_reply_state state;
    size_t start = 0, head = 0;
    while ((state = read_head(reply, data + start, bytes - start, &head)) == FLEET_REPLY_DONE) {
        start += head;
        if (reply->status >= 200)
            break;
    }
    if (state == FLEET_REPLY_DONE)
        state = read_body(reply, data + start, bytes - start, closed);
    if (state == FLEET_REPLY_MORE && closed)
        return FLEET_REPLY_BROKEN;
    *used = start + reply->body_bytes;
    return state;
}
