"""`vsocd parse --format qsev` against a second decoder, on random messages and on broken ones. The seed is fixed."""

import json
import random
import struct
import subprocess

import pytest

from own_errors import own_errors
from qsev_oracle import decode_batch

ON_THE_WIRE = ("idsm_instance_id", "sensor_instance_id", "sev_id", "count", "count_saturated", "time_event_raw",
               "time_source", "time_event_ns", "context_modified", "context_version", "context_raw", "sig_state",
               "raw_offset", "raw_size")


def some_bytes(rng, size):
    return bytes(rng.randrange(256) for _ in range(size))


def random_timestamp(rng):
    first = rng.choice([rng.randrange(1_000_000_000), 999_999_999, 1_000_000_000, 0x3FFFFFFF]) | rng.choice([0, 0, 0, 1 << 30, 1 << 31])
    return struct.pack(">II", first, rng.choice([0, 0xFFFFFFFF, rng.getrandbits(32)]))


def random_context(rng, version):
    out = struct.pack(">H", rng.getrandbits(16)) if version == 2 else b""
    size = rng.choice([0, 1, 8, 26, 127, 128, 300])
    if size > 127 or rng.random() < 0.1:
        out += struct.pack(">I", size | 1 << 31)
    else:
        out += bytes([size])
    return out + some_bytes(rng, size)


def random_message(rng):
    version = rng.choice([1, 2])
    flags = rng.randrange(8) | (8 if rng.random() < 0.05 else 0)
    sev_id = rng.choice([50, 51, 103, 0x8001, 0xFFFE, 0xFFFF, rng.getrandbits(16)])
    count = rng.choice([0, 1, 0xFFFF, rng.getrandbits(16)])
    out = struct.pack(">BHHHB", version << 4 | flags, rng.getrandbits(16), sev_id, count, rng.choice([0, 0, 0, 1]))
    if flags & 2:
        out += random_timestamp(rng)
    if flags & 1:
        out += random_context(rng, version)
    if flags & 4:
        signature = some_bytes(rng, rng.choice([0, 16, 64, 72]))
        out += struct.pack(">H", len(signature)) + signature
    return out


def parse(build, tmp_path, data):
    path = tmp_path / "batch"
    path.write_bytes(data)
    run = subprocess.run([build / "vsocd", "parse", "--format", "qsev", path], capture_output=True, timeout=60, check=False)
    return run, [json.loads(line) for line in run.stdout.decode().splitlines()]


def compare(build, tmp_path, data):
    expected, broken_at = decode_batch(data)
    run, events = parse(build, tmp_path, data)
    assert len(events) == len(expected)
    for event, message in zip(events, expected):
        notes = message.pop("notes")
        assert {note["code"] for note in event.get("parse_notes", [])} == notes
        assert {name: event[name] for name in ON_THE_WIRE if name in event} == \
            {name: value for name, value in message.items() if name in ON_THE_WIRE}
        if "time_quality" in message:
            assert event["time_quality"] == message["time_quality"]
    if broken_at is None:
        assert run.returncode == 0 and not own_errors(run)
    else:
        assert run.returncode == 1
        assert f"record {len(expected)} at byte {broken_at}: " in run.stderr.decode()


@pytest.mark.parametrize("seed", range(5))
def test_random_messages_give_what_the_second_decoder_gives(build, tmp_path, seed):
    rng = random.Random(seed)
    compare(build, tmp_path, b"".join(random_message(rng) for _ in range(300)))


@pytest.mark.parametrize("seed", range(40))
def test_broken_batches_stop_where_the_second_decoder_stops(build, tmp_path, seed):
    rng = random.Random(1000 + seed)
    data = bytearray(b"".join(random_message(rng) for _ in range(20)))
    for _ in range(rng.randrange(4)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    compare(build, tmp_path, bytes(data[:rng.randrange(1, len(data))]))
