"""Formats and headers of the records in Kafka: every sample in each, against our schema, the event as the spool has it, and the published schemas.

OCSF: JSON Schemas of ocsf-json-schema (PyPI), made from the framework's own files. ECS: the field list of elastic/ecs (tests/data/ecs).
"""

import csv
import datetime
import ipaddress
import json
import pathlib
import re
import subprocess
import sys

import jsonschema
import pytest

import fetched
from harness import consume, ndjson, topics_of
from kafka_formats import FORMATS, HEADERS, by_id

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = {"json": "out", "json_lean": "lean", "ecs": "ecs", "ocsf": "ocsf"}
# Everything that a mapping has a place for, beside what the samples have.
FULL = {
    "id": "full-1", "vin": "1M8GDM9AXKP042788", "time": "2026-11-22T10:15:02.250123456Z", "sensor_kind": "host_ids", "ecu_id": "GW-3", "sev_id": 33000,
    "event_name": "A \"quoted\" näme", "severity_id": 5, "count": 4, "confidence": 80, "src_ip": "192.0.2.1", "src_port": 5, "dst_ip": "2001:db8::1",
    "dst_port": 443, "vlan_id": 7, "transport": "tcp", "rule_id": "r-1", "rule_version": "2", "vehicle_seq": 2**53, "process_name": "sh", "process_pid": 9,
    "process_executable": "/bin/sh", "process_command_line": "sh -c \"x\\\\y\"", "user_name": "root", "user_id": "0", "file_path": "/etc/shadow", "region": "EU",
    "model_code": "M1", "cve": ["CVE-2026-0001", "CVE-2026-0002"], "atm_technique": ["ATM-T0033"], "r155_threat": ["11.3"], "message": "m\n", "speed_kmh": 52.5,
    "ecu_sw_version": "1.2", "attributes": {"deep": {"a": [1, None]}},
}
# Members that a framework allows only with another one, alone.
PARTS = [
    {"event_name": "a", "src_port": 5, "dst_port": 6, "process_name": "sh", "rule_version": "2", "file_path": "/etc/"},
    {"event_name": "b", "user_name": "root"},
    {"event_name": "c", "time": "1969-12-31T23:59:59.999Z"},
    {"event_name": "d", "file_path": "plain"},
]


def post_all(server):
    for path in sorted((ROOT / "deploy" / "samples").iterdir()):
        if path.name != "SOURCE":
            kind = "application/x-protobuf" if path.name == "otlp.bin" else "text/plain" if path.suffix in (".txt", ".log") else "application/octet-stream"
            reply = server.post(path.read_bytes(), kind, f"/v1/events/{path.stem}", VSOC_Vehicle="1M8GDM9AXKP042788")
            assert reply.status == 200, (path.name, reply)
    assert server.post(ndjson([FULL, *PARTS])).json["accepted"] == 1 + len(PARTS)


def exported(server):
    """The events of the spool, whole, by id."""
    return {event["event_uid"]: event for event in server.export() if "quarantine" not in event}


def deliver(make_server, services, form, headers):
    """(server, topics) with every sample delivered."""
    name = f"{form}-{headers}"
    topics = topics_of(f"formats.{name}")
    kafka = {"enabled": True, "topics": topics, "format": form, "headers": headers, "properties": {"bootstrap.servers": services.bootstrap}}
    server = make_server({"sinks": {"kafka": kafka}})
    post_all(server)
    server.wait_for_sinks()
    return server, topics


def reference(build, page):
    return subprocess.run([build / "vsocd", "reference", page], capture_output=True, text=True, check=True).stdout


def omitted(build):
    return set(re.findall(r"^\| `(\w+)` \|", reference(build, "kafka-lean"), re.MULTILINE))


