"""CEF and syslog as published readers of PyPI read them and as published writers write them; LEEF by a writer made from its guide.

Random records of what the formats allow must be read alike. Where a reader is known to see something else, a table says what, and why
ours is right. There is no LEEF reader in the registry.
"""

import datetime
import json
import logging
import pathlib
import random
import re
import string
import sys

import fetched
import pytest

from test_golden import parse

RECEIVED_YEAR = 2026
HEADER = string.ascii_letters + string.digits + " =._:;,/'\"-äß€"
SEVERITIES = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]


@pytest.fixture(scope="module", autouse=True)
def oracles():
    """Makes the packages importable."""
    folder = fetched.python_packages(pathlib.Path(__file__).with_name("text_oracles.txt"))
    sys.path.append(str(folder))
    yield
    sys.path.remove(str(folder))


@pytest.fixture
def read(build, tmp_path):
    """read(format, lines) → what came of each line: its event, or the code of its refusal."""
    def run(name, lines):
        path = tmp_path / name / "lines"
        path.parent.mkdir(exist_ok=True)
        lines = [line if isinstance(line, bytes) else line.encode() for line in lines]
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        done = parse(build, path)
        at, offsets = 0, {}
        for i, line in enumerate(lines):
            offsets[at] = i
            at += len(line) + 1
        results = [None] * len(lines)
        for text in done.stdout.decode().splitlines():
            event = json.loads(text)
            results[offsets[int(event["raw_offset"])]] = event
        for offset, code in re.findall(r"record \d+ at byte (\d+): (\w+)", done.stderr.decode()):
            results[offsets[int(offset)]] = code
        return results

    return run


def word(rng, letters, least=1, most=12):
    return "".join(rng.choice(letters) for _ in range(rng.randint(least, most)))


# ---- CEF ----

def cef_text(rng, letters):
    """Text without blanks at its ends or two in a row, which readers see differently."""
    return re.sub(" +", " ", word(rng, letters, 1, 30)).strip() or "x"


def cef_record(rng, header_letters, value_letters):
    """Header fields, extension, and the line of both."""
    header = [cef_text(rng, header_letters) for _ in range(5)] + [str(rng.randint(0, 10))]
    extension = {word(rng, string.ascii_letters) + "_k": cef_text(rng, value_letters) for _ in range(rng.randint(1, 8))}
    fields = [field.replace("\\", "\\\\").replace("|", "\\|") for field in header]
    pairs = [
        key + "=" + value.replace("\\", "\\\\").replace("=", "\\=").replace("\n", "\\n").replace("\r", "\\r")
        for key, value in extension.items()
    ]
    return header, extension, "|".join(["CEF:0", *fields, " ".join(pairs)])


def cef_of_event(event):
    attributes = dict(event["attributes"])
    header = [attributes.pop(key) for key in ("deviceVendor", "deviceProduct", "deviceVersion")]
    return header + [event["rule_id"], event["event_name"], event["severity_source"]], attributes


def test_cef_records_are_read_as_cefp_reads_them(read):
    import cefp

    rng = random.Random(1)
    records = [cef_record(rng, HEADER + "|\\", HEADER + "|\\=\n\r") for _ in range(400)]
    for (header, extension, line), event in zip(records, read("cef", [line for _, _, line in records])):
        assert cef_of_event(event) == (header, extension), line
        theirs = cefp.CEFParser.parse(line)
        device = theirs["device"]
        assert [device[k] for k in ("vendor", "product", "version", "event_class_id")] + [theirs["name"], theirs["severity"]] == header
        assert theirs["extension"] == extension, line


def test_cef_records_are_read_as_pycef_reads_them(read):
    import pycef

    rng = random.Random(2)
    plain = HEADER.replace("=", "")
    records = [cef_record(rng, plain, plain + "|=") for _ in range(400)]
    for (header, extension, line), event in zip(records, read("cef", [line for _, _, line in records])):
        theirs = pycef.parse(line)
        names = ("DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID", "Name", "Severity")
        assert cef_of_event(event) == ([theirs[name] for name in names], {
            key: theirs[key].replace("\\=", "=") for key in extension  # it leaves escapes to its caller
        }), line
        assert cef_of_event(event)[0] == header


