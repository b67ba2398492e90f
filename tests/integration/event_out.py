"""The JSON Schema of the events that the server writes."""

import json
import pathlib

import jsonschema

SCHEMA = json.loads((pathlib.Path(__file__).resolve().parents[2] / "docs" / "vsoc-event-out.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
# What `vsocd parse` leaves out: the batch and the spool say it.
UID = "01a2063c-23db-7589-947b-17aca2000000"
OF_BATCH = {
    "event_uid": UID, "batch_uid": UID, "schema_version": "1.0", "tenant_id": "default", "time_received": "2026-11-22T10:15:05.000000Z",
    "time_ingested": "2026-11-22T10:15:05.000000Z", "parser_name": "x", "parser_version": "1.0.0",
}


def validate_parsed(event):
    """An event of `vsocd parse`."""
    VALIDATOR.validate(OF_BATCH | event)
