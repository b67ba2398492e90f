"""docs/vsoc-event-out.schema.json against what the server writes. test_golden.py and test_sinks.py hold their events to it too."""

import json
import re
import subprocess

import jsonschema
import pytest

from event_out import OF_BATCH, SCHEMA, VALIDATOR, validate_parsed


def parse(build, line):
    run = subprocess.run([build / "vsocd", "parse", "--format", "vsoc_json"], input=json.dumps(line).encode(), capture_output=True, check=True,
                         timeout=30)
    return json.loads(run.stdout)


def test_the_schema_is_one_and_lists_every_field(build):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    page = subprocess.run([build / "vsocd", "reference", "events"], capture_output=True, text=True, check=True, timeout=30).stdout
    fields = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert SCHEMA["properties"].keys() == fields | {"time_event", "severity"}
    always = set(re.findall(r"^\| `(\w+)` \|.*always \|", page, re.MULTILINE))
    assert set(SCHEMA["required"]) == always | {"severity"}


def test_numbers_are_numbers_where_readers_keep_them(build):
    sent = {"event_name": "n", "can_id": 536870911, "vehicle_seq": 2**53 - 1, "freshness": 2**53, "time": "2026-11-22T10:15:02.250Z", "severity_id": 4}
    event = parse(build, sent)
    assert (event["can_id"], event["vehicle_seq"], event["freshness"]) == (536870911, 2**53 - 1, str(2**53))
    assert isinstance(event["raw_offset"], int) and isinstance(event["raw_size"], int) and isinstance(event["clock_skew_ms"], int)
    assert (event["time_event"], event["time_event_ns"]) == ("2026-11-22T10:15:02.250000Z", "1795342502250000000")
    assert event["time_event_raw"] == "2026-11-22T10:15:02.250Z" and event["severity"] == "high"
    validate_parsed(event)


@pytest.mark.parametrize("change", [
    {"can_id": "7"}, {"raw_size": -1}, {"severity": "loud"}, {"time_event_ns": 5}, {"clock_skew_ms": 2**53}, {"time_received": "2026-11-22"},
    {"event_uid": OF_BATCH["event_uid"].upper()}, {"dedup_key": "AA" * 16}, {"later": 1},
    {"parse_notes": [{"code": "x"}]}, {"severity_id": 7}, {"src_ip": "host"}])
def test_the_schema_refuses_what_the_server_never_writes(build, change):
    event = parse(build, {"event_name": "n"})
    validate_parsed(event)
    assert not VALIDATOR.is_valid(OF_BATCH | event | change)


@pytest.mark.parametrize("name", SCHEMA["required"])
def test_what_every_event_has_is_required(build, name):
    event = OF_BATCH | parse(build, {"event_name": "n"})
    VALIDATOR.validate(event)
    del event[name]
    assert not VALIDATOR.is_valid(event)