# What is read differently: reader, extension, ours, theirs, why.
CEF_DISAGREEMENTS = [
    ("cefp", r"a_k=c:\temp", {"a_k": "c:\\temp"}, {"a_k": "c:temp"}, "a backslash before any other character is kept: nothing is lost"),
    ("cefp", "a_k=1   b_k=2", {"a_k": "1", "b_k": "2"}, {"a_k": "1  ", "b_k": "2"}, "the guide: blanks before a key separate"),
    ("cefp", "a_k=b=c", {"a_k": "b=c"}, {"a_k": "b"}, "no blank stands before b: senders that forget the escape keep their value"),
    ("pycef", r"a_k=b\\ c_k=\=", {"a_k": "b\\", "c_k": "="}, {"a_k": "b\\\\", "c_k": "\\="}, "it leaves escapes to its caller"),
    ("pycef", "a_k= b_k=2", {"b_k": "2"}, {"b_k": "2"}, "both leave an empty value out"),
    ("pycef", "a_k=x  y", {"a_k": "x  y"}, {"a_k": "x  y"}, "both keep blanks inside a value"),
]


@pytest.mark.parametrize("reader,extension,ours,theirs,_why", CEF_DISAGREEMENTS)
def test_cef_extensions_that_readers_see_differently(read, reader, extension, ours, theirs, _why):
    import cefp
    import pycef

    line = "CEF:0|v|p|1|id|n|5|" + extension
    assert cef_of_event(read("cef", [line])[0])[1] == ours
    found = cefp.CEFParser.parse(line)["extension"] if reader == "cefp" else pycef.parse(line)
    assert {key: value for key, value in found.items() if key in theirs} == theirs


def test_cef_that_cefevent_writes_is_read(read):
    from cefevent import CEFEvent

    rng = random.Random(3)
    lines, expected = [], []
    for i in range(200):
        one = CEFEvent(strict=True)
        values = {
            "deviceVendor": word(rng, HEADER + "|\\").strip() or "v", "deviceProduct": "p", "deviceVersion": str(i),
            "signatureId": f"id{i}", "name": f"n|{i}", "severity": rng.choice([0, 5, 10, "Very-High"]),
        }
        for key, value in values.items():
            one.set_prefix(key, value)
        address, port = f"192.0.2.{rng.randrange(256)}", rng.randrange(65536)
        for key, value in {"sourceAddress": address, "destinationPort": port, "message": f"text {i}", "fileName": f"f{i}"}.items():
            one.set_field(key, value)
        lines.append(one.build_cef())
        expected.append((values["deviceVendor"].strip(), values["name"], str(values["severity"]), address, port, f"text {i}", f"f{i}"))
    for event, values in zip(read("cef", lines), expected):
        assert (event["attributes"]["deviceVendor"], event["event_name"], event["severity_source"], event["src_ip"],
                event["dst_port"], event["message"], event["attributes"]["fname"]) == values


# ---- syslog ----

PRINTABLE = "".join(chr(c) for c in range(33, 127))
FACILITIES = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert",
    "clock", *(f"local{i}" for i in range(8)),
]


VALUE = PRINTABLE.replace("\\", "") + " äß€"


def escaped(value):
    return re.sub(r'(["\\\]])', r"\\\1", value)


def rfc5424_line(rng):
    name = re.sub(r'[= \]"]', "", PRINTABLE)
    time = datetime.datetime(2026, rng.randint(1, 12), rng.randint(1, 28), rng.randrange(24), rng.randrange(60), rng.randrange(60))
    stamp = time.isoformat() + rng.choice(["", ".5", ".123456"]) + rng.choice(["Z", "+01:00", "-11:30"])
    elements = {f"{word(rng, name)}@{i}": {
        f"{word(rng, name)}{k}": word(rng, VALUE, 1, 20) for k in range(rng.randint(0, 3))
    } for i in range(rng.randint(0, 3))}
    data = "".join(
        "[" + " ".join([element, *(f'{key}="{escaped(value)}"' for key, value in params.items())]) + "]"
        for element, params in elements.items()
    )
    words = [rng.choice(["-", word(rng, PRINTABLE.replace("-", ""), 1, most)]) for most in (120, 48, 128, 32)]
    message = rng.choice(["", " m" + word(rng, PRINTABLE + " ", 1, 40)])
    return f"<{rng.randrange(192)}>1 {rng.choice(['-', stamp])} {' '.join(words)} {data or '-'}{message}"


