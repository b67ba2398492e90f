"""A spool whose bytes have changed: the start neither stops nor repeats itself, nothing altered reaches a sink, everything
that is whole does, and what is not is named.

Every place of a small spool is damaged by tests/support/spool_damage.c. VSOCD_CORRUPTION_STRIDE=1 does every single one
(about 15 min); the ordinary run takes every n-th. What is done to whole files goes through the real program.
"""

import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "integration"), str(ROOT / "tests" / "support")]

import spool_reader  # noqa: E402
from harness import event, ndjson, wait_until  # noqa: E402

STRIDES = {"flip": 101, "cut": 23, "zero-sector": 23, "zero-page": 23, "garbage": 23}
BATCHES = 14


def make_spool(build, directory):
    subprocess.run([build / "unit" / "spool_make", "--batches", str(BATCHES), "--events", "2", "--segment-bytes", "11400",
                    directory], check=True, capture_output=True, timeout=60)
    return directory


@pytest.fixture
def spool(build, tmp_path):
    return make_spool(build, tmp_path / "pristine")


@pytest.fixture
def memory():
    """A folder in memory where there is such a place: the disk is not what is tested."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        yield pathlib.Path(folder)


@pytest.mark.parametrize("kind", STRIDES)
def test_damage_in_any_place_loses_no_more_than_what_it_touches(build, spool, memory, kind):
    stride = os.environ.get("VSOCD_CORRUPTION_STRIDE", str(STRIDES[kind]))
    done = subprocess.run([build / "unit" / "spool_damage", spool, memory / "work", kind, stride], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert int(done.stdout.split()[-4]) > 100


class State:
    """A damaged spool. lost: positions that can't be had any more; file, offset: where `check` must point; silent: no damage."""

    def __init__(self, folder):
        self.folder = folder
        self.segments = sorted(folder.glob("*.seg"))
        self.records = {path: [] for path in self.segments}
        for segment, record in spool_reader.read_spool(folder):
            self.records[segment.path].append(record)
        self.lost, self.file, self.offset, self.silent, self.counted = set(), None, None, False, True

    def positions(self, *numbers):
        return {record.position for number in numbers for record in self.records[self.segments[number]]}

    def point(self, number, offset=None):
        self.file, self.offset = self.segments[number].name, offset


def change(path, offset, replace):
    data = bytearray(path.read_bytes())
    data[offset:offset + len(replace)] = replace
    path.write_bytes(data)


def seal(path, offset, header):
    """Writes a record's header with its CRC made right."""
    header[4:8] = struct.pack("<I", spool_reader.crc32c(bytes(header[8:320])))
    change(path, offset, header)


def garbage(size):
    return random.Random(size).randbytes(size)


def flipped_payload(state, _):
    record = state.records[state.segments[1]][1]
    change(state.segments[1], record.offset + 320 + len(record.key_area) + 5, bytes([state.segments[1].read_bytes()[record.offset + 320 + len(record.key_area) + 5] ^ 4]))
    state.lost = {record.position}
    state.point(1, record.offset)


def zeroed_page(state, _):
    change(state.segments[0], 8192, bytes(512))
    state.lost = {r.position for r in state.records[state.segments[0]] if r.offset < 8192 + 512}
    state.point(0, 8192)


def one_header_copy(state, _):
    change(state.segments[1], 0, bytes(4096))
    state.point(1, 0)


def both_header_copies(state, _):
    change(state.segments[1], 0, bytes(8192))
    state.point(1, 0)


def headers_and_first_record(state, _):
    change(state.segments[1], 0, bytes(8192 + 320))
    state.lost = state.positions(1)
    state.point(1, 0)


def swapped_segments(state, _):
    one, two = state.segments[0], state.segments[2]
    a, b = one.read_bytes(), two.read_bytes()
    one.write_bytes(b)
    two.write_bytes(a)
    state.lost = state.positions(0, 2)
    state.point(0, 0)


def duplicated_segment(state, _):
    copy = state.folder / "00000000000000000003.seg"
    shutil.copy(state.segments[1], copy)
    state.file, state.offset = copy.name, 0


