"""Records of the wall clock's state in the spool (kind 5): at the start, and when the clock is set."""

import contextlib
import json
import struct

import spool_reader
from harness import wait_until


def clock_records(server):
    """All records of the clock's state that are whole, oldest first."""
    found = []
    with contextlib.suppress(spool_reader.SpoolError):  # one is being written
        for _, record in spool_reader.read_spool(server.spool_dir, kinds=(5,)):
            found.append(json.loads(record.body))
    return found


def test_state_of_the_clock_is_on_record_at_the_start_and_when_it_is_set(build, make_server, tmp_path):
    added = tmp_path / "added"
    added.write_bytes(struct.pack("<q", 0))
    environment = {"FAKE_CLOCK": str(added), "LD_PRELOAD": str(build / "unit" / "fake_clock.so")}
    server = make_server({}, environment=environment)
    wait_until(lambda: [one["reasons"] for one in clock_records(server)] == [["started"]], what="the record of the start")
    steps = server.metric("vsocd_clock_steps_total")
    added.write_bytes(struct.pack("<q", 7_000_000_000))
    wait_until(lambda: server.metric("vsocd_clock_steps_total") > steps, what="the step")
    wait_until(lambda: len(clock_records(server)) == 2, what="the record")
    last = clock_records(server)[-1]
    assert last["reasons"] == ["stepped"] and abs(last["step_ns"] - 7_000_000_000) < 200_000_000
    assert last["known"] and isinstance(last["synchronised"], bool)
    assert server.metric("vsocd_clock_unsynchronised") == (not last["synchronised"])
