/* cmd_serve.c: `vsocd serve`: reads the settings and runs the server in the foreground. */
#include "server/daemon/app.h"
#include "server/commands/command.h"
#include "server/commands/config_cli.h"

int cmd_serve(int argc, char **argv)
{
    struct config_cli cli;
    struct config *config = NULL;
    int status = config_cli_load(argc, argv, NULL, &cli, &config);
    if (status != EXIT_DONE)
        return status;
    struct app_source source = {cli.path, cli.sets, cli.set_count};
    return app_run(config, &source);
}
