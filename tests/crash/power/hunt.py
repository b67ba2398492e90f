"""Checks many states, several at a time, each distinct one once."""

import collections
import concurrent.futures
import itertools
import os
import pathlib
import tempfile
import threading

from .check import check
from .states import fingerprint, states

AT_ONCE = 2 * (os.cpu_count() or 1)  # a check waits for half of its time
Hunt = collections.namedtuple("Hunt", "distinct failures")  # failures: {number: text}


def place():
    """A folder in memory when there is one: the states need no disk that lasts."""
    memory = pathlib.Path("/dev/shm")
    return memory if memory.is_dir() and os.access(memory, os.W_OK) else None


def hunt(build, recording, seed, wanted, enough=5):
    """Looks at so many distinct states, until enough of them have failed."""
    seen, failures, free = set(), {}, threading.Semaphore(2 * AT_ONCE)

    def look(state, folder):
        try:
            check(build, recording, state, folder)
        except Exception as error:  # whatever it is, it is of this state
            failures[state.number] = f"cut before note {state.point}, {state.mode} kept: {type(error).__name__}: {error}"
        finally:
            free.release()

    with tempfile.TemporaryDirectory(dir=place(), prefix="vsocd-power-") as folder, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        # In rounds that each go through the whole recording: of about half of the numbers the state was there before.
        rounds = (states(recording, seed, range(first, first + wanted)) for first in range(0, 10 * wanted, wanted))
        for state in itertools.chain.from_iterable(rounds):
            if len(seen) >= wanted or len(failures) >= enough:
                break
            mark = fingerprint(state)
            if mark not in seen:
                seen.add(mark)
                free.acquire()
                pool.submit(look, state, pathlib.Path(folder) / str(state.number))
    return Hunt(len(seen), failures)
