/* cmd_serve.c: `vsocd serve`: reads the settings and runs the server in the foreground. */
#include "server/app.h"
#include "server/command.h"
#include "server/config_cli.h"

#include <malloc.h>

/* Blocks of this size and more go back to the kernel when they are freed. */
#define LARGE_BLOCK_BYTES (16 << 20)
/* Free memory at the heap's end that is kept. */
#define HEAP_KEPT_BYTES (64 << 20)

/* librdkafka and the request path take and free buffers of 100 KiB to some MiB all the time; with
 * glibc's defaults each of them is mapped, cleared page by page and unmapped again, which is a
 * tenth of the CPU time with the Kafka sink on. */
static void keep_freed_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES);
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
}

int cmd_serve(int argc, char **argv)
{
    struct config_cli cli;
    struct config *config = NULL;
    int status = config_cli_load(argc, argv, NULL, &cli, &config);
    if (status != EXIT_DONE)
        return status;
    keep_freed_memory();
    struct app_source source = {cli.path, cli.sets, cli.set_count};
    return app_run(config, &source);
}
