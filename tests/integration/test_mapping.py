"""parsers/engine/mapping.def against the golden files: which format fills which column."""

import collections
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
ROW = re.compile(r'^MAPPING\((\w+), (\w+), "(.*)"\)$', re.MULTILINE)
FIELD = re.compile(r'^EVENT_FIELD\((\w+), \w+, "[^"]*", (\w+),', re.MULTILINE)
TAKE_EVERY_FIELD = {"vsoc_json", "otlp"}
OTHER_SOURCES = {"request", "catalogue", "else"}
# What every event has, or what comes with a column that has a row.
OF_EVERY_EVENT = {"attributes", "dedup_key", "vin_key_id", "wmi", "clock_skew_ms", "parser_name", "parser_version", "parse_status",
                  "parse_notes", "raw_offset", "raw_size", "batch_index", "r155_threat", "sev_range", "time_event_raw", "event_name"}
DEFAULTS = {"severity_id": [0], "count": [1], "event_category": ["other"], "sensor_kind": ["other"], "time_source": ["none", "rtc"],
            "time_quality": ["unknown"]}


def rows():
    text = (ROOT / "parsers/engine/mapping.def").read_text()
    found = ROW.findall(text)
    assert len(found) == len(re.findall("^MAPPING", text, re.MULTILINE))
    return found


def events():
    """(format, event) of every golden file; a format's binary mode counts as the format."""
    for path in sorted(DATA.glob("*/*.in")):
        for line in path.with_suffix(".json").read_text().splitlines():
            event = json.loads(line)
            if "rejects" not in event:
                yield path.parent.name.removesuffix("_binary"), event


def columns(event):
    return {name for name, value in event.items() if value not in DEFAULTS.get(name, [])} - OF_EVERY_EVENT


def formats_of_folders():
    return {path.parent.name.removesuffix("_binary") for path in DATA.glob("*/*.in")}


def test_rows_name_columns_and_formats_in_order():
    fields = [name for name, _ in FIELD.findall((ROOT / "core" / "event_fields.def").read_text())]
    known = formats_of_folders() | OTHER_SOURCES
    places = [fields.index(column) for column, _, _ in rows()]
    assert places == sorted(places)
    assert {source for _, source, _ in rows()} <= known
    pairs = [(column, source) for column, source, _ in rows()]
    assert len(pairs) == len(set(pairs))


def test_formats_fill_no_columns_but_theirs():
    of_catalogue = {column for column, source, _ in rows() if source == "catalogue"}
    allowed = collections.defaultdict(set)
    for column, source, _ in rows():
        allowed[source].add(column)
    odd = set()
    for name, event in events():
        if name in TAKE_EVERY_FIELD or "parser_name" in event:  # an inner format's
            continue
        odd |= {(name, column) for column in columns(event) - allowed[name] - of_catalogue}
    assert not odd


def test_every_row_is_seen_in_a_golden_file():
    seen = collections.defaultdict(set)
    for name, event in events():
        seen[name] |= columns(event) | (set(event) & OF_EVERY_EVENT)
    unseen = {(column, source) for column, source, _ in rows()
              if source not in OTHER_SOURCES and column not in seen[source]}
    assert not unseen
