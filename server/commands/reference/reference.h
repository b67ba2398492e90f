/* reference.h: the manual pages, written from the same tables the code runs on. Thread: main. */
#ifndef VSOC_SERVER_REFERENCE_H
#define VSOC_SERVER_REFERENCE_H

struct writer;

/* Markdown. */
void reference_config(struct writer *out);  /* docs/configuration.md */
void reference_metrics(struct writer *out); /* docs/metrics.md */
void reference_events(struct writer *out);  /* docs/events.md */
/* The table of formats. */
void reference_formats(struct writer *out);
/* The sources of columns, format by format. */
void reference_mapping(struct writer *out);
/* The tables of refusals, one per group: docs/api.md. */
void reference_refusals(struct writer *out);
/* Codes of quarantined records, and of notes: docs/formats.md. */
void reference_record_codes(struct writer *out);
void reference_note_codes(struct writer *out);
/* Results of TLS handshakes: docs/operations.md. */
void reference_handshakes(struct writer *out);
/* Kinds of audit records and their fields: docs/audit.md; their JSON Schema:
 * docs/vsoc-audit.schema.json. */
void reference_audit_kinds(struct writer *out);
void reference_audit_fields(struct writer *out);
void reference_schema_audit(struct writer *out);
/* JSON Schema of a native event: docs/vsoc-event.schema.json. */
void reference_schema(struct writer *out);
/* JSON Schema of the events that vsocd writes: docs/vsoc-event-out.schema.json. */
void reference_schema_out(struct writer *out);
/* JSON Schemas of the values of sinks.kafka.format: docs/vsoc-event-{lean,ecs,ocsf}.schema.json. */
void reference_schema_lean(struct writer *out);
void reference_schema_ecs(struct writer *out);
void reference_schema_ocsf(struct writer *out);
/* What they leave out, and their names for the event's fields: docs/kafka.md. */
void reference_kafka_lean(struct writer *out);
void reference_kafka_ecs(struct writer *out);
void reference_kafka_ocsf(struct writer *out);
/* mdoc: docs/man. */
void reference_man_program(struct writer *out);
void reference_man_config(struct writer *out);

#endif
