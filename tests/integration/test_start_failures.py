"""A start that fails says which step failed and why, and its exit status tells a supervisor whether a restart may help: 78 is for what a
person must change, and for nothing else."""

import errno
import os
import socket

import pytest

from harness import wait_until


def fails(server, status):
    """Starts it, waits for its end; the log."""
    server.start(wait=False)
    wait_until(lambda: server.process.poll() is not None or " ready " in server.log(), 60, "the end of the start")
    assert server.process.poll() == status, server.log()
    return server.log()


def test_port_in_use(make_server):
    server = make_server(start=False)
    with socket.create_server(("127.0.0.1", server.port)):
        log = fails(server, 1)
    assert "another process listens there" in log
    assert 'start failed: a restart may help step="ingest listener"' in log
    assert "exists already" not in log


@pytest.fixture
def with_file(make_server, tmp_path, build):
    """with_file(setting): a server one of whose files is alone in a folder, whose calls a preloaded library lets fail."""
    folder = tmp_path / "files"
    folder.mkdir(mode=0o700)

    def make(name, call):
        settings = {}
        if name == "tokens":
            settings = {"identity": {"tokens_file": str(folder / "tokens")}}
        elif name == "keys":
            settings = {"privacy": {"keys_file": str(folder / "keys")}}
        elif name == "catalog":
            settings = {"ingest": {"catalogs": [str(folder / "events.csv")]}}
            (folder / "events.csv").write_text("format,event_id,name\n")
        server = make_server(settings, start=False)
        if name == "tokens":
            server.run("token", "new", "--file", folder / "tokens", "--tenant", "Demo", "--id", "gw")
        elif name == "keys":
            server.start()
            server.terminate()
            server.log_path.unlink()
        elif name == "settings":
            server.config = folder / "vsocd.yaml"
            server.write_config()
        server.files = folder
        server.environment = {
            "LD_PRELOAD": str(build / "unit" / "fail_calls.so"),
            "FAIL_CALLS": f"{call}:0",
            "FAIL_CALLS_BELOW": str(folder),
            "FAIL_CALLS_COUNTS": str(tmp_path / "counts"),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }
        return server

    return make


@pytest.mark.parametrize("error, status", [("EIO", 74), ("EMFILE", 1), ("ENOMEM", 1), ("EINTR", 74)])
@pytest.mark.parametrize("name", ["settings", "tokens", "keys", "catalog"])
def test_fault_that_may_pass_is_no_wrong_configuration(with_file, name, error, status):
    server = with_file(name, f"open:1:{getattr(errno, error)}")
    log = fails(server, status)
    assert "remove" not in log


@pytest.mark.parametrize("name", ["settings", "tokens", "catalog"])
def test_read_error_is_no_wrong_configuration(with_file, name):
    """From the first read on: no file may count as empty or be read in part."""
    log = fails(with_file(name, f"read:1:{errno.EIO}"), 74)
    assert "remove" not in log


@pytest.mark.parametrize("name", ["settings", "tokens", "catalog"])
def test_folder_in_the_place_of_a_file_is_wrong_configuration(with_file, name):
    server = with_file(name, "open:0:0")
    server.environment = {}
    files = {"settings": "vsocd.yaml", "tokens": "tokens", "keys": "keys", "catalog": "events.csv"}
    path = server.files / files[name]
    path.unlink()
    path.mkdir()
    log = fails(server, 78)
    assert "remove" not in log


def test_sinks_end_in_order_when_the_start_fails_behind_them(make_server, tmp_path):
    """They were given no time, and the log said that they do not end."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = make_server({"sinks": {"file": {"enabled": True, "path": str(tmp_path / "lines")}}}, start=False)
        server.settings["listen"]["admin"]["address"] = f"127.0.0.1:{taken.getsockname()[1]}"
        server.write_config()
        server.start(wait=False)
        assert server.ended() == 1
    assert "another process listens there" in server.log()
    assert "sink stopped" in server.log() and "does not stop" not in server.log() and "sinks have not stopped" not in server.log()
