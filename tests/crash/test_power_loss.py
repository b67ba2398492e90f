"""Whatever a power cut leaves of the disk, vsocd starts on it, has every granted batch, once, and goes on.

VSOCD_POWER_STATES: how many distinct states; VSOCD_POWER_SEED: which ones. The recording of a failed run is kept; the failure says how to build
the state again.
"""

import itertools
import os
import pathlib
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/crash"), str(ROOT / "tests/integration")]

from power import record  # noqa: E402
from power.disk import FOLDER, Disk, read_tree  # noqa: E402
from power.hunt import hunt, place  # noqa: E402
from power.states import states  # noqa: E402

STATES = int(os.environ.get("VSOCD_POWER_STATES", "2000"))
SEED = int(os.environ.get("VSOCD_POWER_SEED", "1"))
RECOVERIES = 16


@pytest.fixture(scope="module")
def folder():
    """In memory: a recording syncs a lot."""
    with tempfile.TemporaryDirectory(dir=place(), prefix="vsocd-recording-") as folder:
        yield pathlib.Path(folder)


@pytest.fixture(scope="module")
def run(build, folder):
    return record.record_run(build, folder / "run")


@pytest.fixture(scope="module")
def recoveries(build, folder, run):
    """Recordings of vsocd starting on states that a first cut left."""
    numbers = range(1_000_000, 1_000_000 + RECOVERIES)
    return [record.record_recovery(build, folder / f"recovery-{state.number}", state, run) for state in states(run, SEED, numbers)]


def demand(build, recording, hunted):
    if not hunted.failures:
        return
    kept = pathlib.Path(build) / "power-failures" / f"{recording.name}-{SEED}"
    record.copy(recording, kept)
    lines = [f"state {number}: {text[:1500]}" for number, text in sorted(hunted.failures.items())]
    again = f"/usr/bin/python3 tests/crash/power {kept} {min(hunted.failures)} NEW-FOLDER --seed {SEED} --build {build}"
    pytest.fail("\n".join(["broken promises:", *lines, "to look at the first one:", again]), pytrace=False)


def test_recording_misses_nothing(run):
    disk = Disk()
    for note in run.notes:
        disk.apply(note)
    kept = disk.kept_names(lambda: True)
    model = {path: file if file is FOLDER else file.content(len(file.pending), lambda: True) for path, file in kept.items()}
    real = read_tree(run.folder / "disk")
    assert sorted(path for path in {*model, *real} if model.get(path) != real.get(path)) == []


def test_recording_has_all_that_can_break(run):
    assert len([note for note in run.notes if note.op == "r" and note.name.endswith(".seg.new")]) >= 5, "segments roll"
    removals = [number for number, note in enumerate(run.notes) if note.op == "u" and note.name.endswith(".seg")]
    commits = [sum(note.op == "s" and note.name.endswith(".seg") for note in run.notes[first:second]) for first, second in itertools.pairwise(removals)]
    assert 1 in commits, "segments go, several at once: between them only the record of the removal is committed"
    assert [note for note in run.notes if note.op == "r" and note.data.endswith(b"events.ndjson.2")], "files rotate"
    assert len(run.batches) == len(set(run.batches.values())) >= 40


def test_power_cut_loses_and_doubles_nothing(build, run):
    wanted = STATES * 6 // 10
    hunted = hunt(build, run, SEED, wanted)
    demand(build, run, hunted)
    assert hunted.distinct == wanted


def test_second_power_cut_while_or_after_recovering_loses_and_doubles_nothing(build, recoveries):
    wanted = max(1, STATES * 4 // 10 // len(recoveries))
    for recording in recoveries:
        hunted = hunt(build, recording, SEED, wanted)
        demand(build, recording, hunted)
        assert hunted.distinct == wanted


def is_sync_of(*endings):
    return lambda note: note.op in "sd" and note.name.endswith(endings)


@pytest.mark.parametrize(
    "forgotten",
    [
        is_sync_of(".seg"),
        is_sync_of("events.ndjson"),
        is_sync_of(".position.new"),
        is_sync_of("data/spool"),
        is_sync_of("data"),
        lambda note: note.op == "d" and note.name == "",
        lambda note: note.op == "s" and "vin.keys" in note.name,
    ],
    ids=["batches", "file", "position", "segment names", "file names", "data_dir", "keys"],
)
def test_sync_that_is_left_out_is_found(build, run, forgotten):
    hunted = hunt(build, record.without(run, forgotten), SEED, 200, enough=1)
    assert hunted.failures
