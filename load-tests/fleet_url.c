/* Takes a URL apart. Pure; runs on any thread. It does not resolve names or decode percent signs.
 */
#include "fleet_url.h"

#include <string.h>

/* Copies authority and path, one zero between them: "host:port\0/path\0". */
static char *split_path(struct fleet_url *url, const char *rest)
{
    size_t authority = strcspn(rest, "/"), size = strlen(rest);
    if (size + 2 > sizeof url->buffer)
        return NULL;
    char *path = url->buffer + authority + 1;
    memcpy(url->buffer, rest, authority);
    url->buffer[authority] = '\0';
    memcpy(path, rest + authority, size - authority + 1);
    url->path = *path != '\0' && strcmp(path, "/") != 0 ? path : "/v1/events";
    return url->buffer;
}

/* Cuts brackets and port off the authority. */
static bool split_authority(struct fleet_url *url, char *authority)
{
    char *after_host = authority;
    url->host = authority;
    if (*authority == '[') {
        after_host = strchr(authority, ']');
        if (after_host == NULL)
            return false;
        *after_host++ = '\0';
        url->host = authority + 1;
    }
    char *colon = strchr(after_host, ':');
    url->port = url->tls ? "443" : "80";
    if (colon != NULL) {
        *colon = '\0';
        url->port = colon + 1;
    }
    return *url->host != '\0' && *url->port != '\0';
}

bool fleet_url_read(const char *text, struct fleet_url *url)
{
    url->tls = strncmp(text, "https://", 8) == 0;
    if (!url->tls && strncmp(text, "http://", 7) != 0)
        return false;
    char *authority = split_path(url, text + (url->tls ? 8 : 7));
    return authority != NULL && split_authority(url, authority);
}
