"""A reader of stderr that stalls costs log lines, and nothing else."""

import fcntl
import os
import subprocess

import pytest

from harness import event, ndjson, wait_until

F_SETPIPE_SZ = 1031  # linux/fcntl.h
PIPE_BYTES = 4096


def fill(write_end):
    """A descriptor of its own, so that the server's stays a blocking one."""
    end = os.open(f"/proc/self/fd/{write_end}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(end, b"filler\n")
    except BlockingIOError:
        os.close(end)


@pytest.fixture
def stalled(make_server, tmp_path):
    """A server whose stderr is a full pipe that nobody reads; (server, read end)."""
    tokens = tmp_path / "tokens"
    server = make_server({"identity": {"tokens_file": str(tokens)}}, start=False)
    token = server.run("token", "new", "--file", tokens, "--tenant", "Demo", "--id", "gw").stdout.decode().strip()
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, F_SETPIPE_SZ, PIPE_BYTES)
    server.process = subprocess.Popen([str(server.program), "serve", "-c", str(server.config)], stderr=write_end)
    wait_until(server.is_ready, 60, "vsocd becoming ready")
    fill(write_end)
    os.close(write_end)
    server.authorization = {"Authorization": "Bearer " + token}
    yield server, read_end
    os.close(read_end)


def test_stalled_reader_delays_neither_senders_nor_probes_nor_the_end(stalled):
    server, read_end = stalled
    for n in range(20):
        assert server.post(ndjson([event(n)]), Authorization="Bearer wrong").status == 401
        assert server.post(ndjson([event(n)]), **server.authorization).status == 200
        assert server.get("/livez").status == 200
    assert server.terminate() == 0
    waiting = b""
    while piece := os.read(read_end, 65536):
        waiting += piece
    assert len(waiting) <= PIPE_BYTES


def test_reader_that_comes_back_gets_what_the_ring_kept(stalled):
    server, read_end = stalled
    for n in range(20):
        assert server.post(ndjson([event(n)]), Authorization="Bearer wrong").status == 401
    text = b""
    os.set_blocking(read_end, False)

    def reads_the_refusals():
        nonlocal text
        try:
            text += os.read(read_end, 65536)
        except BlockingIOError:
            pass
        return text.count(b"sender refused") >= 10

    wait_until(reads_the_refusals, what="the lines that waited")
    assert all(line.startswith(b"20") or line == b"filler" for line in text.splitlines()), "lines are whole"
