/* Finds the end of an HTTP answer. It checks no more than a peer that is known to speak HTTP needs.
 */
#include "send_reply.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void send_reply_start(struct send_reply *reply)
{
    reply->held = 0;
}

/* The value of a header between the first line and `end`, or NULL. */
static const char *header(const char *head, const char *end, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL && line < end;
         line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':')
            return line + 3 + length;
    }
    return NULL;
}

static bool is_whole(const struct send_reply *reply, const char *end, int status)
{
    const char *body = end + 4, *length = header(reply->bytes, end, "Content-Length");
    size_t held = reply->held - (size_t)(body - reply->bytes);
    if (status == 204 || status == 304)
        return true;
    if (length != NULL)
        return held >= strtoul(length, NULL, 10);
    if (header(reply->bytes, end, "Transfer-Encoding") == NULL)
        return false; /* ends with the connection: the caller sees it close */
    return held >= 5 && memcmp(body + held - 5, "0\r\n\r\n", 5) == 0;
}

int send_reply_feed(struct send_reply *reply, const char *bytes, size_t count)
{
    if (count > SEND_REPLY_BYTES - reply->held)
        return SEND_REPLY_BAD;
    memcpy(reply->bytes + reply->held, bytes, count);
    reply->held += count;
    reply->bytes[reply->held] = '\0';
    const char *end = strstr(reply->bytes, "\r\n\r\n");
    if (end == NULL)
        return SEND_REPLY_MORE;
    int status = reply->held > 12 && memcmp(reply->bytes, "HTTP/1.", 7) == 0
                     ? (int)strtol(reply->bytes + 9, NULL, 10)
                     : SEND_REPLY_BAD;
    if (status < 100)
        return SEND_REPLY_BAD;
    return is_whole(reply, end, status) ? status : SEND_REPLY_MORE;
}
