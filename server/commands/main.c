/* main.c: the program: picks the subcommand. Runs on the main thread. Knows nothing of what they
 * do. */
#include "server/commands/command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_JEMALLOC
#include <jemalloc/jemalloc.h>

/* jemalloc's settings (its manual, TUNING); MALLOC_CONF in the environment goes over them. Requests
 * come in rushes and from many threads: what they took goes back to the kernel soon after, also
 * when nothing else is asked for. */
const char *malloc_conf = "background_thread:true,max_background_threads:1,dirty_decay_ms:500,"
                          "muzzy_decay_ms:0";
#endif

static int cmd_help(int argc, char **argv);

const struct command command_table[] = {
    {"serve", "-c FILE [--set KEY=VALUE]…", "run the server in the foreground; logs go to stderr",
     "SIGHUP reads the settings again; SIGTERM finishes what is in flight and stops; a second one "
     "stops now.\n"
     "Settings: `vsocd reference config`. What --set gives shows in the list of processes: name a "
     "file that holds a\nsecret instead, as sinks.postgres.dsn_file does.",
     cmd_serve},
    {"parse",
     "--format NAME [--plugin FILE] [--vin VIN] [--received TIME] [--framing none|u16|u32] "
     "[--header NAME:VALUE] [--catalog FILE] [--tenant NAME] [FILE]",
     "read records of one format, print events as NDJSON",
     "Events go to standard output, records that would be quarantined to standard error; exit 1 "
     "when there was one.\n"
     "--received is the receive time (RFC 3339, default now), --vin the vehicle of records that "
     "name none; --header is a header of the request, its name in lower case, as often as needed.\n"
     "--plugin loads a parser plug-in first (docs/plugins.md).\n"
     "--catalog lays an event catalogue over the built-in one (as often as there are files), "
     "--tenant "
     "says whose rows count.\n"
     "vehicle_pid is made with a key of zeros: it is not the server's.",
     cmd_parse},
    {"formats", "[--json] [-c FILE] [--set KEY=VALUE]…",
     "list the formats: names, versions, content types",
     "With settings also those of the plug-ins they name.", cmd_formats},
    {"migrate", "[-c FILE] [--set KEY=VALUE]… [--dry-run]",
     "bring the PostgreSQL schema up to date",
     "Applies the migrations that are missing, one transaction each; says what it does. A schema "
     "that "
     "is newer\nthan this program is refused. --dry-run only says what would be done. Run it as a "
     "user "
     "that may create\nthe schema; with the right to create roles it also makes vsoc_owner, "
     "vsoc_ingest, vsoc_analyst, vsoc_identity and vsoc_auditor. A DSN in --set shows in the list "
     "of "
     "processes:\none with a password goes into the file that sinks.postgres.dsn_file names.",
     cmd_migrate},
    {"check-config", "[-c FILE] [--set KEY=VALUE]… [--print]",
     "report every mistake in the settings, with line and column",
     "-c FILE          the settings; without it: defaults, environment and --set\n"
     "--set KEY=VALUE  one setting over the file, such as log.level=debug; it shows in the list of "
     "processes:\n                 a secret goes into a file, such as sinks.postgres.dsn_file\n"
     "--print          show the settings in force, secrets masked",
     cmd_check_config},
    {"healthcheck", "[--url URL]", "exit 0 when a running server is ready, else 1",
     "Default URL: /readyz of http://127.0.0.1:9600, or of the address in "
     "VSOCD_LISTEN__ADMIN__ADDRESS.",
     cmd_healthcheck},
    {"send", "--url URL [OPTION]… FILE…", "post files as batches until each is acknowledged",
     "--url URL          https://host:8443; without a path: /v1/events\n"
     "--format NAME      format of the files; without it the server guesses\n"
     "--framing u16|u32  length prefix of binary records\n"
     "--cert FILE, --key FILE, --ca FILE  PEM: certificate, its key, CAs that the server's comes "
     "from\n"
     "--token-file FILE  bearer token, for a sender without a certificate\n"
     "--token TOKEN      the same on the command line, where other users of this machine see it\n"
     "--ack LEVEL        spool (default), kafka, postgres or all: what to wait for\n"
     "--vehicle VIN      for formats whose records carry none\n"
     "--encoding CODING  gzip (default), zstd or identity\n"
     "--batch-bytes N, --batch-events N  largest batch: 4194304 bytes, 10000 records\n"
     "FILE - is standard input. Retries while the server is away or overloaded, until Ctrl-C, "
     "which\n"
     "prints the totals so far. Exit 0: everything was acknowledged and nothing was quarantined.\n"
     "A batch that is sent again counts once.",
     cmd_send},
    {"reference",
     "config|metrics|events|formats|mapping|refusals|record-codes|note-codes|handshakes|schema|"
     "schema-out|"
     "vsocd.8|vsocd.yaml.5",
     "print a manual page from the tables that the program runs on", NULL, cmd_reference},
    {"spool", "list|check|export|verify|replay DIR [--json] [--from N] [--to N] [OPTION]…",
     "inspect a spool, or deliver it to the sinks again, while the server runs or not",
     "DIR is data_dir or the spool directory in it. --from and --to are positions.\n\n"
     "  list    segments, positions, events, bytes, times, and evidence that was evicted\n"
     "  check   reads everything: damage with file and offset; exit status 1 if there is any\n"
     "  verify  recomputes digests and the hash chain, names the first record at which it breaks;\n"
     "          --expect POSITION=HASH (may be repeated) compares a chain hash that was noted\n"
     "          elsewhere: only that shows a spool that was rewritten with all hashes made right;\n"
     "          --reparse reads each body again and compares the events with those stored.\n"
     "          -c FILE and --set KEY=VALUE give its plug-ins, catalogues and limits as they\n"
     "          were at receipt. Not compared: vehicle, sender, times of the server, notes\n"
     "  export  events as NDJSON, quarantined records as {\"quarantine\":…}; --bodies DIR also\n"
     "          writes each batch's body as received\n"
     "  replay  puts the range through the sinks again: each gets what it lacks and nothing\n"
     "          twice, also while the server runs; may be stopped and called again. Options:\n"
     "          -c FILE, --set KEY=VALUE (settings), --sink NAME (only this one), --dry-run\n"
     "          (only count). What files lack goes to PATH.replay\n\n"
     "--json prints one JSON object (export is NDJSON anyway).",
     cmd_spool},
    {"identity", "explain CERT [-c FILE] [--set KEY=VALUE]…",
     "explain whether a handshake takes a client certificate under the settings, who it is, and "
     "why",
     "CERT is a PEM or DER file; of several certificates the first counts.\n"
     "Exit 0: it is a vehicle or a listed sender; 1: it is refused.",
     cmd_identity},
    {"token", "new|list|revoke [-c FILE] [--set KEY=VALUE]… [OPTION]…",
     "make, list and revoke the bearer tokens of senders that have no certificate",
     "The file is identity.tokens_file of the settings, or --file FILE. It holds salted hashes; a\n"
     "running server takes it within seconds.\n\n"
     "  new     --tenant NAME [--id ID] [--formats A,B] [--vehicles VIN,1M8*]\n"
     "          [--events-per-second N] [--burst N]\n"
     "          prints the token, once; without --formats it may send all, without --vehicles\n"
     "          for any vehicle of the tenant, without the quota that of\n"
     "          limits.sender_events_per_second holds\n"
     "  list    [--json]\n"
     "  revoke  --id ID: refused from now on; it stays in the list",
     cmd_token},
    {"version", "", "print the version", NULL, cmd_version},
    {"help", "[SUBCOMMAND]", "list the subcommands, or explain one", NULL, cmd_help},
    {NULL, NULL, NULL, NULL, NULL},
};

