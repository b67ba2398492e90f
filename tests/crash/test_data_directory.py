"""Data directories that can't be used, are used already, or were left by another version: a clear message, status 74, nothing changed."""

import json
import os
import pathlib
import re
import shutil
import struct
import sys

import pytest

from harness import ROOT, HarnessError, event, ndjson

sys.path.insert(0, str(ROOT / "tests" / "integration"))
from spool_reader import crc32c  # noqa: E402

VERSION = int(re.search(r"SPOOL_FORMAT_VERSION\s+(\d+)", (ROOT / "storage/spool/spool_segment.h").read_text())[1])
# Nobody's rights: root passes over modes.
ORDINARY = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []


def refuses(server, text, status=74):
    """It does not start, and says why; what is there stays as it is."""
    directory = pathlib.Path(server.settings["data_dir"])
    before = files_of(directory)
    server.start(wait=False)
    assert server.ended() == status, server.log()
    assert text in server.log()
    assert files_of(directory) == before


def files_of(directory):
    if not directory.is_dir():
        return None
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file() and path.name != "lock"}


@pytest.fixture
def filled(make_server):
    """A stopped server that has one batch."""
    server = make_server()
    assert server.post(ndjson([event(1)])).status == 200
    assert server.terminate() == 0
    return server


def test_a_folder_that_can_not_be_made(make_server, tmp_path):
    refuses(make_server({"data_dir": str(tmp_path / "no" / "data")}, start=False), "No such file or directory")


@pytest.mark.parametrize("name", ["data", "data/spool"])
def test_a_file_in_its_place(make_server, tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("not a folder")
    refuses(make_server({"data_dir": str(tmp_path / "data")}, start=False), "Not a directory")
    assert path.read_text() == "not a folder"


def test_a_closed_folder(filled):
    filled.enter = ORDINARY
    filled.spool_dir.chmod(0)
    try:
        filled.start(wait=False)
        assert filled.ended() == 74
        assert "Permission denied" in filled.log()
    finally:
        filled.spool_dir.chmod(0o750)
    filled.enter = []
    filled.start()
    assert len(filled.export()) == 1


def test_a_second_process_is_refused_and_does_not_disturb_the_first(make_server):
    first = make_server()
    second = make_server({"data_dir": first.settings["data_dir"], "privacy": first.settings["privacy"]}, start=False)
    second.start(wait=False)
    assert second.ended() == 74
    assert "another vsocd uses this spool" in second.log()
    assert first.post(ndjson([event(1)])).status == 200


def raise_version(path, size, crc_at, copies):
    """Gives the structures at these offsets of a file the next version and a right checksum."""
    data = bytearray(path.read_bytes())
    for at in copies:
        struct.pack_into("<I", data, at + 8, struct.unpack_from("<I", data, at + 8)[0] + 1)
        struct.pack_into("<I", data, at + crc_at, crc32c(bytes(data[at:at + crc_at])))
    path.write_bytes(data)


def test_a_segment_of_a_newer_version(filled):
    raise_version(min(filled.spool_dir.glob("*.seg")), 128, 124, (0, 4096))
    refuses(filled, f"made by a newer vsocd: its format is version {VERSION + 1}, this program knows up to {VERSION}:")


def test_cursors_of_a_newer_version(make_server, tmp_path):
    server = make_server({"sinks": {"file": {"enabled": True, "path": str(tmp_path / "lines")}}})
    assert server.post(ndjson([event(1)])).status == 200
    server.wait_for_sinks()
    assert server.terminate() == 0
    path = server.spool_dir / "cursors"
    content = path.read_bytes()
    raise_version(path, 8192, 8188, [at for at in (0, 8192) if content[at:at + 8] == b"VSOCCUR1"])
    refuses(server, "cursors: made by a newer vsocd: its format is version 2, this program knows up to 1:")


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_spool_of_every_older_version_goes_on(make_server, version):
    """A new version needs a new folder tests/data/spool-vN; those of older ones stay."""
    kept = ROOT / "tests" / "data" / f"spool-v{version}"
    server = make_server(start=False)
    server.spool_dir.mkdir(parents=True)
    for path in [*kept.glob("*.seg"), kept / "cursors"]:
        shutil.copy(path, server.spool_dir)
    server.write_keys()
    server.start()
    expected = [json.loads(line) for line in (kept / "export.ndjson").read_text().splitlines()]
    assert server.export() == expected
    assert server.post(ndjson([event(99)])).json["position"] > 3
    assert server.terminate() == 0
    assert server.export()[:-1] == expected
    assert json.loads(server.run("spool", "verify", "--json", server.spool_dir).stdout)["whole"]


def test_a_config_error_is_not_taken_for_a_disk(make_server):
    server = make_server({"data_dir": ""}, start=False)
    with pytest.raises(HarnessError, match="78"):
        server.start()