def schema_of(form):
    schema = json.loads((ROOT / "docs" / f"vsoc-event-{SCHEMAS[form]}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("form", FORMATS)
def test_every_sample_has_the_forms_schema_and_says_what_the_event_says(build, make_server, services, form):
    server, topics = deliver(make_server, services, form, "minimal")
    events, found = exported(server), by_id(consume(services.bootstrap, topics["events"]), form)
    assert found.keys() == events.keys() and len(found) > 40
    validator, leaves_out = schema_of(form), omitted(build)
    check = {"json": same, "json_lean": lean, "ecs": mapped, "ocsf": mapped}[form]
    for uid, (key, value, headers) in found.items():
        validator.validate(value)
        assert headers == {} and key == events[uid].get("vehicle_pid", events[uid]["batch_uid"])
        check(build, form, value, events[uid], leaves_out)
    if form == "ecs":
        check_ecs([value for _, value, _ in found.values()])
    if form == "ocsf":
        check_ocsf([value for _, value, _ in found.values()])


def same(build, form, value, event, leaves_out):
    assert value == event


def lean(build, form, value, event, leaves_out):
    assert value == {name: one for name, one in event.items() if name not in leaves_out}


def at(value, path):
    """The member at a path of the reference page; None when it is not there."""
    for key in path.split("."):
        value = value.get(key.removesuffix("[]")) if isinstance(value, dict) else None
        if key.endswith("[]") and value is not None:
            assert len(value) == 1
            value = value[0]
    return value


MAPPINGS = {}


def mapping(build, form):
    """{field: [(path, how)]} of the reference page."""
    if form not in MAPPINGS:
        MAPPINGS[form] = {}
        for path, text in re.findall(r"^\| `([^`]+)` \| (`.*) \|$", reference(build, f"kafka-{form}"), re.MULTILINE):
            for field, how in re.findall(r"`(\w+)`((?:, [^;`]*)?(?:`\w+\.uid`[^;`]*)?)", text):
                MAPPINGS[form].setdefault(field, []).append((path, how))
    return MAPPINGS[form]


def ns_of(text):
    seconds, _, fraction = text.rstrip("Z").partition(".")
    whole = datetime.datetime.fromisoformat(seconds).replace(tzinfo=datetime.timezone.utc)
    return int(whole.timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


def expected(event, name, how):
    value = event[name]
    if "ms since" in how:
        return (int(value) if name == "time_event_ns" else ns_of(value)) // 10**6
    if "RFC 3339" in how:
        return event["time_event"] if name == "time_event_ns" else value
    if "as text" in how:
        return str(value)
    if "in an array" in how:
        return [value]
    if "last slash" in how:
        return value.rpartition("/")[2] or value
    if "technique.uid" in how:
        return [{"technique": {"uid": one}} for one in value]
    if "cve.uid" in how:
        return [{"cve": {"uid": one}} for one in value]
    return int(value) if name == "vehicle_seq" else value


def mapped(build, form, value, event, leaves_out):
    """Each field is where the reference page says, or among the rest; and the rest has nothing else."""
    rest = value.get("vsoc" if form == "ecs" else "unmapped", {})
    for name in event.keys() - leaves_out:
        if name in rest:
            assert rest[name] == event[name], name
        else:
            places = mapping(build, form).get(name, [])
            assert any(at(value, path) == expected(event, name, how) for path, how in places), (name, value)
    assert rest.keys() <= event.keys() - leaves_out


def leaves(value, path=""):
    for key, one in value.items():
        here = f"{path}.{key}" if path else key
        if isinstance(one, dict):
            yield from leaves(one, here)
        else:
            yield here, one


ECS_TYPES = {
    "date": lambda v: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", v),
    "ip": ipaddress.ip_address,
    "long": lambda v: isinstance(v, int) and -(2**63) <= v < 2**63,
    "keyword": lambda v: isinstance(v, str),
    "wildcard": lambda v: isinstance(v, str),
    "match_only_text": lambda v: isinstance(v, str),
}


def check_ecs(values):
    with open(ROOT / "tests/data/ecs/fields.csv", encoding="utf-8") as file:
        fields = {row["Field"]: row for row in csv.DictReader(file)}
    seen = set()
    for value in values:
        for path, one in leaves({key: one for key, one in value.items() if key != "vsoc"}):
            field = fields[path]
            seen.add(path)
            assert isinstance(one, list) == (field["Normalization"] == "array"), path
            for item in one if isinstance(one, list) else [one]:
                assert ECS_TYPES[field["Type"]](item), (path, item)
    assert seen == fields.keys(), fields.keys() - seen  # no member of the mapping is untested


def check_ocsf(values):
    folder = str(fetched.python_packages(pathlib.Path(__file__).with_name("ocsf.txt")))
    sys.path.insert(0, folder)
    try:
        from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

        schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.5.0"))
        finding = schema.get_class_schema(class_name=schema.lookup_class_name_from_uid(2004), profiles=["host"])
    finally:
        sys.path.remove(folder)
    validator = jsonschema.Draft202012Validator(finding)
    for value in values:
        validator.validate(value)
    broken = dict(values[0], severity_id="high")
    assert not validator.is_valid(broken) and not validator.is_valid(dict(values[0], other=1))  # it does look


@pytest.mark.parametrize("form", FORMATS)
def test_full_headers_make_a_cloudevent_of_every_format(build, make_server, services, form):
    server, topics = deliver(make_server, services, form, "full")
    found = by_id(consume(services.bootstrap, topics["events"]), form)
    kind = {"json": "vsoc.event.v1", "json_lean": "vsoc.event.lean.v1"}.get(form, f"vsoc.event.{form}.v1")
    for uid, (_, _, headers) in found.items():
        assert headers.keys() == {"ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type", "tenant", "format"}
        assert (headers["ce_specversion"], headers["ce_id"].decode(), headers["ce_type"].decode()) == (b"1.0", uid, kind)


@pytest.mark.parametrize("headers", HEADERS)
def test_traceparent_is_there_unless_no_headers_are_asked_for(make_server, services, headers):
    topics = topics_of(f"trace.{headers}")
    kafka = {"enabled": True, "topics": topics, "headers": headers, "properties": {"bootstrap.servers": services.bootstrap}}
    server = make_server({"sinks": {"kafka": kafka}})
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert server.post(ndjson([{"event_name": "n"}]), traceparent=parent).status == 200
    server.wait_for_sinks()
    (message,) = consume(services.bootstrap, topics["events"])
    found = dict(message.headers() or [])
    assert found.get("traceparent") == (None if headers == "none" else parent.encode())
    assert len(found) == {"full": 9, "minimal": 1, "none": 0}[headers]