def duplicated_behind_the_last(state, _):
    copy = state.folder / "00000000000000000099.seg"
    shutil.copy(state.segments[1], copy)
    state.file, state.offset = copy.name, 0


def deleted_middle_segment(state, _):
    state.segments[1].unlink()
    state.lost = state.positions(1)
    state.point(2)


def deleted_oldest_segment(state, _):
    state.segments[0].unlink()
    state.lost = state.positions(0)
    state.silent, state.counted = True, False  # as retention leaves it


def garbage_behind_a_sealed_segment(state, _):
    size = state.segments[1].stat().st_size
    with open(state.segments[1], "ab") as file:
        file.write(garbage(3000))
    state.point(1, size)


def garbage_behind_the_last_record(state, _):
    last = state.segments[-1]
    end = spool_end(last)
    change(last, end, garbage(700))
    state.silent, state.counted = True, False  # as a crash leaves it
    state.point(-1, end)


def truncated_at_a_record(state, _):
    cut = state.records[state.segments[1]][2]
    os.truncate(state.segments[1], cut.offset)
    state.lost = {r.position for r in state.records[state.segments[1]] if r.offset >= cut.offset}
    state.point(2)


def truncated_in_a_record(state, _):
    cut = state.records[state.segments[1]][2]
    os.truncate(state.segments[1], cut.offset + 100)
    state.lost = {r.position for r in state.records[state.segments[1]] if r.offset >= cut.offset}
    state.point(1, cut.offset)


def empty_segment_file(state, _):
    os.truncate(state.segments[1], 0)
    state.lost = state.positions(1)
    state.point(1, 0)


def empty_last_segment_file(state, _):
    os.truncate(state.segments[-1], 0)
    state.lost = state.positions(-1)
    state.point(-1, 0)


def segment_of_another_spool(state, other):
    shutil.copy(sorted(other.glob("*.seg"))[1], state.segments[1])
    state.lost = state.positions(1)
    state.point(1, 0)


def huge_record_size(state, _):
    path, record = state.segments[0], state.records[state.segments[0]][1]
    header = bytearray(path.read_bytes()[record.offset:record.offset + 320])
    header[8:12] = struct.pack("<I", 1 << 30)
    header[184:188] = struct.pack("<I", (1 << 30) - 320 - len(record.key_area) - sum(struct.unpack_from("<II", header, 176)) & ~7)
    seal(path, record.offset, header)
    state.lost = {record.position}
    state.point(0, record.offset)


def huge_file_size_in_the_last_header(state, _):
    path, end = state.segments[-1], spool_end(state.segments[-1])
    for copy in (0, 4096):
        header = bytearray(path.read_bytes()[copy:copy + 128])
        header[96:104] = struct.pack("<Q", 1 << 62)
        header[124:128] = struct.pack("<I", spool_reader.crc32c(bytes(header[:124])))
        change(path, copy, header)
    change(path, end, b"torn")
    state.silent, state.counted = True, False
    state.point(-1, end)


def cursors_of_another_spool(state, other):
    shutil.copy(other / "cursors", state.folder / "cursors")
    state.silent, state.counted = True, False


def cursors_of_garbage(state, _):
    (state.folder / "cursors").write_bytes(garbage(16384))
    state.silent, state.counted = True, False
    state.file, state.offset = "cursors", 0


def empty_cursors(state, _):
    (state.folder / "cursors").write_bytes(b"")
    state.silent, state.counted = True, False


def spool_end(path):
    data = path.read_bytes()
    header = spool_reader.read_segment_header(path, data)
    at, record = 8192, True
    while record:
        record, at = spool_reader.read_record(header, data, at)
    return at


STATES = [flipped_payload, zeroed_page, one_header_copy, both_header_copies, headers_and_first_record, swapped_segments,
          duplicated_segment, duplicated_behind_the_last, deleted_middle_segment, deleted_oldest_segment,
          garbage_behind_a_sealed_segment, garbage_behind_the_last_record, truncated_at_a_record, truncated_in_a_record,
          empty_segment_file, empty_last_segment_file, segment_of_another_spool, huge_record_size,
          huge_file_size_in_the_last_header, cursors_of_another_spool, cursors_of_garbage, empty_cursors]