def test_rfc5424_lines_are_read_as_a_published_reader_reads_them(read):
    from syslog_rfc5424_parser import SyslogMessage

    rng = random.Random(4)
    lines = [rfc5424_line(rng) for _ in range(400)]
    for line, event in zip(lines, read("syslog", lines)):
        theirs = SyslogMessage.parse(line)
        attributes = event["attributes"]
        assert event["parse_status"] == "ok", line
        assert attributes.pop("facility") == FACILITIES[int(theirs.facility)], line
        assert event["severity_source"] == SEVERITIES[int(theirs.severity)], line
        words = (event.get("ecu_id"), attributes.pop("app_name", None), attributes.pop("procid", None), attributes.pop("msgid", None))
        nil = [None if value is None or value == "-" else str(value) for value in (theirs.hostname, theirs.appname, theirs.procid, theirs.msgid)]
        written = words[2] and (int(words[2]) if words[2].isdigit() else words[2])  # they make numbers of process ids
        assert [words[0], words[1], None if written is None else str(written), words[3]] == nil, line
        assert event.get("time_event_raw", "") == theirs.timestamp.replace("-", "", theirs.timestamp == "-"), line
        alone = [attributes.pop(key) for key in list(attributes) if re.fullmatch(r"structured_data(#\d+)?", key)]
        assert alone == [element for element, params in theirs.sd.items() if not params], line
        assert attributes == {
            f"{element}.{key}": re.sub(r'\\(["\\\]])', r"\1", value)  # they leave escapes to their caller
            for element, params in theirs.sd.items() for key, value in params.items()
        }, line
        name_of_category = event["event_name"] + (": proof of identity, passed or failed" if event["event_category"] == "authentication" else "")
        assert event["message"] in (theirs.msg or event["event_name"], theirs.msg or name_of_category), line


# Line, note of ours (None: read without one), whether they read it, why.
RFC5424_DISAGREEMENTS = [
    ("<192>1 2026-11-22T10:15:02Z h a p m - x", "bad_priority", True, "section 6.2.1: PRIVAL is 0 to 191"),
    ("<013>1 2026-11-22T10:15:02Z h a p m - x", "bad_priority", True, "section 6.2.1: no leading zeros"),
    ("<13>1 2026-02-30T10:15:02Z h a p m - x", "bad_header", True, "there is no such day"),
    (r'<13>1 - h a p m [x@1 a="\\" b="\""] x', None, False, "section 6.3.3: an escaped backslash before the quote that ends the value"),
    ("<13>1 2026-11-22t10:15:02z h a p m - x", None, False, "section 6.2.3 wants capitals; the time is clear all the same"),
    ("<13>1 2026-11-22T10:15:02.1234567Z h a p m - x", None, False, "at most 6 digits; Windows writes 7, and none is lost"),
]


@pytest.mark.parametrize("line,note,is_read,_why", RFC5424_DISAGREEMENTS)
def test_rfc5424_lines_that_readers_see_differently(read, line, note, is_read, _why):
    from syslog_rfc5424_parser import ParseError, SyslogMessage

    event = read("syslog", [line])[0]
    assert [one["code"] for one in event.get("parse_notes", [])] == ([note] if note else [])
    try:
        SyslogMessage.parse(line)
        assert is_read
    except ParseError:
        assert not is_read


