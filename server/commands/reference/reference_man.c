/* reference_man.c: vsocd(8) from the table of subcommands. Main thread. */
#include "core/writer.h"
#include "server/commands/command.h"
#include "server/commands/reference/reference.h"
#include "server/commands/reference/reference_text.h"

static void write_command(const struct command *c, struct writer *out)
{
    writer_format(out, ".It Ic %s\n.Dl \"vsocd %s%s", c->name, c->name, *c->usage ? " " : "");
    /* Inside the quotes, a backslash and a quote are special. */
    for (const char *p = c->usage; *p; p++) {
        if (*p == '"')
            writer_text(out, "\\(dq");
        else if ((unsigned char)*p == 0xe2 && !strncmp(p, "…", 3)) {
            writer_text(out, "...");
            p += 2;
        } else
            writer_u8(out, (uint8_t)*p);
    }
    writer_text(out, "\"\n");
    mdoc_text(out, c->summary);
    if (!c->help)
        return;
    writer_text(out, ".Pp\n");
    mdoc_literal(out, c->help);
}

void reference_man_program(struct writer *out)
{
    mdoc_head(out, "VSOCD", "8", "vsocd",
              "log-ingestion server of a vehicle security operations centre");
    writer_text(out, ".Sh SYNOPSIS\n.Nm\n.Ar subcommand\n.Op Ar argument ...\n.Sh DESCRIPTION\n");
    mdoc_text(out, "Fleets post batches of security events over HTTPS. vsocd authenticates the "
                   "sender, parses, normalises, makes the batch durable, answers, and delivers the "
                   "events to Kafka, PostgreSQL and files. A 200 means durable.");
    writer_text(out, ".Pp\nThe subcommands:\n.Bl -tag -width Ds\n");
    for (const struct command *c = command_table; c->name; c++)
        write_command(c, out);
    writer_text(out, ".El\n.Sh ENVIRONMENT\n");
    mdoc_text(out, "Every setting can be given in a variable: VSOCD_LISTEN__INGEST__ADDRESS is "
                   "listen.ingest.address.");
    writer_text(out, "See\n.Xr vsocd.yaml 5 .\n.Sh SIGNALS\n.Bl -tag -width SIGTERM\n"
                     ".It Dv SIGHUP\nreads the settings again; those that do not reload need a "
                     "restart.\n"
                     ".It Dv SIGTERM\nfinishes what is in flight and stops; a second one stops at "
                     "once.\n.El\n.Sh EXIT STATUS\n.Bl -tag -width Ds\n"
                     ".It 0\nDone.\n.It 1\nFailed, or found an error.\n.It 64\nUsage error.\n"
                     ".It 69\nA required service is unavailable.\n.It 70\nA bug.\n"
                     ".It 74\nThe disk failed.\n.It 78\nThe settings are wrong.\n.El\n"
                     ".Sh SEE ALSO\n.Xr vsocd.yaml 5\n");
}