static const struct command *command_find(const char *name)
{
    for (const struct command *c = command_table; c->name; c++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

static void command_print(FILE *out, const struct command *c)
{
    fprintf(out, "usage: vsocd %s %s\n\n%s\n", c->name, c->usage, c->summary);
    if (c->help)
        fprintf(out, "\n%s\n", c->help);
}

int command_usage(const char *name)
{
    const struct command *c = command_find(name);
    if (c)
        command_print(stderr, c);
    return EXIT_USAGE;
}

int command_wrong(const char *name, const char *why)
{
    fprintf(stderr, "vsocd %s: %s\n", name, why);
    return command_usage(name);
}

static void print_overview(FILE *out)
{
    fputs("vsocd: log-ingestion server of a vehicle security operations centre\n\nusage: vsocd "
          "SUBCOMMAND …\n\n",
          out);
    for (const struct command *c = command_table; c->name; c++)
        fprintf(out, "  %-14s %s\n", c->name, c->summary);
    fputs("\n`vsocd help SUBCOMMAND` explains one.\n", out);
}

static int cmd_help(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stdout);
        return EXIT_DONE;
    }
    const struct command *c = command_find(argv[1]);
    if (!c) {
        fprintf(stderr, "vsocd: no subcommand '%s'; `vsocd help` lists them\n", argv[1]);
        return EXIT_USAGE;
    }
    command_print(stdout, c);
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    /* Both come as errno as well. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h"))
        name = "help";
    else if (!strcmp(name, "--version"))
        name = "version";
    const struct command *c = command_find(name);
    if (!c) {
        fprintf(stderr, "vsocd: no subcommand '%s'; `vsocd help` lists them\n", name);
        return EXIT_USAGE;
    }
    if (argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"))) {
        command_print(stdout, c);
        return EXIT_DONE;
    }
    return c->run(argc - 1, argv + 1);
}
