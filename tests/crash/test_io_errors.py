"""Every call that vsocd makes fails once, or from then on, in turn: nothing acknowledged is lost, nothing crashes, spins or hangs.

A life takes batches, rolls and retires segments, rotates the file sink's files and stops; the next one, without faults, must have
everything. A run takes the errnos of a call in turn from a seed, which it prints; VSOCD_IO_ERRORS=all takes all of
them at every call, and VSOCD_IO_SEED repeats a run.
"""

import concurrent.futures
import os
import random
import shutil

import pytest

import fail_calls
from fail_calls import LATER, Fault, Life, make_earlier

ALL = os.environ.get("VSOCD_IO_ERRORS") == "all"
SEED = int(os.environ.get("VSOCD_IO_SEED", random.SystemRandom().randrange(1 << 32)))
AT_ONCE = 4

# What each file-system call may fail with; the first is tried at every call in every run.
FILE_CALLS = {
    "open": ["EMFILE", "EIO", "ENOSPC", "ENFILE", "EINTR", "ENOMEM", "EROFS", "EDQUOT", "EACCES"],
    "read": ["EIO", "EINTR"],
    "write": ["ENOSPC", "EIO", "EDQUOT", "EINTR", "EFBIG"],
    "sync": ["EIO", "ENOSPC", "EDQUOT", "EINTR"],
    "ftruncate": ["EIO", "ENOSPC", "EINTR"],
    "fallocate": ["ENOSPC", "EIO", "EOPNOTSUPP", "EINTR", "EDQUOT"],
    "rename": ["EIO", "ENOSPC", "EROFS"],
    "unlink": ["EIO", "EROFS"],
    "link": ["EIO", "EPERM", "ENOSPC"],
    "mkdir": ["ENOSPC", "EIO", "EROFS"],
    "close": ["EIO", "EINTR", "ENOSPC"],
    "stat": ["EIO", "ENOMEM"],
    "statvfs": ["EIO"],
    "flock": ["EINTR", "ENOLCK"],
    "readdir": ["EIO"],
}
OTHER_CALLS = {
    "accept4": ["EMFILE", "ENFILE", "ENOMEM", "ECONNABORTED", "EINTR"],
    "epoll_ctl": ["ENOMEM", "ENOSPC"],
    "epoll_create": ["EMFILE", "ENOMEM"],
    "eventfd": ["EMFILE", "ENOMEM"],
    "pthread_create": ["EAGAIN"],
    "socket": ["EMFILE", "ENOMEM"],
    "bind": ["EADDRINUSE", "EACCES"],
    "listen": ["EADDRINUSE"],
    "dup": ["EMFILE"],
    "mmap": ["ENOMEM"],
}


@pytest.fixture(scope="module")
def earlier(build, tmp_path_factory):
    """A life that ended with kill -9; every other begins with a copy of its folder."""
    return make_earlier(build, tmp_path_factory.mktemp("earlier"))


@pytest.fixture(scope="module")
def calls(build, tmp_path_factory, earlier):
    """{kind: number of calls in a life without faults}"""
    counts, problems = fail_calls.run(build, tmp_path_factory.mktemp("counting") / "life", earlier, "open:0:0:1")
    assert not problems, problems
    return {kind: seen for kind, (seen, _) in counts.items()}


@pytest.fixture
def run_all(build, tmp_path, earlier):
    """run_all(faults) runs a life for each, some at once; fails with what was wrong. Returns how many of the faults came."""

    def one(number, fault):
        counts, problems = fail_calls.run(build, tmp_path / str(number), earlier, fault.text, stay_s=fault.stay_s)
        return fault, counts[fault.kind][1] > 0, problems

    def run(faults):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            done = list(pool.map(one, range(len(faults)), faults))
        bad = [f"{fault.text}: {problem}" for fault, _, problems in done for problem in problems]
        assert not bad, f"VSOCD_IO_SEED={SEED}\n" + "\n".join(bad[:10])
        came = sum(came for _, came, _ in done)
        print(f"{len(faults)} lives, {came} with a fault, seed {SEED}")
        return came

    yield run
    shutil.rmtree(tmp_path, ignore_errors=True)


def each_call(kind, errors, calls, **options):
    """Each call of a life in turn, and some more for lives that have more. With every errno, or with one after the other."""
    faults = []
    for nth in range(1, calls[kind] + calls[kind] // 20 + 2):
        chosen = errors if ALL else [errors[(nth + SEED) % len(errors)]]
        faults += [Fault(kind, nth, error, **options) for error in chosen]
    return faults


@pytest.mark.parametrize("kind", FILE_CALLS)
def test_a_file_call_that_fails_once(run_all, calls, kind):
    assert run_all(each_call(kind, FILE_CALLS[kind], calls)) >= calls[kind] * 3 // 4


@pytest.mark.parametrize("kind", OTHER_CALLS)
def test_another_call_that_fails_once(run_all, calls, kind):
    assert run_all(each_call(kind, OTHER_CALLS[kind], calls)) > 0


ALLOCATIONS_APART = 1 if ALL else 8


def test_an_allocation_that_fails_once(run_all, calls):
    """One in eight, beginning where the seed says. What a 503 is for is never a 200, and what was well-formed is never quarantined."""
    nths = range(1 + SEED % ALLOCATIONS_APART, calls["alloc"] + 1, ALLOCATIONS_APART)
    assert run_all([Fault("alloc", nth, "ENOMEM") for nth in nths]) >= len(nths) // 2


FOR_GOOD = {"sync": "EIO", "write": "EIO", "fallocate": "ENOSPC", "open": "EMFILE", "rename": "EROFS", "change": "EROFS"}


@pytest.mark.parametrize("kind", FOR_GOOD)
def test_a_call_that_fails_from_then_on(run_all, calls, kind):
    """One in seven, beginning in the first half: the number of calls differs from life to life, and one of the faults must come."""
    faults = each_call(kind, [FOR_GOOD[kind]], calls, times=0)
    first = SEED % min(7, (calls[kind] + 1) // 2)
    assert run_all(faults if ALL else faults[first::7]) > 0


def test_a_file_system_that_becomes_read_only_ends_the_process_and_loses_nothing(build, tmp_path, calls):
    """As when ext4 meets an error: what is open for writing is refused, too."""
    life = Life(build, tmp_path)
    life.make(Fault("change", calls["change"] * 2 // 5, "EROFS", times=0).text)
    assert life.wait_for_start()
    life.load(LATER)
    assert life.server.ended() == 74
    assert 0 < len(life.acknowledged) < len(LATER)
    assert life.server.log().count("Read-only file system") > 0
    life.end_well()
    assert not life.problems
