/* command.h: the subcommands of the program, one file each (cmd_*.c). All run on the main thread.
 */
#ifndef VSOC_SERVER_COMMAND_H
#define VSOC_SERVER_COMMAND_H

#include "core/exit_status.h"

struct command {
    const char *name;
    const char *usage;   /* arguments, one line */
    const char *summary; /* one sentence */
    const char *help;    /* options and notes, more lines; may be NULL */
    /* argv[0] is the subcommand's name. Returns an exit status. */
    int (*run)(int argc, char **argv);
};

/* All commands; a NULL name ends the list (main.c). */
extern const struct command command_table[];
/* Prints usage and help of a command to stderr, returns EXIT_USAGE. */
int command_usage(const char *name);
/* The same after a line with the error in the call. */
int command_wrong(const char *name, const char *why);

/* One file each. */
int cmd_archive(int argc, char **argv);
int cmd_evidence(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_formats(int argc, char **argv);
int cmd_hold(int argc, char **argv);
int cmd_identity(int argc, char **argv);
int cmd_key(int argc, char **argv);
int cmd_migrate(int argc, char **argv);
int cmd_parse(int argc, char **argv);
int cmd_send(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_signer(int argc, char **argv);
int cmd_check_config(int argc, char **argv);
int cmd_healthcheck(int argc, char **argv);
int cmd_reference(int argc, char **argv);
int cmd_spool(int argc, char **argv);
int cmd_token(int argc, char **argv);
int cmd_vehicle(int argc, char **argv);
int cmd_witness(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
