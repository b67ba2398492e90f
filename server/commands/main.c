/* main.c: the program: picks the subcommand. Runs on the main thread. Knows nothing of what they
 * do. */
#include "server/commands/command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_JEMALLOC
#include <jemalloc/jemalloc.h>

/* jemalloc's settings (its manual, TUNING); MALLOC_CONF in the environment overrides them. Requests
 * arrive in bursts and from many threads: their memory returns to the kernel soon after, also
 * when nothing else is allocated. */
const char *malloc_conf = "background_thread:true,max_background_threads:1,dirty_decay_ms:500,"
                          "muzzy_decay_ms:0";
#endif

static int cmd_help(int argc, char **argv);

const struct command command_table[] = {
    {"serve", "-c FILE [--set KEY=VALUE]…", "run the server in the foreground; logs go to stderr",
     "SIGHUP reloads the settings. SIGTERM finishes requests in flight and stops; a second one\n"
     "stops immediately.\n"
     "`vsocd reference config` lists the settings. Arguments of --set are visible in the process\n"
     "list: put secrets in files, for example with sinks.postgres.dsn_file.",
     cmd_serve},
    {"parse",
     "(--format NAME | --content-type TYPE) [--content-encoding CODING] [--plugin FILE] [--vin "
     "VIN] "
     "[--received TIME] [--framing none|u16|u32] [--header NAME:VALUE] [--catalog FILE] "
     "[--tenant NAME] [--set KEY=VALUE]… [FILE]",
     "read a body as the server would, print its events as NDJSON",
     "The body goes the way of a batch up to the spool, under the server's limits. Events go to\n"
     "standard output, and records that would be quarantined to standard error (exit status 1). A\n"
     "body that the server would refuse gives the status, code and reason of the answer (exit\n"
     "status 1). Repeats of other batches, quotas and the state of the spool play no part.\n"
     "--format names the format; --content-type selects it as the header would, and text/plain\n"
     "guesses it. --content-encoding is gzip, deflate or zstd. --set changes a setting, such as\n"
     "limits.batch_events.\n"
     "--received is the receive time (RFC 3339, default now), --vin the vehicle of records that\n"
     "name none. --header adds a request header, its name in lower case; it may be repeated.\n"
     "--plugin loads a parser plug-in first (docs/plugins.md).\n"
     "--catalog adds an event catalogue that overrides the built-in one; it may be repeated.\n"
     "--tenant selects the tenant whose catalogue rows apply.\n"
     "vehicle_pid is computed with a key of zeros and differs from the server's.",
     cmd_parse},
    {"formats", "[--json] [-c FILE] [--set KEY=VALUE]…",
     "list the formats: names, versions, content types",
     "With settings, also lists the formats of their plug-ins.", cmd_formats},
    {"migrate", "[-c FILE] [--set KEY=VALUE]… [--dry-run]",
     "bring the PostgreSQL schema up to date",
     "Applies the missing migrations, each in one transaction, and reports them. A schema that is\n"
     "newer than this program is refused. --dry-run only reports. Run it as a user that may "
     "create\n"
     "the schema; if the user may create roles, it also creates vsoc_owner, vsoc_ingest,\n"
     "vsoc_analyst, vsoc_identity and vsoc_auditor. Arguments of --set are visible in the process\n"
     "list: put a DSN with a password in the file that sinks.postgres.dsn_file names.",
     cmd_migrate},
    {"check-config", "[-c FILE] [--set KEY=VALUE]… [--print]",
     "report every mistake in the settings, with line and column",
     "-c FILE          settings file; without it: defaults, environment and --set\n"
     "--set KEY=VALUE  overrides one setting of the file, such as log.level=debug. It is visible "
     "in\n"
     "                 the process list: put secrets in files, such as sinks.postgres.dsn_file\n"
     "--print          print the effective settings, with secrets masked\n"
     "Contents of certificates and keys, sinks, plug-ins and catalogues are checked when the\n"
     "settings themselves have no mistake. Connects to nothing.",
     cmd_check_config},
    {"healthcheck", "[--url URL]", "exit 0 if a running server is ready, else 1",
     "Default URL: /readyz of http://127.0.0.1:9600, or of the address in "
     "VSOCD_LISTEN__ADMIN__ADDRESS.",
     cmd_healthcheck},
    {"send", "--url URL [OPTION]… FILE…", "post files as batches until each is acknowledged",
     "--url URL          https://host:8443; without a path: /v1/events\n"
     "--format NAME      format of the files; without it the server guesses\n"
     "--framing u16|u32  length prefix of binary records\n"
     "--cert FILE, --key FILE, --ca FILE  PEM: client certificate, its key, CAs of the server\n"
     "--token-file FILE  bearer token, for a sender without a certificate\n"
     "--token TOKEN      the same on the command line, where other users of this machine see it\n"
     "--ack LEVEL        level to wait for: spool (default), kafka, postgres or all\n"
     "--vehicle VIN      vehicle of records that name none\n"
     "--encoding CODING  gzip (default), zstd or identity\n"
     "--batch-bytes N, --batch-events N  largest batch: 4194304 bytes, 10000 records\n"
     "FILE - is standard input. Retries while the server is unavailable or overloaded, until\n"
     "Ctrl-C, which prints the totals so far. Exit status 0: everything was acknowledged and\n"
     "nothing was quarantined. A batch that is sent again counts once.",
     cmd_send},
    {"reference",
     "config|metrics|events|formats|mapping|refusals|record-codes|note-codes|handshakes|audit-"
     "kinds|"
     "audit-fields|schema|schema-audit|schema-out|vsocd.8|vsocd.yaml.5",
     "print a manual page generated from the program's tables", NULL, cmd_reference},
    {"archive",
     "list|verify|restore [URL] [-c FILE] [--set KEY=VALUE]… [--spool ID] [--to DATA_DIR] "
     "[--keys DIR] [--json]",
     "what an archive of evidence holds, whether it is whole, and a spool made from it",
     "URL is file:///folder or s3://bucket/prefix; without it, evidence.archive.url of the "
     "settings.\n\n"
     "  list     the archived segments: positions, records, bytes, times\n"
     "  verify   reads every object and compares it with its index; checks that the segments\n"
     "           follow each other; exit status 1 if anything is wrong\n"
     "  restore  writes the segments to DATA_DIR/spool, each checked; replaces nothing, and may\n"
     "           be stopped and repeated. Key areas come from DATA_DIR/evidence/keys, or from\n"
     "           keys/ in --keys DIR; a record whose keys are not there can't be opened\n\n"
     "--spool ID selects the spool if the archive holds several.",
     cmd_archive},
    {"hold", "add|list|release [-c FILE] [--set KEY=VALUE]… [OPTION]…",
     "legal holds: evidence that is not removed although its retention is over",
     "  add      --vehicle VIN [--tenant NAME], --pid PSEUDONYM, --batch ID, or --from TIME --to "
     "TIME\n"
     "           (of receipt); --reason TEXT; --until TIME: it ends by itself then. Prints its "
     "id.\n"
     "           It is in force on return, also for a running server\n"
     "  list     the holds in force, a JSON object each; --all also those that are over\n"
     "  release  --id ID --reason TEXT\n\n"
     "Retention and eviction keep the segment that holds a held batch, and all segments after it.\n"
     "Other users of this machine see a VIN on the command line: --pid takes the pseudonym.",
     cmd_hold},
    {"vehicle", "erase (--vehicle VIN|--pid PSEUDONYM) --reason TEXT [-c FILE] [OPTION]…",
     "erases a vehicle's batches in the spool by destroying their keys",
     "  --vehicle VIN    in all tenants, with every key of privacy.keys_file\n"
     "  --pid PSEUDONYM  vehicle_pid as the sinks have it, 64 hex digits\n"
     "  --tenant NAME    of records that only the archive has: look in this tenant, too\n"
     "  --reason TEXT    why\n"
     "  --set KEY=VALUE  a setting, such as data_dir\n"
     "  --dry-run        only counts; --json: one JSON object\n\n"
     "The server may run. Erased are events and bodies of the vehicle's batches that all sinks "
     "have;\n"
     "of a batch of several vehicles its part, and the body that they share. Header, chain and\n"
     "commitments stay: `vsocd spool verify` goes on to pass. Keys of archived records go, too.\n"
     "Batches under a legal hold stay. Exit status 1: something of the vehicle was left.\n"
     "Other users of this machine see a VIN on the command line: --pid takes the pseudonym.",
     cmd_vehicle},
    {"spool", "list|check|export|verify|replay DIR [--json] [--from N] [--to N] [OPTION]…",
     "inspect a spool, or deliver it to the sinks again, while the server runs or not",
     "DIR is data_dir or the spool directory in it, or the URL of an archive, file:///folder. "
     "Keys\n"
     "of archived records are looked for in --evidence DIR, the spool's data_dir/evidence "
     "(replay:\n"
     "that of the settings). --from and --to are positions.\n\n"
     "  list    segments, positions, events, bytes, times, and evidence that was evicted\n"
     "  check   reads everything: damage with file and offset; exit status 1 if there is any\n"
     "  verify  recomputes commitments and the hash chain, names the first record at which it\n"
     "          breaks. Commitments need the keys of the records (privacy.keys_file): --keys "
     "FILE,\n"
     "          -c FILE, or keys/vin.keys beside the spool;\n"
     "          --expect POSITION=HASH (may be repeated) compares a chain hash that was stored\n"
     "          elsewhere, --head FILE (may be repeated) a signed head that was: only these "
     "detect\n"
     "          a spool that was rewritten with recomputed hashes. A head also detects what is\n"
     "          missing at the end. --verifier KEY checks its signature (head.vkey, or the text);\n"
     "          --reparse parses each body again and compares the events with the stored ones.\n"
     "          -c FILE and --set KEY=VALUE give its plug-ins, catalogues and limits as they\n"
     "          were at receipt. Not compared: vehicle, sender, times of the server, notes\n"
     "  export  events as NDJSON, quarantined records as {\"quarantine\":…}; --bodies DIR also\n"
     "          writes each batch's body as received\n"
     "  replay  delivers the range to the sinks again: each gets what it does not have, and\n"
     "          nothing twice, also while the server runs; may be stopped and repeated. Options:\n"
     "          -c FILE, --set KEY=VALUE (settings), --sink NAME (only this one), --dry-run\n"
     "          (only count). The file sink writes missing lines to PATH.replay\n\n"
     "--json prints one JSON object (export is always NDJSON).",
     cmd_spool},
    {"evidence",
     "verify FILE… (--policy FILE | --log KEY) [--time-ca FILE] [--json] [--quiet] | "
     "export|audit -c FILE [OPTION]… | "
     "status|restart-tree (-c FILE [--set KEY=VALUE]… | DIR) [OPTION]…",
     "check evidence without the server that recorded it; show how it is kept and signed",
     "  verify  checks a bundle (docs/evidence-bundle.md): every byte of the archive, that each\n"
     "          record is in the log, that body, metadata and events are the ones recorded, and\n"
     "          that the export is in the log. --policy is a file with the keys of log and\n"
     "          witnesses that you trust (c2sp.org/tlog-policy), --log the verifier key of a log\n"
     "          without witnesses; get them from elsewhere than the bundle. --time-ca FILE: also\n"
     "          checks every time-stamp token; the file has the CAs of the authorities. --json\n"
     "          prints one object a file, --quiet no line for each record. Exit status 0: proven; "
     "1: not "
     "proven.\n"
     "  export  writes records as a bundle that anybody can check (docs/evidence-bundle.md), when\n"
     "          the export is in the log and under a signed head. -c FILE, -o FILE (a new one),\n"
     "          --reason TEXT, --by NAME, and what: --batch ID[,ID…], --vehicle VIN, --from TIME,\n"
     "          --to TIME (received, RFC 3339). --archive: also what only the archive of the\n"
     "          settings has. --policy FILE: the head must satisfy it; without\n"
     "          it, the log's signature is enough\n"
     "  audit   -c FILE: reads everything once: each record against its leaf and commitments,\n"
     "          the tree against its leaves, each head against the tree and its key. The result\n"
     "          becomes a record. May be interrupted and goes on there; --restart begins again.\n"
     "          The hash chain of the spool is checked by `vsocd spool verify`\n"
     "  status  records, oldest, days that fit at today's rate, newest signed head, its age and\n"
     "          cosignatures; --json prints one JSON object. DIR is data_dir; the server may run\n"
     "  restart-tree --reason TEXT\n"
     "          begins a tree under a new name (origin), because the server refuses to sign a\n"
     "          spool that was rolled back, replaced or changed. Only while the server is "
     "stopped.\n"
     "          Keeps the old tree, and the hashes that spool and old tree agree on",
     cmd_evidence},
    {"audit", "list|follow|verify [DIR] [-c FILE] [--set KEY=VALUE]… [OPTION]…",
     "read the audit log in a spool, while the server runs or not",
     "DIR is data_dir or the spool directory in it; without it, data_dir of the settings.\n\n"
     "  list    the records: time, position, kind, fields\n"
     "  follow  the same, and then each new one, until Ctrl-C\n"
     "  verify  the hash chain of the spool, of each record its id and its form, and all leaves\n"
     "          against the newest signed head in data_dir; exit status 1 if anything is wrong;\n"
     "          counts starts that followed a crash. --head FILE: also against a head that was\n"
     "          kept elsewhere; --verifier KEY checks its signature (head.vkey, or the text)\n\n"
     "--from, --to  a position, or a time such as 2026-11-22T10:15:02Z\n"
     "--kind NAME   only this kind: docs/audit.md lists them; retirement, key and clock, too\n"
     "--json        one JSON object a line",
     cmd_audit},
    {"identity", "explain CERT [-c FILE] [--set KEY=VALUE]…",
     "explain whether a handshake accepts a client certificate, who it is, and why",
     "CERT is a PEM or DER file; of several certificates the first one is explained.\n"
     "Exit status 0: a vehicle or a listed sender; 1: refused.",
     cmd_identity},
    {"token", "new|list|revoke [-c FILE] [--set KEY=VALUE]… [OPTION]…",
     "create, list and revoke the bearer tokens of senders without a certificate",
     "The file is identity.tokens_file of the settings, or --file FILE. It holds salted hashes; a\n"
     "running server reloads it within seconds.\n\n"
     "  new     --tenant NAME [--id ID] [--formats A,B] [--vehicles VIN,1M8*]\n"
     "          [--events-per-second N] [--burst N]\n"
     "          prints the token, once. Defaults: all formats; any vehicle of the tenant; the\n"
     "          quota of limits.sender_events_per_second\n"
     "  list    [--json]\n"
     "  revoke  --id ID: refused from now on; it stays in the list\n\n"
     "With -c FILE, new and revoke are recorded in the audit log of that server first.",
     cmd_token},
    {"key", "new evidence|witness --name NAME --out FILE [-c FILE] | show FILE | list FOLDER",
     "create and show the keys that sign heads of the evidence tree, and cosignatures of a witness",
     "A key is a line of text, as the Go package sumdb/note reads it. Its file (mode 0600) holds "
     "the\n"
     "secret; what is printed is the verifier key, which anybody may know.\n\n"
     "  new     evidence: NAME is the origin of the tree, such as vsoc.example.com/spool-1;\n"
     "          witness: the name of the witness. Never overwrites a file. With -c FILE it is\n"
     "          recorded in the audit log of that server first\n"
     "  show    the verifier key of a file\n"
     "  list    the files *.key of a folder: purpose, id, name, file",
     cmd_key},
    {"signer",
     "--key FILE|URI --state FOLDER [--socket PATH] [--origin NAME] [--peer USER]… [--first]",
     "hold the key that signs heads of the tree in a process of its own",
     "The server asks it through evidence.signer. It signs a head only if it continues the one "
     "that\n"
     "it signed last, so that who controls the server can't fork the log or roll it back.\n\n"
     "--key FILE|URI   file of `vsocd key new evidence`, or a key in a PKCS#11 token:\n"
     "                 pkcs11:token=NAME;object=NAME?module-path=FILE&pin-source=file:FILE\n"
     "--origin NAME    origin of the tree, for a key in a token\n"
     "--state FOLDER   what was signed last; keep it with the key. It is durable before a\n"
     "                 signature is given\n"
     "--socket PATH    unix socket to listen at, mode 0660; without it, the one that systemd "
     "passes\n"
     "--peer USER      user (name or number) of the server; may be repeated; default: this user.\n"
     "                 Processes of other users are refused, root's too\n"
     "--first          the key has never signed: creates the state, which must not exist\n"
     "SIGTERM stops it.",
     cmd_signer},
    {"witness", "--state DIR --log KEY|FILE… [--name NAME] [OPTION]…",
     "confirm for others that the log of a server only grows",
     "A server that keeps a transparency log signs its state every second. A witness runs on\n"
     "somebody else's machine, remembers the last state it has confirmed, and confirms (cosigns) "
     "a\n"
     "newer one only with a proof that nothing before it was changed or removed. It sees numbers\n"
     "and hashes, no data of vehicles or people. Any log in C2SP's formats will do.\n\n"
     "--state DIR   folder of what it remembers, made when missing. Keep it: a witness that has\n"
     "              lost it can be deceived once\n"
     "--log KEY     verifier key of a log (evidence/head.vkey of a vsocd server), or a file with\n"
     "              one a line; may be repeated\n"
     "--name NAME   name of the witness, such as works-council.example/w1: needed at the first\n"
     "              start, which makes its key\n"
     "--key FILE    its signing key; default DIR/witness.key. Whoever has it can sign as this\n"
     "              witness\n"
     "--listen ADDR address and port; default [::]:9610\n"
     "--cert FILE --tls-key FILE  PEM certificate and key: HTTPS; without them plain HTTP, which "
     "is\n"
     "              enough, because heads and cosignatures are signed\n\n"
     "It prints its verifier key: give it to the operators of the logs (evidence.witnesses) and "
     "to\n"
     "those who check. http://ADDR/ shows what it has confirmed. A log that signs two histories "
     "is\n"
     "refused, reported in the log, and the second history is kept in DIR as proof (*.fork-*).\n"
     "SIGTERM stops it.",
     cmd_witness},
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
