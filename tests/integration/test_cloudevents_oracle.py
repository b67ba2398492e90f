"""CloudEvents that the official Python SDK writes, in all three modes, and headers that it reads, through `vsocd parse`."""

import base64
import json
import os
import re
import subprocess

import pytest

import fetched

EVENTS = 40

# Prints one JSON object an event: what it says, the event as JSON, its headers and body, and the headers in another encoding
# with what the SDK reads from them.
SCRIPT = r"""
import base64, datetime, json, random
from cloudevents.core.bindings.http import HTTPMessage, from_binary, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

random.seed(5)
LETTERS = [*map(chr, range(0x20, 0x7F)), "é", "€", "😀", "\u00a0", "\ufeff"]


def text(most):
    return "".join(random.choices(LETTERS, k=random.randint(1, most))).strip() or "x"


def data():
    return random.choice([
        (None, None), ("application/json", {"a": text(9), "b": [1, None, {"c": 2.5}]}), ("application/json; charset=utf-8", {"message": text(20)}),
        ("text/x-words", "words " + text(20)), ("image/png", b"\x89PNG" + random.randbytes(9)), (None, {"message": "m", "count": 3}),
        (None, {"words": text(9)})])


def again(value):
    '''The value with any characters encoded that need it, and others.'''
    out = ""
    for c in value:
        if c in '"% ' or not 0x20 < ord(c) < 0x7F or random.random() < 0.3:
            c = "".join(random.choice(["%%%02x", "%%%02X"]) % b for b in c.encode())
        out += c
    return out


for n in range(EVENTS):
    kind, value = data()
    attributes = {"id": f"{n}-" + text(20), "source": "/s/" + text(20), "type": "com." + text(20)}
    if kind:
        attributes["datacontenttype"] = kind
    if random.random() < 0.5:
        zone = datetime.timezone(datetime.timedelta(minutes=random.choice([0, 0, 60, -330])))
        attributes["time"] = datetime.datetime(2026, 11, 22, 10, 15, 2, random.choice([0, 250000, 1]), zone)
    for name in ("subject", "dataschema", "comexampleone", "x9"):
        if random.random() < 0.4:
            attributes[name] = text(30)
    event = CloudEvent(attributes, value)
    if "time" not in attributes or random.random() < 0.5:
        attributes.pop("time", None)
    binary = to_binary(event, JSONFormat())
    said = {k: str(v) for k, v in event.get_attributes().items()}
    coded = {k: v if k == "content-type" else again(said[k.removeprefix("ce-")]) for k, v in binary.headers.items() if k != "ce-time"}
    read = from_binary(HTTPMessage(coded, binary.body), JSONFormat()).get_attributes()
    read.pop("time", None)
    time = event.get_attributes().get("time")
    print(json.dumps({
        "attributes": said, "ns": time and str(round(time.timestamp() * 1000000)) + "000",
        "data": base64.b64encode(value).decode() if isinstance(value, bytes) else value, "is_bytes": isinstance(value, bytes),
        "structured": to_structured(event, JSONFormat()).body.decode(), "headers": dict(binary.headers),
        "body": base64.b64encode(binary.body).decode(), "coded": coded, "read": read}))
"""


@pytest.fixture(scope="module")
def written():
    environment = {**os.environ, "PYTHONPATH": str(fetched.python_packages())}
    script = SCRIPT.replace("EVENTS", str(EVENTS))
    done = subprocess.run([fetched.PYTHON, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def parse(build, name, body, headers=()):
    options = [f"--header={key.lower()}:{value}" for key, value in dict(headers).items()]
    run = subprocess.run([build / "vsocd", "parse", "--format", name, *options], input=body, capture_output=True, timeout=30, check=False)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def check(event, said, data, is_bytes, ns):
    """The event has all attributes, and the data where they belong."""
    assert event["source_event_id"] == f"{said['source']} {said['id']}"
    is_native = isinstance(data, dict) and "message" in data
    kept = event["attributes"]["cloudevents"] if is_native else dict(event["attributes"])
    if is_native:
        assert event["parser_name"] == "vsoc_json" and event["message"] == data["message"]
    elif is_bytes:
        assert event["context_raw"] == data
    elif isinstance(data, str):
        assert event["message"] == data
    else:
        assert kept.pop("data", None) == data
    assert kept == {name: value for name, value in said.items() if name not in ("specversion", "time")}
    assert event.get("time_event_ns") == ns


def test_events_as_json_are_what_the_sdk_wrote(build, written):
    body = "[" + ",\n".join(one["structured"] for one in written) + "]"
    events = parse(build, "cloudevents", body.encode())
    assert len(events) == EVENTS
    for event, one in zip(events, written):
        check(event, one["attributes"], one["data"], one["is_bytes"], one["ns"])


def test_headers_are_what_the_sdk_wrote(build, written):
    for one in written:
        (event,) = parse(build, "cloudevents_binary", base64.b64decode(one["body"]), one["headers"])
        check(event, one["attributes"], one["data"], one["is_bytes"], one["ns"])


def test_headers_are_read_as_the_sdk_reads_them(build, written):
    for one in written:
        assert any(re.search("%[0-9a-f][0-9A-F]", value) for value in one["coded"].values())
        (event,) = parse(build, "cloudevents_binary", base64.b64decode(one["body"]), one["coded"])
        check(event, one["read"], one["data"], one["is_bytes"], None)
