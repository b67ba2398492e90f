"""Texts and numbers that a column cannot hold, in every format: the tables "Text" and "Numbers" of docs/formats.md."""

import json
import re
import struct
import subprocess

import pytest

HERE = b"@@"  # where the odd bytes go
NATIVE, JSON, LINES = "native", "json", "lines"
TEXTS = {
    "vsoc_json": (NATIVE, b'{"message":"a@@b"}'),
    "cloudevents": (NATIVE, b'{"specversion":"1.0","id":"1","source":"s","type":"t","data":"a@@b"}'),
    "hec": (JSON, b'{"event":"a@@b"}'),
    "otlp": (JSON, b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a@@b"}}]}]}]}'),
    "eve": (JSON, b'{"event_type":"a@@b"}'),
    "syslog": (LINES, b"<13>Oct 11 22:14:15 h t: a@@b"),
    "cef": (LINES, b"CEF:0|v|p|1|c|n|5|msg=a@@b"),
    "leef": (LINES, b"LEEF:1.0|v|p|1|id|msg=a@@b"),
    "auditd": (LINES, b'type=USER_CMD msg=audit(1170021601.343:296): comm="a@@b"'),
    "logcat": (LINES, b"11-29 12:00:00.123  1234  5678 I Tag: a@@b"),
    "candump": (LINES, b"(1767225600.500000) a@@b 123#01"),
    "dlt": (LINES, HERE),
}
NO_TEXT = {b"\xff": 1, b"\xc3": 1, b"\xed\xa0\x80": 3, b"\xc0\xaf": 2, b"\xf4\x90\x80\x80": 4}
CONTROL = [b"\x01", b"\x08", b"\x1f"]


def dlt_message(text):
    """A verbose message with one text."""
    payload = struct.pack("<IH", 0x200, len(text) + 3) + b"a" + text + b"b\0"
    rest = b"\x41\x01APP\0CTX\0" + payload
    return b"DLT\x01" + struct.pack("<II", 1767225600, 0) + b"ECU1" + struct.pack(">BBH", 0x21, 0, 4 + len(rest)) + rest


def parse(build, name, records):
    """What became of each record: (its event, None) or (None, code of its quarantine)."""
    end = b"" if name == "dlt" else b"\n"
    run = subprocess.run([build / "vsocd", "parse", "--format", name, "--received", "2026-11-22T10:15:05Z"], input=end.join(records),
                         capture_output=True, timeout=30, check=False)
    events = [json.loads(line, parse_float=str) for line in run.stdout.splitlines()]
    results = {event["batch_index"]: (event, None) for event in events}
    for index, code in re.findall(r"^vsocd parse: record (\d+) at byte \d+: (\w+):", run.stderr.decode(), re.MULTILINE):
        results[int(index)] = (None, code)
    assert sorted(results) == list(range(len(records))), run
    return [results[index] for index in range(len(records))]


def with_texts(build, name, *odd):
    if name == "dlt":
        return parse(build, name, [dlt_message(text) for text in odd])
    template = TEXTS[name][1]
    records = (template.replace(HERE, text) for text in odd)
    return parse(build, name, [one.replace(b":296)", b":%d)" % n).replace(b'"id":"1"', b'"id":"%d"' % n) for n, one in enumerate(records)])


def check_repaired(result, count):
    event, code = result
    assert code is None
    assert f"a{chr(0xFFFD) * count}b" in json.dumps(event, ensure_ascii=False)
    assert event["parse_status"] == "partial" and "bad_text" in [note["code"] for note in event["parse_notes"]]


def check_kept(result, text):
    event, code = result
    assert code is None
    assert json.dumps(f"a{text}b") in json.dumps(event)
    assert event["parse_status"] == "ok"


@pytest.mark.parametrize("name", TEXTS)
def test_bytes_that_are_no_utf8(build, name):
    for result, count in zip(with_texts(build, name, *NO_TEXT), NO_TEXT.values()):
        if TEXTS[name][0] is NATIVE:
            assert result == (None, "invalid_utf8")
        else:
            check_repaired(result, count)


@pytest.mark.parametrize("name", TEXTS)
def test_byte_0_and_its_escape(build, name):
    kind = TEXTS[name][0]
    raw, escaped = with_texts(build, name, b"\0", b"\\u0000")
    if kind is LINES:
        check_repaired(raw, 1)
        check_kept(escaped, "\\u0000")
    else:
        assert raw == (None, "malformed")
    if kind is NATIVE:
        assert escaped == (None, "nul_byte")
    elif kind is JSON:
        check_repaired(escaped, 1)


@pytest.mark.parametrize("name", TEXTS)
def test_control_bytes(build, name):
    delete, *raw = with_texts(build, name, b"\x7f", *CONTROL)
    check_kept(delete, "\x7f")
    for result, odd in zip(raw, CONTROL):
        if TEXTS[name][0] is LINES and name != "candump":
            check_kept(result, odd.decode())
        else:
            assert result == (None, "malformed")
    if TEXTS[name][0] is not LINES:
        for result, odd in zip(with_texts(build, name, *(b"\\u%04x" % odd[0] for odd in CONTROL)), CONTROL):
            check_kept(result, odd.decode())


def test_bytes_of_a_binary_cloudevent_are_kept_as_bytes(build):
    headers = [f"--header=ce-{name}:{value}" for name, value in {"specversion": "1.0", "id": "1", "source": "s", "type": "t"}.items()]
    run = subprocess.run([build / "vsocd", "parse", "--format", "cloudevents_binary", "--header=content-type:text/x", *headers],
                         input=b"a\xff\0b", capture_output=True, timeout=30, check=True)
    assert json.loads(run.stdout)["context_raw"] == "Yf8AYg=="


# ---- numbers ----

OTLP = (b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"source.port","value":{"intValue":@@}},'
        b'{"key":"a","value":{"doubleValue":@@}}]}]}]}]}')
