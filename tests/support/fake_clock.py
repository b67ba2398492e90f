"""A wall clock that a test sets while vsocd runs: see fake_clock.c."""

import mmap
import os
import struct

DAY_S = 86400


class FakeClock:
    """environment: what a program that shall live by this clock is started with."""

    def __init__(self, build, folder):
        path = folder / "clock"
        path.write_bytes(bytes(8))
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 8)
        # The address sanitizer wants to be the first library unless it is told that this one does no harm.
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        self.environment = {"LD_PRELOAD": str(build / "unit" / "fake_clock.so"), "FAKE_CLOCK": str(path), "ASAN_OPTIONS": sanitizer.lstrip(":")}

    def set(self, seconds):
        """The clock is so much ahead of the system's from now on; less than 0: behind."""
        self.page[:] = struct.pack("=q", int(seconds * 1e9))
