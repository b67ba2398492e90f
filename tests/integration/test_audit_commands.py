"""Audit records of commands: tokens and keys, beside a running server and in the spool of a stopped one; and their leaves against signed heads."""

import json
import pathlib
import shutil

import pytest
import spool_reader
import tlog
from harness import event, ndjson, wait_until


def verify(server, *options, check=True):
    done = server.run("audit", "verify", server.spool_dir, "--json", *options, check=check)
    return done.returncode, json.loads(done.stdout)


def token(server, name):
    return server.run("token", "new", "-c", server.config, "--tenant", "Demo", "--id", name)


@pytest.fixture
def server(make_server, tmp_path):
    """Not started yet, with a token `early`."""
    made = make_server({"identity": {"tokens_file": str(tmp_path / "tokens")}}, start=False)
    made.early = token(made, "early")
    return made


def head(server):
    """Size of the newest stored head; its signature is right."""
    folder = pathlib.Path(server.settings["data_dir"]) / "evidence"
    return tlog.Verifier((folder / "head.vkey").read_text()).open((folder / "head").read_text())[0]


def test_tokens_and_keys_are_recorded_before_they_are_there(server, tmp_path):
    assert b"no spool yet" in server.early.stderr
    server.start()
    token(server, "gw")
    server.run("token", "revoke", "-c", server.config, "--id", "early")
    assert server.terminate() == 0
    token(server, "late")
    server.run("key", "new", "witness", "--name", "w.example", "--out", tmp_path / "w.key", "-c", server.config)
    made = server.audit("--kind", "token_created")
    assert [one["credential"] for one in made] == ["token:gw", "token:late"]
    assert {(one["tenant"], one["file"]) for one in made} == {("Demo", str(tmp_path / "tokens"))} and all(one["actor"] for one in made)
    assert [one["credential"] for one in server.audit("--kind", "token_revoked")] == ["token:early"]
    key, = server.audit("--kind", "key_created")
    assert (key["what"], key["credential"], key["file"]) == ("witness", "key:w.example", str(tmp_path / "w.key"))
    secret = server.early.stdout.decode().strip().partition(".")[2]
    assert secret and secret not in json.dumps(made)


def test_nothing_is_made_that_can_not_be_recorded(server, tmp_path):
    server.start()
    assert server.terminate() == 0
    before = (tmp_path / "tokens").read_text()
    held = server.folder / "data" / "spool"
    aside = server.folder / "aside"
    held.rename(aside)
    held.write_text("no folder")
    done = server.run("token", "new", "-c", server.config, "--tenant", "Demo", "--id", "gw", check=False)
    assert done.returncode == 1 and b"nothing is done" in done.stderr and (tmp_path / "tokens").read_text() == before
    done = server.run("key", "new", "witness", "--name", "w.example", "--out", tmp_path / "w.key", "-c", server.config, check=False)
    assert done.returncode == 1 and not (tmp_path / "w.key").exists()


def test_a_spool_that_can_not_be_looked_at_is_no_missing_spool(server):
    """Only ENOENT says that there is none to record it in."""
    dsn = "sinks.postgres.dsn=host=127.0.0.1 port=1 user=x dbname=x"
    spool = server.folder / "data" / "spool"
    spool.parent.mkdir(exist_ok=True)
    spool.symlink_to(spool)
    done = server.run("migrate", "-c", server.config, "--set", dsn, check=False)
    assert done.returncode == 69 and b"nothing is done" in done.stderr
    spool.unlink()
    done = server.run("migrate", "-c", server.config, "--set", dsn, check=False)
    assert done.returncode == 69 and b"nothing is done" not in done.stderr, "without a spool only the database is away"


def test_a_record_of_a_stopped_server_is_under_a_signed_head(server):
    server.start()
    assert server.post(ndjson([event(1)]), Authorization="Bearer x").status == 401
    assert server.terminate() == 0
    before = head(server)
    token(server, "gw")
    assert head(server) == before + 1
    code, said = verify(server)
    assert code == 0 and said["intact"] and (said["heads"], said["matching_heads"]) == (1, 1)
    server.start()
    wait_until(lambda: server.metric("vsocd_evidence_head_size") > before + 1, what="the next head")
    assert server.metric("vsocd_evidence_head_refused") == 0


def test_verify_finds_a_spool_that_is_not_what_was_signed(server, tmp_path):
    server.start()
    data = server.folder / "data"
    assert server.terminate() == 0
    shutil.copytree(data / "spool", server.folder / "old")
    kept, key = server.folder / "kept", data / "evidence" / "head.vkey"
    server.start()
    assert server.terminate() == 0
    shutil.copy(data / "evidence" / "head", kept)
    assert verify(server, "--head", kept, "--verifier", key)[1]["matching_heads"] == 2
    shutil.rmtree(data / "spool")
    (server.folder / "old").rename(data / "spool")
    code, said = verify(server, "--head", kept, check=False)
    assert code == 1 and not said["intact"] and said["matching_heads"] == 0
    done = server.run("audit", "verify", server.spool_dir, check=False)
    assert b"rolled back" in done.stderr, "the server's own head is enough"
    # And nothing is appended where records are missing: it would get the leaf of another one.
    done = server.run("token", "new", "-c", server.config, "--tenant", "Demo", "--id", "gw", check=False)
    assert done.returncode == 1 and b"rolled back or replaced" in done.stderr


def test_leaves_of_a_damaged_tail_are_not_given_again(server):
    """The segment is lost: what a command appends to the stopped spool goes on behind the tree, as a start does."""
    server.start()
    token(server, "gw")
    wait_until(lambda: server.metric("vsocd_evidence_head_size") > 0 and server.metric("vsocd_evidence_unsigned_records") == 0, what="a head over all")
    server.kill()
    signed = head(server)
    for path in spool_reader.segment_paths(server.spool_dir):
        path.write_bytes(bytes(path.stat().st_size))
    token(server, "after")
    listed = server.run("audit", "list", server.spool_dir, "--json").stdout.splitlines()
    assert [json.loads(line)["leaf_index"] for line in listed] == [signed] and head(server) == signed + 1
    server.start()
    wait_until(lambda: server.metric("vsocd_evidence_head_size") > signed + 1, what="the next head")
    assert server.metric("vsocd_evidence_head_refused") == 0
