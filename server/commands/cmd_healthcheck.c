/* cmd_healthcheck.c: `vsocd healthcheck`: asks a running server whether it is ready. Main thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/commands/command.h"
#include "core/log/problem.h"
#include "server/client/http_client.h"

#define TIMEOUT_MS 3000

/* The admin listener's address from the environment; a listener on all addresses is probed on
 * loopback. */
static void default_url(char *url, size_t size)
{
    const char *address = getenv("VSOCD_LISTEN__ADMIN__ADDRESS");
    if (!address || !*address)
        address = "127.0.0.1:9600";
    if (!strncmp(address, "0.0.0.0:", 8))
        snprintf(url, size, "http://127.0.0.1:%s/readyz", address + 8);
    else if (!strncmp(address, "[::]:", 5))
        snprintf(url, size, "http://[::1]:%s/readyz", address + 5);
    else
        snprintf(url, size, "http://%s/readyz", address);
}

static int ask(const char *text)
{
    struct problem problem;
    struct http_url url;
    struct http_client *client = NULL;
    struct http_reply_seen reply = {0};
    if (http_url_parse(text, &url, &problem) != STATUS_OK) {
        fprintf(stderr, "vsocd healthcheck: %s: %s\n", text, problem.text);
        return EXIT_USAGE;
    }
    const struct http_client_options options = {.url = &url, .timeout_ms = TIMEOUT_MS};
    enum status status = http_client_create(&options, &client, &problem);
    if (status == STATUS_OK)
        status = http_client_request(client, "GET", url.path, "Connection: close\r\n", SLICE_EMPTY,
                                     &reply, &problem);
    if (status != STATUS_OK)
        fprintf(stderr, "vsocd healthcheck: %s: %s\n", text, problem.text);
    else if (reply.status != 200)
        fprintf(stderr, "vsocd healthcheck: %s answers %d: %.*s\n", text, reply.status,
                SLICE_ARGS(slice_trim(slice_sub(reply.body, 0, 400))));
    bool ready = status == STATUS_OK && reply.status == 200;
    http_client_destroy(client);
    return ready ? EXIT_DONE : EXIT_FAILED;
}

int cmd_healthcheck(int argc, char **argv)
{
    char url[1200];
    if (argc == 3 && !strcmp(argv[1], "--url"))
        return ask(argv[2]);
    if (argc == 2 && !strncmp(argv[1], "--url=", 6))
        return ask(argv[1] + 6);
    if (argc != 1)
        return command_wrong(argv[0], "it takes --url URL and nothing else");
    default_url(url, sizeof url);
    return ask(url);
}
