/* Reads the replies of the server under test. Runs on the generator's only thread. It trusts
 * nothing it reads, but is no general HTTP client: no chunked bodies, no trailers. */
#include "fleet_reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BODY_MAX = 4 << 20, LINE_MAX_BYTES = 16384 };

void fleet_reply_init(struct fleet_reply *reply)
{
    *reply = (struct fleet_reply){0};
}

void fleet_reply_fini(struct fleet_reply *reply)
{
    free(reply->body);
    fleet_reply_init(reply);
}

static bool read_number(const char *text, uint64_t *number)
{
    char *end = NULL;
    if (*text < '0' || *text > '9')
        return false;
    *number = strtoull(text, &end, 10);
    return end[strspn(end, " \t")] == '\0';
}

static bool read_status_line(struct fleet_reply *reply, const char *line)
{
    if (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12 || line[8] != ' ')
        return false;
    for (int i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9')
            return false;
        reply->status = reply->status * 10 + (line[i] - '0');
    }
    reply->close = line[7] == '0';
    return true;
}

static bool read_header(struct fleet_reply *reply, const char *line)
{
    const char *colon = strchr(line, ':');
    if (colon == NULL)
        return false;
    size_t name = (size_t)(colon - line);
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    uint64_t seconds = 0;
    if (name == 14 && strncasecmp(line, "Content-Length", name) == 0)
        return reply->has_length = read_number(value, &reply->length);
    if (name == 17 && strncasecmp(line, "Transfer-Encoding", name) == 0)
        return false;
    if (name == 10 && strncasecmp(line, "Connection", name) == 0)
        reply->close = reply->close || strcasecmp(value, "close") == 0;
    else if (name == 11 && strncasecmp(line, "Retry-After", name) == 0 &&
             read_number(value, &seconds))
        reply->retry_after_s = seconds < 3600 ? (uint32_t)seconds : 3600;
    return true;
}

/* Replies with these codes have no body, whatever their headers say (RFC 9112 section 6.3). */
static bool has_no_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

/* An empty line ended the head: start over after an interim reply, else the body begins. */
static void end_head(struct fleet_reply *reply)
{
    if (reply->status < 200) {
        fleet_reply_init(reply);
        return;
    }
    reply->head_done = true;
    if (has_no_body(reply->status)) {
        reply->has_length = true;
        reply->length = 0;
    }
}

static enum fleet_reply_state read_head(struct fleet_reply *reply, struct evbuffer *in)
{
    while (!reply->head_done) {
        char *line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF);
        if (line == NULL)
            return evbuffer_get_length(in) > LINE_MAX_BYTES ? FLEET_REPLY_BROKEN : FLEET_REPLY_MORE;
        bool good = true;
        if (reply->status == 0)
            good = read_status_line(reply, line);
        else if (*line == '\0')
            end_head(reply);
        else
            good = read_header(reply, line);
        free(line);
        if (!good)
            return FLEET_REPLY_BROKEN;
    }
    return FLEET_REPLY_DONE;
}

/* Moves `size` bytes from the buffer into the reply's body. */
static enum fleet_reply_state take_body(struct fleet_reply *reply, struct evbuffer *in, size_t size)
{
    reply->body = malloc(size + 1);
    if (reply->body == NULL)
        return FLEET_REPLY_BROKEN;
    reply->body_bytes = (size_t)evbuffer_remove(in, reply->body, size);
    reply->body[reply->body_bytes] = '\0';
    return FLEET_REPLY_DONE;
}

enum fleet_reply_state fleet_reply_read(struct fleet_reply *reply, struct evbuffer *in)
{
    enum fleet_reply_state state = read_head(reply, in);
    if (state != FLEET_REPLY_DONE)
        return state;
    size_t there = evbuffer_get_length(in);
    if (there > BODY_MAX || (reply->has_length && reply->length > BODY_MAX))
        return FLEET_REPLY_BROKEN;
    if (!reply->has_length || there < reply->length)
        return FLEET_REPLY_MORE;
    return take_body(reply, in, (size_t)reply->length);
}

enum fleet_reply_state fleet_reply_end(struct fleet_reply *reply, struct evbuffer *in)
{
    if (!reply->head_done || reply->has_length)
        return FLEET_REPLY_BROKEN;
    reply->close = true;
    return take_body(reply, in, evbuffer_get_length(in));
}
