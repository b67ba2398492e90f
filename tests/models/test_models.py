"""The models hold in all their interleavings, and each fault that can be planted in them is found. Needs spin and a C compiler.

VSOCD_MODELS=large: larger sizes too, which take minutes and some GiB of memory.
"""

import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent

SIZES = [
    ("group_commit", "WORKERS=2", "BATCHES=1"),
    ("group_commit", "WORKERS=1", "BATCHES=3"),
    ("group_commit", "WORKERS=2", "BATCHES=1", "TIMEOUTS"),
    ("group_commit", "WORKERS=2", "BATCHES=1", "OWNER_GOES"),
    ("retire", "LANES=1"),
    ("retire", "LANES=1", "RESTORES"),
    ("retire", "LANES=2", "RECORDS=2", "PER_SEGMENT=1", "FAILURES=1"),
    ("keeper", "SEGMENTS=2", "SPARES", "REPEATS"),
    ("keeper", "SEGMENTS=3"),
    ("evidence", "RECORDS=2", "CRASHES=1"),
]
LARGE = [
    ("group_commit", "WORKERS=2", "BATCHES=2"),
    ("retire", "LANES=1", "RECORDS=8", "RESTORES"),
    ("retire", "LANES=2", "RECORDS=3", "PER_SEGMENT=1", "FAILURES=1"),
    ("keeper", "SEGMENTS=3", "SPARES", "REPEATS"),
    ("keeper", "SEGMENTS=4", "FAILURES=2"),
    ("evidence", "RECORDS=3", "CRASHES=1"),
]
FAULTS = [
    ("group_commit", "NOTIFY_BEFORE_PUSH", "BATCHES=1"),
    ("group_commit", "CLEAR_AFTER_TAKE", "WORKERS=1", "BATCHES=2"),
    ("group_commit", "VERDICT_BEFORE_SYNC", "BATCHES=1"),
    ("group_commit", "CLOSED_AFTER_WAIT", "BATCHES=1", "TIMEOUTS"),
    ("group_commit", "STOP_WITHOUT_DRAIN", "BATCHES=1"),
    ("group_commit", "GO_ON_AFTER_FAILURE", "BATCHES=1"),
    ("group_commit", "GIVE_BACK_TWICE", "BATCHES=1"),
    ("retire", "PUBLISH_BEFORE_SYNC", "LANES=1"),
    ("retire", "ADVANCE_BEFORE_DELIVERY", "LANES=1"),
    ("retire", "UNLINK_BEFORE_STORE", "LANES=1"),
    ("retire", "UNLINK_PASSED_BY_ONE", "LANES=1"),
    ("retire", "UNLINK_BEFORE_RECORD", "LANES=1"),
    ("retire", "WAIT_WITHOUT_LOOK", "LANES=1"),
    ("retire", "FORGET_TRIED_LOAD", "LANES=1"),
    ("keeper", "UNLINK_BEFORE_KEEP", "SEGMENTS=2"),
    ("keeper", "UNLINK_WITHOUT_SYNC", "SEGMENTS=2"),
    ("keeper", "LIST_AFTER_REMOVAL", "SEGMENTS=2", "REPEATS"),
    ("keeper", "LOOK_WITHOUT_LOCK", "SEGMENTS=2"),
    ("keeper", "CLEAR_AFTER_LOOK", "SEGMENTS=2"),
    ("keeper", "KEEP_INDEX_OF_GONE", "SEGMENTS=2"),
    ("keeper", "REMOVE_INDEX_FIRST", "SEGMENTS=2"),
    ("keeper", "TRUNCATE_AFTER_INDEX", "SEGMENTS=2"),
    ("keeper", "INDEX_THE_ACTIVE", "SEGMENTS=3"),
    ("keeper", "READY_BEFORE_SYNC", "SEGMENTS=2", "SPARES"),
    ("keeper", "WANT_BEFORE_RENAME", "SEGMENTS=3", "SPARES"),
    ("evidence", "SIGN_BEFORE_SYNC"),
    ("evidence", "SHOW_BEFORE_STORE"),
    ("evidence", "ADVANCE_BEFORE_STORE"),
    ("evidence", "READ_BEFORE_SYNC", "RECORDS=1"),
]


def search(folder, model, *defines):
    """(errors, what spin says) of all interleavings."""
    done = subprocess.run(["spin", "-a", *(f"-D{one}" for one in defines), str(HERE / f"{model}.pml")], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and (folder / "pan.c").exists(), done.stdout + done.stderr
    subprocess.run(["cc", "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c"], cwd=folder, check=True)
    said = subprocess.run(["./pan", "-m1000000"], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert "error: max search depth too small" not in said
    return int(re.search(r"errors: (\d+)", said)[1]), said


def name(case):
    return " ".join(case)


@pytest.mark.parametrize("case", SIZES + (LARGE if os.environ.get("VSOCD_MODELS") == "large" else []), ids=name)
def test_model_holds(tmp_path, case):
    errors, said = search(tmp_path, *case)
    print(re.search(r".*states, stored", said)[0])
    assert errors == 0 and "Search not completed" not in said, said


@pytest.mark.parametrize("case", FAULTS, ids=name)
def test_planted_fault_is_found(tmp_path, case):
    errors, said = search(tmp_path, *case)
    assert errors == 1, said


def test_every_fault_of_a_model_is_planted():
    for model in {model for model, *_ in SIZES}:
        text = (HERE / f"{model}.pml").read_text()
        told = set(re.findall(r"[A-Z]+(?:_[A-Z]+)+", text[text.index("Planted faults:"):text.index("*/")]))
        assert told == {fault for known, fault, *_ in FAULTS if known == model}
