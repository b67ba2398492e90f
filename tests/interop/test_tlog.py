"""The formats of C2SP in Go (golang.org/x/mod/sumdb, filippo.io/torchwood) against ours."""

import contextlib
import re
import sqlite3
import subprocess

import fetched
import pytest
import translog as tlog
from harness import event, free_port, ndjson, wait_until
from witness import Witness

# What litewitness keeps of logs.
LOGS = """
    create table log (origin text primary key, tree_size integer not null, tree_hash text not null);
    create table key (origin text not null, key text not null, foreign key(origin) references log(origin));
"""


@pytest.fixture(scope="session")
def tlog_program():
    return fetched.go_program(fetched.ROOT / "tests" / "interop" / "tlog-go")


def test_a_log_in_go_is_cosigned_by_our_witness(tlog_program, build, tmp_path):
    """Twenty sizes; torchwood verifies each cosignature under a policy; forks, rollbacks and old sizes get their status."""
    secret, public = subprocess.run([tlog_program, "key"], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    witness = Witness(build / "vsocd", tmp_path / "witness", public).start("--name", "witness.example/w1")
    done = subprocess.run([tlog_program, "client", witness.url, witness.key, secret], capture_output=True, text=True, timeout=300)
    assert witness.stop() == 0
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


@pytest.fixture(scope="session")
def litewitness():
    return fetched.go_tool(fetched.ROOT / "tests" / "interop" / "tlog-go", "filippo.io/torchwood/cmd/litewitness")


@contextlib.contextmanager
def running_litewitness(program, tlog_program, folder, log_key):
    """Its verifier key and URL. It takes its key from an ssh-agent, and its logs from a database."""
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(folder / "db")) as database:
        database.executescript(LOGS)
        database.execute("insert into log values (?, 0, ?)", (log_key.split("+")[0], tlog.encoded(tlog.root_of([]))))
        database.execute("insert into key values (?, ?)", (log_key.split("+")[0], log_key))
        database.commit()
    agent = subprocess.Popen([tlog_program, "agent", folder / "agent"], stdout=subprocess.PIPE, text=True)
    fingerprint, port = agent.stdout.readline().strip(), free_port()
    words = ["-name", "lite.example/w1", "-db", folder / "db", "-ssh-agent", folder / "agent", "-key", fingerprint, "-listen", f"127.0.0.1:{port}"]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([program, *words], stderr=log)
    try:
        said = wait_until(lambda: re.search(r"vkey=(\S+)[^$]*msg=listening", (folder / "log").read_text()), what="litewitness")
        yield said[1], f"http://127.0.0.1:{port}"
    finally:
        for one in (process, agent):
            one.terminate()
            one.wait()
        agent.stdout.close()


@contextlib.contextmanager
def running_go_witness(tlog_program, log_key):
    """Its verifier key and URL. x/mod's tlog and torchwood decide."""
    process = subprocess.Popen([tlog_program, "witness", log_key], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().split()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def check_server(make_server, tmp_path, run_witness):
    """Each new head needs a proof that the witness accepts; the head is kept with its cosignature."""
    settings = {"origin": "vsoc.example/log", "signing_key": str(tmp_path / "log.key")}
    maker = make_server(start=False)
    public = maker.run("key", "new", "evidence", "--name", settings["origin"], "--out", tmp_path / "log.key").stdout.decode().strip()
    with run_witness(public) as (key, url):
        server = make_server({"evidence": settings | {"witnesses": [f"{key} {url}"]}})
        kept, sent = server.folder / "data" / "evidence" / "cosigned" / "head", 0
        for records in (1, 4, 9, 30):
            for sent in range(sent, records):
                assert server.post(ndjson([event(sent)])).status == 200
            sent = records
            wait_until(lambda: kept.exists() and int(kept.read_text().split("\n")[1]) >= records, what="cosignatures")
        text, _, lines = kept.read_text().partition("\n\n")
        name = key.split("+")[0]
        assert [tlog.verify(key, text + "\n", line) for line in lines.splitlines(keepends=True) if line.startswith(f"— {name} ")]
        assert server.metric("vsocd_evidence_witness_conflict", f'witness="{name}"') == 0


def test_a_witness_in_go_cosigns_the_heads_of_a_server(tlog_program, make_server, tmp_path):
    check_server(make_server, tmp_path, lambda log_key: running_go_witness(tlog_program, log_key))


def test_litewitness_cosigns_the_heads_of_a_server(litewitness, tlog_program, make_server, tmp_path):
    check_server(make_server, tmp_path, lambda log_key: running_litewitness(litewitness, tlog_program, tmp_path / "lite", log_key))
