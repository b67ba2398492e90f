"""Golden files: tests/data/FORMAT/NAME.in through `vsocd parse` must give NAME.json.

NAME.json has one event a line without the members that follow from others (dedup_key, clock_skew_ms, time_event, severity), then one line
{"rejects": [[index, offset, code, detail], …]}. NAME.headers, when it is there, has the headers of the request. `VSOCD_GOLDEN=write` writes the files anew: read the difference.
"""

import datetime
import json
import os
import pathlib
import re
import subprocess

import pytest

from event_out import validate_parsed
from own_errors import own_errors

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
RECEIVED = "2026-11-22T10:15:05Z"
DERIVED = ("dedup_key", "clock_skew_ms", "time_event", "severity")
SEVERITIES = ["unknown", "informational", "low", "medium", "high", "critical", "fatal"]
REJECT = re.compile(r"vsocd parse: record (\d+) at byte (\d+): (\w+): (.*)")

CASES = sorted(DATA.glob("*/*.in"))


def parse(build, path, *options):
    headers = path.with_suffix(".headers")
    if headers.exists():
        options += tuple(f"--header={line}" for line in headers.read_text().splitlines())
    return subprocess.run(
        [build / "vsocd", "parse", "--format", path.parent.name, "--received", RECEIVED, *options, path],
        capture_output=True, timeout=30, check=False)


def check_derived(event):
    """The schema of what the server writes, and the members that say another once more."""
    validate_parsed(event)
    assert event["severity"] == dict(enumerate(SEVERITIES)).get(event["severity_id"], "other")
    if "time_event_ns" in event:
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=int(event["time_event_ns"]) // 1000)
        assert event["time_event"] == moment.isoformat(timespec="microseconds") + "Z"


def result_of(run):
    events = [json.loads(line) for line in run.stdout.decode().splitlines()]
    for event in events:
        check_derived(event)
        for name in DERIVED:
            event.pop(name, None)
    rejects = []
    for line in own_errors(run).splitlines():
        match = REJECT.fullmatch(line)
        assert match, line
        rejects.append([int(match[1]), int(match[2]), match[3], match[4]])
    return events, rejects


def as_text(events, rejects):
    lines = [json.dumps(event, ensure_ascii=False) for event in events]
    lines.append(json.dumps({"rejects": rejects}, ensure_ascii=False))
    return "\n".join(lines) + "\n"


def is_as_expected(event, expected):
    """Files written before integers were numbers and raw times texts have digits and hex there."""
    for name in ("can_id", "raw_offset", "raw_size", "vehicle_seq", "freshness"):
        if name in expected and name in event:
            expected[name] = type(event[name])(expected[name])
    raw = event.get("time_event_raw", "")
    if expected.get("time_event_raw") == raw.encode().hex():
        expected["time_event_raw"] = raw
    assert event == expected


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_input_gives_expected_events(build, path):
    run = parse(build, path)
    events, rejects = result_of(run)
    assert run.returncode == (1 if rejects else 0), run.stderr.decode()
    expected = path.with_suffix(".json")
    if os.environ.get("VSOCD_GOLDEN") == "write":
        expected.write_text(as_text(events, rejects))
    *lines, last = expected.read_text().splitlines()
    assert len(events) == len(lines)
    for event, line in zip(events, lines):
        is_as_expected(event, json.loads(line))
    assert rejects == json.loads(last)["rejects"]


def test_every_format_has_inputs_and_says_where_they_come_from(build):
    text = subprocess.run([build / "vsocd", "formats", "--json"], capture_output=True, check=True, timeout=30).stdout
    names = {json.loads(line)["name"] for line in text.splitlines()}
    assert names == {path.parent.name for path in CASES}
    for name in names:
        assert (DATA / name / "SOURCE").read_text().strip()


def test_dedup_key_is_the_same_for_an_event_that_is_sent_again(build, tmp_path):
    first, second = tmp_path / "vsoc_json" / "a", tmp_path / "vsoc_json" / "b"
    first.parent.mkdir()
    first.write_text('{"id":"1","message":"first"}\n{"time":1767225600,"message":"x"}\n{"message":"x"}\n')
    second.write_text('{"message":"other"}\n{"id":"1","message":"first again"}\n{"time":1767225600,"message":"x"}\n{"message":"x"}\n')
    keys = []
    for path in (first, second):
        run = parse(build, path)
        assert run.returncode == 0
        keys.append([json.loads(line)["dedup_key"] for line in run.stdout.decode().splitlines()])
    assert keys[0][0] == keys[1][1], "same id"
    assert keys[0][1] == keys[1][2], "same time and bytes"
    assert keys[0][2] != keys[1][3], "equal content alone does not make two events one"


def test_pseudonym_hides_the_vin(build, tmp_path):
    path = tmp_path / "vsoc_json" / "a"
    path.parent.mkdir()
    path.write_text('{"message":"x"}\n{"message":"x","vin":"1G4AH59H45G118341"}\n{"message":"x","vin":"bad"}\n')
    run = parse(build, path, "--vin", "1M8GDM9AXKP042788")
    events = [json.loads(line) for line in run.stdout.decode().splitlines()]
    assert [event["wmi"] for event in events] == ["1M8", "1G4"]
    assert events[0]["vehicle_pid"] != events[1]["vehicle_pid"]
    assert b"1M8GDM9AXKP042788" not in run.stdout + run.stderr