def item_key(line):
    """What an event or a reject is known by."""
    if "quarantine" in line:
        return line["quarantine"]["batch_uid"], line["quarantine"]["index"]
    return line["event_uid"]


def export(server, folder, code):
    done = server.run("spool", "export", folder, check=False)
    assert done.returncode == code, done.stderr
    return {item_key(one): one for one in map(json.loads, done.stdout.splitlines())}


def file_lines(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in lines if "audit_uid" not in line]


@pytest.mark.parametrize("damage", STATES, ids=lambda one: one.__name__)
def test_server_on_a_damaged_spool_tells_it_and_delivers_the_rest(build, make_server, spool, tmp_path, damage):
    lines = tmp_path / "events.ndjson"
    server = make_server({"sinks": {"file": {"enabled": True, "path": str(lines)}}, "spool": {"segment_bytes": "1MiB"}},
                         start=False)
    server.spool_dir.parent.mkdir(parents=True)
    shutil.copytree(spool, server.spool_dir)
    server.write_keys()
    state = State(server.spool_dir)
    batch_positions = {str(r.batch_uid): r.position for records in state.records.values() for r in records}
    pristine = export(server, server.spool_dir, 0)
    damage(state, make_spool(build, tmp_path / "other"))

    checked = server.run("spool", "check", "--json", server.spool_dir, check=False)
    findings = json.loads(checked.stdout)["findings"]
    assert checked.returncode == (0 if state.silent else 1), findings
    if state.file:
        assert any(f["file"] == state.file and state.offset in (None, f["offset"]) for f in findings), findings
    whole = {key for key, one in pristine.items()
             if batch_positions[one.get("quarantine", one)["batch_uid"]] not in state.lost}

    server.start()
    server.post(ndjson([event(1)]))
    server.wait_for_sinks()
    delivered = file_lines(lines)
    old = {item_key(one): one for one in delivered if item_key(one) in pristine}
    assert len(old) + 1 == len(delivered)
    assert set(old) == whole
    for key, one in old.items():
        expected = pristine[key]
        if "quarantine" in one:
            one, expected = one["quarantine"], expected["quarantine"]
        own = ("position", "raw")  # the export's: sinks get a reference to a quarantined record
        assert {name: one[name] for name in expected if name not in own} == {name: value for name, value in expected.items() if name not in own}
    assert bool(server.metric("vsocd_spool_corrupt_segments_total")) == state.counted
    ready = server.get("/readyz?verbose")
    assert ready.status == 200 and (b"damaged segments found at start" in ready.body) == state.counted
    if state.counted:
        assert "missing" in server.log() or (state.file in server.log() and any((server.spool_dir / "corrupt").iterdir()))
    assert server.metric("vsocd_sink_position") == server.metric("vsocd_spool_position")

    assert server.terminate() == 0
    server.start()
    wait_until(lambda: server.metric("vsocd_sink_lag_events") == 0, 30, "the sink catching up")
    assert server.metric("vsocd_spool_corrupt_segments_total") == 0, "damage is told once"
    assert len(file_lines(lines)) == len(delivered)
    assert set(export(server, server.spool_dir, 0)) >= whole


def test_verify_breaks_at_the_record_that_was_altered_and_at_no_other(build, make_server, spool):
    server = make_server(start=False)
    pairs = list(spool_reader.read_spool(spool))
    for number, (segment, record) in enumerate(pairs):
        data = segment.path.read_bytes()
        header = bytearray(data[record.offset:record.offset + 320])
        header[40] ^= 1  # received_ns
        seal(segment.path, record.offset, header)
        report = json.loads(server.run("spool", "verify", "--json", spool, check=False).stdout)
        found = [(f["kind"], f["file"], f["offset"], f["position"]) for f in report["findings"]]
        assert found == [("chain_broken", segment.path.name, record.offset, record.position)], number
        assert report["chain_broken_at"] == record.position
        segment.path.write_bytes(data)
    assert server.run("spool", "verify", spool).returncode == 0
