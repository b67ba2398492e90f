/* cmd_reference.c: `vsocd reference`: prints a manual page. Main thread. */
#include <stdio.h>
#include <string.h>

#include "core/writer.h"
#include "server/commands/command.h"
#include "server/commands/reference/reference.h"

static const struct {
    const char *name;
    void (*write)(struct writer *out);
} pages[] = {
    {"config", reference_config},
    {"metrics", reference_metrics},
    {"events", reference_events},
    {"formats", reference_formats},
    {"mapping", reference_mapping},
    {"refusals", reference_refusals},
    {"record-codes", reference_record_codes},
    {"note-codes", reference_note_codes},
    {"handshakes", reference_handshakes},
    {"audit-kinds", reference_audit_kinds},
    {"audit-fields", reference_audit_fields},
    {"schema-audit", reference_schema_audit},
    {"schema", reference_schema},
    {"schema-out", reference_schema_out},
    {"schema-lean", reference_schema_lean},
    {"schema-ecs", reference_schema_ecs},
    {"schema-ocsf", reference_schema_ocsf},
    {"kafka-lean", reference_kafka_lean},
    {"kafka-ecs", reference_kafka_ecs},
    {"kafka-ocsf", reference_kafka_ocsf},
    {"vsocd.8", reference_man_program},
    {"vsocd.yaml.5", reference_man_config},
};

int cmd_reference(int argc, char **argv)
{
    struct writer out;
    if (argc != 2)
        return command_wrong(argv[0], "name one page");
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        if (strcmp(argv[1], pages[i].name) != 0)
            continue;
        writer_init(&out, (size_t)16 << 20);
        pages[i].write(&out);
        bool good = out.status == STATUS_OK && fwrite(out.data, 1, out.size, stdout) == out.size &&
                    fflush(stdout) == 0;
        writer_fini(&out);
        return good ? EXIT_DONE : EXIT_FAILED;
    }
    fprintf(stderr, "vsocd reference: there is no page '%s'\n", argv[1]);
    return command_usage(argv[0]);
}
