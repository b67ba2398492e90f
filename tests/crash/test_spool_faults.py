"""The spool dies at each of its named crash points; after a restart every acknowledged batch is there, once, in an
unbroken chain."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from faults import POINTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import spool_reader  # noqa: E402

SPOOL = [point for point in POINTS if point.startswith("spool_")]
STARTS = ["spool_cursor_file_made", "spool_recover_cleaned", "spool_recover_done", "spool_recover_index_dropped",
          "spool_recover_segment_done", "spool_recover_synced"]
TORN = ["spool_recover_cut", "spool_recover_cut_synced", "spool_recover_floor_kept", "spool_salvage_tail_kept"]
SALVAGE = ["spool_salvage_copied", "spool_salvage_linked"]
ASIDE = ["spool_aside_unlinked"]
RETIREMENT = ["spool_cursors_synced", "spool_cursors_written", "spool_retire_chosen", "spool_retire_unlinked"]
EVICTION = ["spool_eviction_recorded"]
ON_RECORD = ["spool_retire_noted", "spool_retire_recorded"]  # of a spool with a tree
# Whether the writer or the thread beside it allocates a later segment depends on who is faster.
SPACE = ["spool_segment_allocated", "spool_spare_made"]
REPEATS = ["spool_index_kept", "spool_recalled"]  # with a window of repeats, which only the server has: test_points.py
WRITING = [point for point in SPOOL if point not in STARTS + TORN + SALVAGE + ASIDE + RETIREMENT + EVICTION + ON_RECORD + REPEATS]


@pytest.fixture
def make(build):
    """make(directory, fault=None, …) → {batch id: position} of what was acknowledged; asserts that it died when it should."""
    def run(directory, *arguments, fault=None):
        environment = dict(os.environ, VSOCD_FAULT=fault or "")
        done = subprocess.run([build / "unit" / "spool_make_faults", "--segment-bytes", "14000", "--in-flight", "8",
                               *map(str, arguments), directory], env=environment, capture_output=True, text=True,
                              timeout=120)
        assert done.returncode == (-signal.SIGKILL if fault else 0), (fault, done.returncode, done.stderr)
        lines = [line.split() for line in done.stdout.splitlines() if line.count(" ") == 2]
        return {uid: int(position) for position, uid, events in lines if events}
    return run


def read(directory):
    """{batch id: position}; raises when the chain, a frame or an order is wrong, or a batch stands twice."""
    records = [r for _, r in spool_reader.read_spool(directory)]
    found = {str(r.batch_uid): r.position for r in records}
    assert len(found) == len(records)
    return found


@pytest.mark.parametrize(("point", "turn"), [(point, turn) for point in WRITING for turn in ([1] if point in SPACE else [1, 2, 5])])
def test_acknowledged_batches_survive(make, tmp_path, point, turn):
    acknowledged = make(tmp_path / "spool", "--batches", 200, fault=f"{point}:{turn}")
    more = make(tmp_path / "spool", "--batches", 20)
    assert not set(acknowledged.values()) & set(more.values())
    acknowledged.update(more)
    found = read(tmp_path / "spool")
    assert {uid: found.get(uid) for uid in acknowledged} == acknowledged


@pytest.mark.parametrize("point", RETIREMENT)
def test_what_cursors_have_not_passed_survives(make, tmp_path, point):
    acknowledged = make(tmp_path / "spool", "--batches", 100, "--reader", fault=point)
    acknowledged.update(make(tmp_path / "spool", "--batches", 20))
    found = read(tmp_path / "spool")
    oldest = min(found.values())
    kept = {uid: position for uid, position in acknowledged.items() if position >= oldest}
    assert len(kept) >= 20 and {uid: found.get(uid) for uid in kept} == kept


@pytest.mark.parametrize("turn", [1, 2, 3])
@pytest.mark.parametrize("point", EVICTION + ["spool_retire_chosen", "spool_retire_unlinked"])
def test_every_batch_is_there_or_on_record_as_evicted_once(make, tmp_path, point, turn):
    acknowledged = make(tmp_path / "spool", "--batches", 200, "--evict", fault=f"{point}:{turn}")
    acknowledged.update(make(tmp_path / "spool", "--batches", 100, "--evict"))
    found = read(tmp_path / "spool")
    evicted = spool_reader.read_evictions(tmp_path / "spool")
    ranges = [range(e.first, e.last + 1) for e in evicted]
    assert all(a.stop <= b.start for a, b in zip(ranges, ranges[1:])), "each batch is evicted once"
    gone = {position for one in ranges for position in one}
    assert gone and not gone & set(found.values())
    assert {uid: p for uid, p in acknowledged.items() if p not in gone} == {uid: p for uid, p in found.items() if uid in acknowledged}
    assert sum(e.batches for e in evicted) == max(gone)


def removals(directory):
    """[(first, last, position of the record)] of what is on record in the log, in its order."""
    records = [r for _, r in spool_reader.read_spool(directory, kinds=spool_reader.ALL_KINDS) if r.kind == 3]
    bodies = [(json.loads(r.body), r.position) for r in records]
    return [(body["from_position"], body["to_position"], position) for body, position in bodies]


@pytest.mark.parametrize("turn", [1, 2, 5])
@pytest.mark.parametrize("point", ON_RECORD + EVICTION + ["spool_retire_chosen", "spool_retire_unlinked", "spool_records_written", "spool_records_synced"])
def test_each_removal_is_on_record_once_and_before_it(make, tmp_path, point, turn):
    directory = tmp_path / "spool"
    arguments = ["--evict", "--tree", "--batches", 200]
    turn = turn * 8 if point.startswith("spool_records") else turn
    make(directory, *arguments, fault=f"{point}:{turn}")

    def check():
        found = removals(directory)
        assert all(last + 1 == first for (_, last, _), (first, _, _) in zip(found, found[1:])), "in order, each once"
        assert all(last < position for _, last, position in found)
        return found[-1][1] if found else 0

    oldest = int(spool_reader.segment_paths(directory)[0].stem)
    assert check() >= oldest - 1, "nothing has gone that is not on record"
    make(directory, *arguments)
    assert check() == int(spool_reader.segment_paths(directory)[0].stem) - 1 > 0
    assert spool_reader.read_evictions(directory)[-1].last == removals(directory)[-1][1]


@pytest.mark.parametrize("point", STARTS)
def test_start_that_dies_again_and_again_loses_nothing(make, tmp_path, point):
    acknowledged = make(tmp_path / "spool", "--batches", 60)
    for _ in range(3):
        make(tmp_path / "spool", "--batches", 1, fault=point)
        if point == "spool_recover_index_dropped":  # which only a start after an orderly stop passes
            acknowledged.update(make(tmp_path / "spool", "--batches", 1))
    acknowledged.update(make(tmp_path / "spool", "--batches", 10))
    found = read(tmp_path / "spool")
    assert {uid: found.get(uid) for uid in acknowledged} == acknowledged


@pytest.mark.parametrize("point", TORN + SALVAGE + ASIDE)
def test_recovery_that_dies_is_done_again(make, tmp_path, point):
    directory = tmp_path / "spool"
    acknowledged = make(directory, "--batches", 60)
    records = list(spool_reader.read_spool(directory))
    segment, victim = records[-1] if point in TORN else records[20]
    victims = {str(victim.batch_uid)}
    data = bytearray(segment.path.read_bytes())
    if point in ASIDE:
        victims = {str(record.batch_uid) for of, record in records if of.path == segment.path}
        data = bytes(len(data))
    else:
        data[victim.offset + 241] ^= 1
    segment.path.write_bytes(data)
    make(directory, "--batches", 1, fault=point)
    more = make(directory, "--batches", 10)
    found = {}
    for path in spool_reader.segment_paths(directory):
        for record in spool_reader.read_segment(path):
            assert str(record.batch_uid) not in found
            found[str(record.batch_uid)] = record.position
    assert set(acknowledged) - set(found) == victims
    assert {uid: found.get(uid) for uid in more} == more
    assert not set(more.values()) & set(acknowledged.values())
    assert any((directory / "corrupt").iterdir())
