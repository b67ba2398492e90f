/* http_url.c: splits a URL for the small client. Any thread. */
#include "server/client/http_url.h"
#include "core/log/problem.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/slice.h"

static enum status wrong(struct problem *problem, const char *what)
{
    problem_say(problem, "%s", what);
    return STATUS_MALFORMED;
}

/* Printable ASCII without space, so that nothing can end the request line. */
static bool is_clean(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] <= 0x20 || s.data[i] >= 0x7f)
            return false;
    return true;
}

static enum status read_port(struct slice port, struct http_url *out, struct problem *problem)
{
    unsigned long v = 0;
    for (size_t i = 0; i < port.size; i++) {
        if (port.data[i] < '0' || port.data[i] > '9' || v > 65535)
            return wrong(problem, "the port must be a number from 1 to 65535");
        v = v * 10 + (port.data[i] - '0');
    }
    if (v == 0 || v > 65535)
        return wrong(problem, "the port must be a number from 1 to 65535");
    snprintf(out->port, sizeof out->port, "%lu", v);
    return STATUS_OK;
}

/* host, host:port, [IPv6] or [IPv6]:port */
static enum status read_authority(struct slice authority, struct http_url *out,
                                  struct problem *problem)
{
    struct slice host = authority, port = SLICE_EMPTY;
    if (memchr(authority.data, '@', authority.size))
        return wrong(problem, "a user name in the URL is not supported");
    bool bracket = authority.size && authority.data[0] == '[';
    const uint8_t *end = bracket ? memchr(authority.data, ']', authority.size)
                                 : memchr(authority.data, ':', authority.size);
    if (bracket && !end)
        return wrong(problem, "a ] is missing after the IPv6 address");
    if (end) {
        size_t size = (size_t)(end - authority.data);
        host =
            bracket ? slice_make(authority.data + 1, size - 1) : slice_make(authority.data, size);
        port = slice_sub(authority, size + bracket, authority.size);
    }
    if (port.size && port.data[0] != ':')
        return wrong(problem, "only :port may follow the IPv6 address");
    if (!host.size || host.size >= sizeof out->host)
        return wrong(problem, "the host is missing or too long");
    snprintf(out->host, sizeof out->host, "%.*s", SLICE_ARGS(host));
    if (port.size > 1)
        return read_port(slice_sub(port, 1, port.size), out, problem);
    snprintf(out->port, sizeof out->port, "%s", out->tls ? "443" : "80");
    return STATUS_OK;
}

enum status http_url_parse(const char *text, struct http_url *out, struct problem *problem)
{
    struct http_url url = {.tls = !strncmp(text, "https://", 8)};
    if (!url.tls && strncmp(text, "http://", 7) != 0)
        return wrong(problem, "a URL must start with http:// or https://");
    struct slice rest = slice_from_text(text + (url.tls ? 8 : 7));
    size_t size = strcspn((const char *)rest.data, "/?#");
    struct slice path = slice_sub(rest, size, rest.size);
    if (!is_clean(rest) || memchr(rest.data, '#', rest.size))
        return wrong(problem, "a URL must not contain spaces, #fragments or unescaped characters");
    enum status status = read_authority(slice_make(rest.data, size), &url, problem);
    if (status != STATUS_OK)
        return status;
    bool rooted = path.size && path.data[0] == '/';
    if (path.size + 2 > sizeof url.path)
        return wrong(problem, "the path is too long");
    snprintf(url.path, sizeof url.path, "%s%.*s", rooted ? "" : "/", SLICE_ARGS(path));
    *out = url;
    return STATUS_OK;
}
