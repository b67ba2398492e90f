/* cmd_version.c: `vsocd version`. */
#include "server/commands/command.h"

#include <stdio.h>

int cmd_version(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return command_wrong("version", "it takes no arguments");
    puts("vsocd " VSOCD_VERSION);
    return EXIT_DONE;
}
