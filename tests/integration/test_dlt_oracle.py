"""`vsocd parse --format dlt` against dlt-convert of COVESA dlt-daemon (Debian package dlt-tools), on random messages.

Left out is what dlt-convert does not do: it prints named and big-endian numbers of the codings hex and binary wrongly, reads no
arrays and structures, and stops at a broken message. The seed is fixed.
"""

import base64
import datetime
import json
import random
import re
import struct
import subprocess

import pytest

LINE = re.compile(r"(\d+) (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6}) +(\S+) (\d{3}) (\S{4}) (\S{4}) (\S{4}) (.*?) ([VN]) (\S+) \[(.*)\]")
TYPES = {"log": "log", "app_trace": "app_trace", "nw_trace": "network_trace", "control": "control"}
NAMED = 0x800


def some_text(rng):
    return "".join(rng.choice("abcXYZ 0189_-:äß€") for _ in range(rng.choice([0, 1, 8, 40]))).encode() + b"\0"


def some_bytes(rng, size):
    return bytes(rng.randrange(256) for _ in range(size))


def number(rng, order):
    kind, (length, width) = rng.choice([0x20, 0x40]), rng.choice([(1, 1), (2, 2), (3, 4), (4, 8), (5, 16)])
    if rng.random() < 0.3:
        kind, (length, width) = 0x80, rng.choice([(3, 4), (4, 8)])
        value = struct.pack(order + ("f" if width == 4 else "d"), rng.choice([0.0, -1.5, 20.25, rng.uniform(-1e6, 1e6), float("inf"), float("nan")]))
    else:
        value = rng.choice([bytes(width), b"\xff" * width, some_bytes(rng, width)])
    info, names, fixed = kind | length, b"", b""
    if rng.random() < 0.4:
        name, unit = some_text(rng), some_text(rng)
        info, names = info | NAMED, struct.pack(order + "HH", len(name), len(unit)) + name + unit
    if kind != 0x80 and rng.random() < 0.2:
        info, fixed = info | 0x1000, struct.pack(order + "f", 0.5) + some_bytes(rng, max(4, width))
    return struct.pack(order + "I", info) + names + fixed + value


def argument(rng, order):
    choice = rng.random()
    if choice < 0.5:
        return number(rng, order)
    name = some_text(rng) if rng.random() < 0.4 else None
    named = NAMED if name is not None else 0
    name_size = struct.pack(order + "H", len(name)) if named else b""
    if choice < 0.6:
        return struct.pack(order + "I", 0x11 | named) + name_size + (name or b"") + bytes([rng.randrange(2)])
    if choice < 0.85:
        info, data = rng.choice([0x200, 0x8200]), some_text(rng)
    else:
        info, data = 0x400, some_bytes(rng, rng.choice([1, 2, 8, 64]))
    return struct.pack(order + "IH", info | named, len(data)) + name_size + (name or b"") + data


def message(rng):
    htyp = 0x20 | rng.randrange(32)
    order = ">" if htyp & 2 else "<"
    headers = b"ECU" + bytes([rng.choice(b"A\0")]) if htyp & 4 else b""
    headers += some_bytes(rng, 4) if htyp & 8 else b""
    headers += some_bytes(rng, 4) if htyp & 16 else b""
    count = rng.randrange(1, 6)
    payload = b"".join(argument(rng, order) for _ in range(count))
    verbose = htyp & 1 and rng.random() < 0.8
    if not verbose:
        payload = some_bytes(rng, rng.choice([4, 5, 40]))
    if htyp & 1:
        info = rng.choice([(0, rng.randrange(1, 7)), (1, rng.randrange(1, 6)), (2, rng.randrange(1, 5))])
        headers += bytes([int(verbose) | info[0] << 1 | info[1] << 4, count]) + rng.choice([b"APP\0", b"GW1A"]) + rng.choice([b"CTX\0", b"CTX1"])
    storage = b"DLT\1" + struct.pack("<II", rng.getrandbits(31), rng.randrange(1_000_000)) + b"ECUS"
    return storage + struct.pack(">BBH", htyp, rng.randrange(256), 4 + len(headers) + len(payload)) + headers + payload


def converted(path):
    run = subprocess.run(["dlt-convert", "-a", path], capture_output=True, timeout=60, check=True, env={"TZ": "UTC", "PATH": "/usr/bin"})
    return [LINE.fullmatch(line) or line for line in run.stdout.decode().splitlines()]


def padded(text):
    return (text or "").ljust(4, "-")


VALUES = {letter: int(value) for letter, value in zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", "012345678912345678123457923456789")}
WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def without_vins(text):
    """What has the form and the check digit of a VIN (ISO 3779, 49 CFR 565.15), as random numbers do, is scrubbed."""

    def scrubbed(match):
        rest = sum(VALUES[letter] * weight for letter, weight in zip(match[0].upper(), WEIGHTS)) % 11
        return "vin:" if match[0][8].upper() == "0123456789X"[rest] else match[0]

    return re.sub(r"(?<![0-9A-Za-z])[0-9A-HJ-NPR-Za-hj-npr-z]{17}(?![0-9A-Za-z])", scrubbed, text)


def check(event, line):
    attributes = event["attributes"]
    _, time, uptime, counter, ecu, app, context, kind, verbose, count, payload = line.groups()
    when = datetime.datetime.strptime(time + "+0000", "%Y/%m/%d %H:%M:%S.%f%z") - datetime.datetime.fromtimestamp(0, datetime.timezone.utc)
    assert int(event["time_event_ns"]) == when // datetime.timedelta(microseconds=1) * 1000
    assert str(attributes.get("uptime_100us", "----------")) == uptime
    assert attributes["mcnt"] == int(counter)
    assert [padded(event["ecu_id"]), padded(attributes.get("apid")), padded(attributes.get("ctid"))] == [ecu, app, context]
    assert ("arguments" in attributes) == (verbose == "V")
    if verbose == "V":
        assert event["parse_status"] == "ok" and len(attributes["arguments"]) == int(count)
        assert re.sub("vin:[0-9a-f]{8}", "vin:", event["message"]) == (without_vins(payload) or event["event_name"])
    else:
        number, _, data = payload.partition(", ")
        assert attributes["message_id"] == int(number) and event["parse_status"] == "ok"
        assert data == "" or bytes.fromhex(data) == base64.b64decode(event["context_raw"])
    if "type" in attributes:
        words = kind.split(" ")
        assert TYPES[words[0]] == attributes["type"]
        if attributes["type"] == "log":
            assert words[1] == event["severity_source"]


@pytest.mark.parametrize("seed", range(8))
def test_random_messages_give_what_dlt_convert_gives(build, tmp_path, seed):
    rng = random.Random(seed)
    path = tmp_path / "file.dlt"
    path.write_bytes(b"".join(message(rng) for _ in range(250)))
    run = subprocess.run([build / "vsocd", "parse", "--format", "dlt", path], capture_output=True, timeout=60, check=True)
    events, lines = [json.loads(line) for line in run.stdout.decode().splitlines()], converted(path)
    assert len(events) == len(lines) == 250
    for event, line in zip(events, lines):
        check(event, line)
