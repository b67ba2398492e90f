"""The parser otlp against the official message classes: what they write, in both encodings, must come out as they say."""

import json
import os
import random
import subprocess

import pytest

import otlp
from own_errors import own_errors

ROUNDS = int(os.environ.get("VSOCD_OTLP_ROUNDS", "500"))


@pytest.fixture(scope="module")
def messages():
    return otlp.Messages()


def parse(build, body):
    run = subprocess.run([build / "vsocd", "parse", "--format", "otlp"], input=body, capture_output=True, timeout=60, check=False)
    return [json.loads(line) for line in run.stdout.splitlines()], own_errors(run)


def test_requests_of_the_official_classes_give_what_they_hold(build, messages):
    """Requests follow each other in one body: in Protocol Buffers that makes one message of them."""
    requests = [otlp.any_request(messages, random.Random(seed)) for seed in range(ROUNDS)]
    expected = [event for request in requests for event in otlp.expected_events(request)]
    bodies = {
        "protobuf": b"".join(request.SerializeToString() for request in requests),
        "json": b"".join(map(messages.to_json, requests)),
        "pretty": b"\n".join(messages.to_json(request, indent=1, ensure_ascii=False) for request in requests),
    }
    for encoding, body in bodies.items():
        events, errors = parse(build, body)
        assert not errors, (encoding, errors)
        assert len(events) == len(expected)
        for place, (event, wanted) in enumerate(zip(events, expected)):
            assert {name: event.get(name) for name in wanted} == wanted, (encoding, place)


def test_fields_that_a_later_version_adds_are_passed_over(build, messages):
    request = messages.Request()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value = "kept"
    later = b"".join(
        field for field in (b"\xf8\x07\x01", b"\xf9\x07" + bytes(8), b"\xfa\x07\x03abc", b"\xfd\x07" + bytes(4))
    )
    inner = record.SerializeToString() + later
    scope = b"\x12" + bytes([len(inner)]) + inner + later
    resource = b"\x12" + bytes([len(scope)]) + scope + later
    events, errors = parse(build, b"\x0a" + bytes([len(resource)]) + resource + later)
    assert [event["message"] for event in events] == ["kept"] and not errors
    tree = json.loads(messages.to_json(request))
    for part in (tree, tree["resourceLogs"][0], tree["resourceLogs"][0]["scopeLogs"][0],
                 tree["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]):
        part["later"] = [{"x": "]}"}, 1, None, "}"]
    events, errors = parse(build, json.dumps(tree).encode())
    assert [event["message"] for event in events] == ["kept"] and not errors


def test_several_requests_may_follow_each_other_in_json(build, messages):
    """As the collector's file exporter writes them: one a line."""
    requests = [otlp.any_request(messages, random.Random(seed)) for seed in range(5)]
    events, errors = parse(build, b"\n".join(map(messages.to_json, requests)) + b"\n")
    assert not errors and len(events) == sum(len(otlp.expected_events(request)) for request in requests)


def test_a_request_may_hold_more_values_than_one_document_takes(build):
    record = '{"body":{"stringValue":"%d"},"attributes":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":1},{"intValue":2}]}}}]}'
    records = ",".join(record % number for number in range(8000))
    events, errors = parse(build, ('{"resourceLogs":[{"scopeLogs":[{"logRecords":[%s]}]}]}' % records).encode())
    assert not errors and [event["message"] for event in events] == list(map(str, range(8000)))
