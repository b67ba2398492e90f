"""docs/vsoc-event.schema.json against the server, value by value: what the server takes is valid, and what it refuses is not, but
for what a schema cannot say."""

import json
import pathlib
import re
import subprocess

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "vsoc-event.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
ROW = re.compile(r'^EVENT_FIELD\((\w+), (\w+), "[^"]*", SENDER, (-?\w+), (-?\w+),', re.MULTILINE)
LIMITS = {"INT64_MIN": -2**63, "INT64_MAX": 2**63 - 1, "INT32_MAX": 2**31 - 1, "INT16_MAX": 2**15 - 1, "EVENT_TEXT_MAX": 65536}
# Of every kind refused, but for the kinds that take the type.
OF_EACH_TYPE = {"text": '"words of a text"', "integer": "7", "fraction": "7.5", "boolean": "true", "array": "[7]", "object": "{}"}


def fields():
    text = (ROOT / "core" / "event_fields.def").read_text()
    return [(name, kind, *(LIMITS[x] if x in LIMITS else int(x) for x in (low, high))) for name, kind, low, high in ROW.findall(text)]


def text(low, high):
    taken = ["x" * high] + (["x", "é"] if low <= 1 else [])
    only_server = ["é" * high] + (["x"] if low > 1 else [])
    return taken, ["", "x" * (high + 1)], only_server, "text"


def integer(low, high):
    return [low, high], [low - 1, high + 1, str(low)], [float(low)], "integer"


def big(low, high):
    return [low, high, str(low), str(high), "-0"], [low - 1, high + 1, "0x1", "", "1.0"], [str(high + 1), float(0)], "integer"


def real(low, high):
    return [low, high, 0.5], [low - 1, high + 0.5, "1"], [], "integer fraction"


TIMES = (["2026-11-22T10:15:02Z", "2026-11-22t10:15:02.123456789z", "2026-11-22 10:15:02.5+0100", 1767225600, -1, 1767225600.25,
          "1767225600", "1767225600.5"],
         ["", "now", "2026-11-22 10:15:02,5Z", "2026-11-22", "2026-11-22T10:15Z", "2026-11-22T10:15:02", "12:00"],
         ["2026-02-30T10:15:02Z", "2300-01-01T00:00:00Z", "2026-11-22T25:00:00Z", "99999999999999999999999", 1e300])


def values(name, kind, low, high):
    """What the server takes; what server and schema refuse; what only the server refuses; JSON types that are taken."""
    if name == "severity_id":
        return [0, 6, 99], [-1, 7, 98, 100], [], "integer"[:0]
    return {
        "TEXT": lambda: text(low, high), "INT": lambda: integer(low, high), "BIG": lambda: big(low, high),
        "REAL": lambda: real(low, high), "BOOL": lambda: ([True, False], ["true", 0], [], "boolean"),
        "TIME": lambda: (*TIMES, "integer fraction"),
        "INET": lambda: (["192.0.2.1", "2001:db8::1"], ["", "192.0.2.256", "host"], [], ""),
        "BASE64": lambda: (["", "AAEC", "AA==", "AA"], ["A-_A", "===="], ["A", "AB", "AAA=="], ""),
        "LIST": lambda: ([[], ["x" * high], ["x"] * 64], [["x"] * 65, [""], ["x" * (high + 1)], [1]], [["é" * high]], ""),
        "JSON": lambda: ([{}, {"a": [1, {"b": None}]}], [], [], "object"),
    }[kind]()


def cases():
    """(key, value as JSON text, taken by the server, valid)"""
    for name, kind, low, high in fields():
        taken, refused, only_server, types = values(name, kind, low, high)
        yield from ((name, json.dumps(value), True, True) for value in (*taken, None))
        yield from ((name, json.dumps(value), False, False) for value in refused)
        yield from ((name, json.dumps(value), False, True) for value in only_server)
        yield from ((name, value, False, False) for kind_of, value in OF_EACH_TYPE.items()
                    if kind_of not in types and not (kind == "LIST" and kind_of == "array"))
    yield from (("time", json.dumps(value), True, True) for value in TIMES[0])
    yield from (("time", json.dumps(value), False, False) for value in TIMES[1])
    yield from (("time", json.dumps(value), False, True) for value in TIMES[2])
    yield from (("vin", json.dumps(value), True, True) for value in ("1M8GDM9AXKP042788", " 1m8gdm9axkp042788\t", None))
    yield from (("vin", json.dumps(value), False, False) for value in ("1M8GDM9AXKP04278", "1M8GDM9AXKP0427888", "IM8GDM9AXKP042788", 7))
    yield from (("event_uid", value, True, True) for value in OF_EACH_TYPE.values())
    yield from (("of nobody", value, True, True) for value in OF_EACH_TYPE.values())


ROWS_OF_THEIR_OWN = 256  # bad records of a body; those behind them are counted together


def taken_lines(build, lines):
    """Numbers of the lines that became events."""
    refused = set()
    for first in range(0, len(lines), ROWS_OF_THEIR_OWN):
        body = "\n".join(lines[first : first + ROWS_OF_THEIR_OWN])
        run = subprocess.run([build / "vsocd", "parse", "--format", "vsoc_json"], input=body.encode(), capture_output=True,
                             timeout=60, check=False)
        refused |= {first + int(number) for number in re.findall(r"^vsocd parse: record (\d+) at", run.stderr.decode(), re.MULTILINE)}
    return set(range(len(lines))) - refused  # the rest are events, or duplicates of one


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert {name for name, *_ in fields()} | {"id", "vin", "time"} == SCHEMA["properties"].keys()


def test_values_that_server_and_schema_take_are_the_same(build):
    table = list(cases())
    assert len(table) > 800
    lines = ['{%s%s: %s}' % ('"message": "m", ' if key != "message" else '"sev_id": 1, ', json.dumps(key), value)
             for key, value, *_ in table]
    taken = taken_lines(build, lines)
    wrong = [(key, value[:60], number in taken, valid) for number, (key, value, by_server, by_schema) in enumerate(table)
             if (number in taken) != by_server or (valid := VALIDATOR.is_valid(json.loads(lines[number]))) != by_schema]
    assert not wrong


@pytest.mark.parametrize("line, taken", [
    ('{"event_name": "n"}', True), ('{"sev_id": 0}', True), ('{"message": "m"}', True), ("{}", False), ('{"id": "1"}', False),
    ('{"message": null}', False), ('{"message": null, "sev_id": 1}', True), ("[]", False), ("7", False), ('"text"', False),
    ('{"message": "m", "id": "1", "source_event_id": "1"}', False), ('{"message": "m", "id": null, "source_event_id": "1"}', True),
    ('{"message": "m", "time": 1, "time_event_ns": 1}', False), ('{"message": "m", "time": 1, "time_event_ns": null}', True)])
def test_events_as_a_whole_are_judged_alike(build, line, taken):
    value = json.loads(line)
    assert VALIDATOR.is_valid(value) is taken
    if isinstance(value, dict):
        assert (taken_lines(build, [line]) == {0}) is taken


def test_golden_events_that_were_taken_are_valid(build):
    """Records of the golden files that are JSON, one a line."""
    lines = []
    for path in sorted((ROOT / "tests" / "data" / "vsoc_json").glob("*.in")):
        for line in path.read_bytes().splitlines():
            try:
                if isinstance(json.loads(line), dict):
                    lines.append(line.decode())
            except ValueError:
                pass
    taken = taken_lines(build, lines)
    assert len(taken) > 30
    for number in taken:
        VALIDATOR.validate(json.loads(lines[number]))
