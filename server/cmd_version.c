/* cmd_version.c: `vsocd version`. */
#include "server/command.h"

#include <stdio.h>

int cmd_version(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return command_usage("version");
    puts("vsocd " VSOCD_VERSION);
    return EXIT_DONE;
}
