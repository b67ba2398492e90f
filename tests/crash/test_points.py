"""The server dies at each crash point of storage/fault_points.def."""

import os
import signal
import subprocess

import pytest

from faults import POINTS
from harness import Vsocd


@pytest.fixture
def faulty(build):
    """Program with the crash points."""
    return build / "unit" / "vsocd_faults"


def run(program, fault, *words):
    return subprocess.run([program, *words], env=dict(os.environ, VSOCD_FAULT=fault), capture_output=True, text=True, timeout=60)


def test_program_prints_the_table(faulty):
    lines = run(faulty, "list", "version").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == POINTS
    assert len(set(POINTS)) == len(POINTS)


@pytest.mark.parametrize("wish", ["no_such_point", "spool_records_written:0", "spool_records"])
def test_unknown_point_is_refused(faulty, wish):
    done = run(faulty, wish, "version")
    assert done.returncode == 64 and wish in done.stderr


def test_product_has_no_point(build, faulty):
    assert [point for point in POINTS if point.encode() + b"\0" not in faulty.read_bytes()] == []
    product = (build / "vsocd").read_bytes()
    assert [point for point in POINTS if point.encode() in product] == []
    assert b"VSOCD_FAULT" not in product
    assert run(build / "vsocd", "no_such_point", "version").returncode == 0


@pytest.mark.parametrize("point", ["keys_written", "keys_synced", "keys_linked"])
def test_key_file_is_whole_or_not_there(build, faulty, tmp_path, point):
    """Before, a crash in the first start left half a file, and no later start went on from it."""
    server = Vsocd(build, tmp_path, {})
    server.program = faulty
    for _ in range(3):
        server.environment = {"VSOCD_FAULT": point}
        server.start(wait=False)
        if point == "keys_linked" and (tmp_path / "vin.keys").exists():
            break
        assert server.process.wait(60) == -signal.SIGKILL
    server.kill()
    server.environment = {}
    server.start()
    server.stop_for_good()