NUMBERS = {  # record, column, where a value that does not fit is kept
    "cloudevents": (b'{"specversion":"1.0","id":"1","source":"s","type":"t","sequence":@@}', "vehicle_seq", ("sequence",)),
    "eve": (b'{"event_type":"a","src_port":@@}', "src_port", ("src_port",)),
    "hec": (b'{"event":{"a":1},"fields":{"n":@@}}', "count", ("fields", "n")),
    "otlp": (OTLP, "src_port", ("source.port",)),
    "syslog": (b'<13>1 2026-11-22T10:15:02Z h a p m [meta sequenceId="@@"] x', "vehicle_seq", ("meta.sequenceId",)),
    "cef": (b"CEF:0|v|p|1|c|n|5|spt=@@", "src_port", ("spt",)),
    "leef": (b"LEEF:1.0|v|p|1|id|srcPort=@@", "src_port", ("srcPort",)),
}
TOO_LARGE = {"vehicle_seq": (b"9223372036854775808", b"99999999999999999999", b"-1"),
             "src_port": (b"65536", b"4294967297", b"9223372036854775807", b"-1"),
             "count": (b"9223372036854775808", b"184467440737095516160", b"-0.5")}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_that_do_not_fit_are_kept_with_all_digits(build, name):
    template, column, path = NUMBERS[name]
    records = [template.replace(HERE, number).replace(b'"id":"1"', b'"id":"%d"' % n) for n, number in enumerate(TOO_LARGE[column])]
    for (event, code), number in zip(parse(build, name, records), TOO_LARGE[column]):
        assert code is None
        value = event["attributes"]
        for key in path:
            value = value[key]
        assert str(value) == number.decode()
        assert event.get(column) in (None, 1)


def test_native_numbers_that_do_not_fit_are_quarantined(build):
    numbers = {b"0": "out_of_range", b"2147483648": "out_of_range", b"-1": "out_of_range", b"9223372036854775808": "out_of_range",
               b"99999999999999999999": "out_of_range", b"1.0": "wrong_type", b"1e2": "wrong_type", b"1e400": "out_of_range"}
    records = [b'{"message":"m","count":@@}'.replace(HERE, number) for number in numbers]
    assert parse(build, "vsoc_json", records) == [(None, code) for code in numbers.values()]


@pytest.mark.parametrize("name", ("vsoc_json", "cloudevents", "eve", "hec", "otlp"))
def test_numbers_that_no_double_holds_are_kept_as_texts_with_a_note(build, name):
    record = NUMBERS[name][0] if name in NUMBERS else b'{"message":"m","x":@@}'
    ((event, code),) = parse(build, name, [record.replace(HERE, b"-1e400")])
    assert code is None and '"-1e400"' in json.dumps(event["attributes"])
    assert event["parse_status"] == "partial" and [note["code"] for note in event["parse_notes"]] == ["huge_number"]


@pytest.mark.parametrize("name, record", [
    ("auditd", b"type=A msg=audit(1170021601.343:@@): x=1"), ("auditd", b"type=A msg=audit(@@.343:1): x=1"),
    ("candump", b"(@@.500000) can0 123#01"), ("candump", b"(1767225600.500000) can0 @@#01")])
def test_numbers_that_no_writer_of_the_line_has_are_refused(build, name, record):
    for event, code in parse(build, name, [record.replace(HERE, n) for n in (b"9223372036854775808", b"99999999999999999999")]):
        assert event is None and code in ("not_of_format", "malformed")
