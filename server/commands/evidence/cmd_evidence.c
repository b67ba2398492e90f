/* cmd_evidence.c: `vsocd evidence`: selects the verb. Main thread. */
#include "server/commands/evidence/cmd_evidence.h"
#include "server/commands/command.h"

#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} verbs[] = {
    {"verify", evidence_verify},
    {"export", evidence_export},
    {"audit", evidence_audit},
    {"status", evidence_status},
    {"restart-tree", evidence_restart_tree},
};

int cmd_evidence(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(argv[1], verbs[i].name))
            return verbs[i].run(argc - 1, argv + 1);
    return command_wrong("evidence",
                         "say what to do: export, verify, audit, status or restart-tree");
}