def test_messages_that_a_logging_handler_writes_are_read(read):
    from rfc5424logging import Rfc5424SysLogHandler

    rng = random.Random(5)
    handler = Rfc5424SysLogHandler(
        address=("127.0.0.1", 9), hostname="gw", appname="app", procid="77", enterprise_id="32473", utc_timestamp=True)
    records, lines = [], []
    for i in range(100):
        text = word(rng, PRINTABLE + " äß€", 1, 40).strip() or "x"
        record = logging.LogRecord("n", logging.WARNING, "f", 1, text.replace("%", "%%"), (), None)
        record.structured_data = {"data": {"key": word(rng, PRINTABLE + " äß€")}}
        record.msgid = f"M{i}"
        records.append((text, record.structured_data["data"]["key"], record))
        lines.append(handler.build_msg(record))
    handler.close()
    framed = [b"%d %s" % (len(line), line) for line in lines]
    for results in (read("syslog", lines), read("syslog", framed)):
        for (text, value, record), event in zip(records, results):
            assert event["parse_status"] == "ok"
            assert event["message"] == record.getMessage() == text.replace("%", "%%")
            assert event["attributes"]["data@32473.key"] == value
            assert (event["ecu_id"], event["event_name"], event["severity_source"]) == ("gw", record.msgid, "warning")
            assert abs(int(event["time_event_ns"]) / 1e9 - record.created) < 1e-3


def test_rfc3164_lines_are_read_as_a_published_reader_reads_them(read):
    import syslogmp

    rng = random.Random(6)
    lines = []
    for _ in range(300):
        time = datetime.datetime(RECEIVED_YEAR, rng.randint(1, 11), rng.randint(1, 22), rng.randrange(24), rng.randrange(60), rng.randrange(60))
        stamp = f"{time:%b} {time.day:2d} {time:%H:%M:%S}"
        tag = rng.choice(["", "su: ", "kernel[12]: ", "%ASA-6-302013: ", "a/b[7]: "])
        lines.append(f"<{rng.randrange(192)}>{stamp} {word(rng, string.ascii_letters + string.digits + '.-/', 1, 40)} {tag}{word(rng, 'abcxyz ', 1, 40).strip() or 'x'}")
    for line, event in zip(lines, read("syslog", lines)):
        theirs = syslogmp.parse(line.encode())
        attributes = event["attributes"]
        assert attributes["facility"] == FACILITIES[theirs.facility.value]
        assert event["severity_source"] == SEVERITIES[theirs.severity.value]
        assert event["ecu_id"] == theirs.hostname
        tag = attributes.get("app_name", "") + (f"[{attributes['procid']}]" if "procid" in attributes else "")
        assert (f"{tag}: " if tag else "") + event["message"] == theirs.message.decode()  # they leave the tag in it
        ours = datetime.datetime.fromtimestamp(int(event["time_event_ns"]) // 10**9, datetime.timezone.utc)
        assert ours.replace(tzinfo=None, year=theirs.timestamp.year) == theirs.timestamp
        assert ours.year == RECEIVED_YEAR and event["time_quality"] == "inferred"


# ---- LEEF ----

def test_leef_that_a_writer_made_from_its_guide_writes_is_read(read):
    rng = random.Random(7)
    written, lines = [], []
    for _ in range(400):
        form, delimiter = rng.choice([
            ("1.0", "\t"), ("2.0", "\t"), ("2.0|", "\t"), ("2.0|^", "^"), ("2.0|0x5E", "^"), ("2.0|x5e", "^"), ("2.0|x09", "\t"),
            ("2.0|;", ";"), ("2.0|0xA6", "¦"), ("2.0|¦", "¦"),
        ])
        version, _, field = form.partition("|")
        header = [word(rng, HEADER + "|\\") for _ in range(4)]
        letters = (HEADER + "|\\").replace(delimiter, "")
        attributes = {word(rng, string.ascii_letters) + "_k": word(rng, letters, 1, 30) for _ in range(rng.randint(1, 8))}
        start = [f"LEEF:{version}", *(one.replace("\\", "\\\\").replace("|", "\\|") for one in header)]
        if "|" in form:
            start.append(field)
        lines.append("|".join([*start, delimiter.join(f"{key}={value}" for key, value in attributes.items())]).rstrip())
        last = list(attributes)[-1]
        attributes[last] = attributes[last].rstrip()
        written.append((header, {key: value for key, value in attributes.items() if value}))
    for line, event, (header, attributes) in zip(lines, read("leef", lines), written):
        found = dict(event["attributes"])
        assert [found.pop(key) for key in ("deviceVendor", "deviceProduct", "deviceVersion")] + [event["rule_id"]] == header, line
        assert found == attributes, line
        assert "parse_notes" not in event, line
