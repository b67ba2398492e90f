"""Signed heads in PostgreSQL: all of them, by who may read them, and against a server that was put back."""

import base64
import pathlib
import shutil

import pytest
import tlog
from harness import event, ndjson, query, wait_until


def newest(server):
    wait_until(lambda: server.metric("vsocd_evidence_head_size") > 0 and server.metric("vsocd_evidence_unsigned_records") == 0, 30, "a head")
    return int(server.metric("vsocd_evidence_head_size"))


def copied(database, size):
    wait_until(lambda: query(database, "select coalesce(max(size), 0) from vsoc.evidence_heads") == [(size,)], 30, "the head in the database")


def test_database_has_every_head_and_stops_a_server_that_was_put_back(make_server, database):
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": database}}})
    data = pathlib.Path(server.settings["data_dir"])
    for n in range(3):
        assert server.post(ndjson([event(n)])).status == 200
        copied(database, newest(server))
    server.terminate()
    shutil.copytree(data, server.folder / "copy")
    server.start()
    assert server.post(ndjson([event(10)])).status == 200
    size = newest(server)
    copied(database, size)
    heads = server.get("/evidence/heads").json["heads"]
    verifier = tlog.Verifier((data / "evidence" / "head.vkey").read_text())
    rows = query(database, "select size, root, note, instance from vsoc.evidence_heads order by 1 desc")
    assert [(n, bytes(root)) for n, root, _, _ in rows] == [(h["size"], base64.b64decode(h["root"])) for h in heads]
    assert all(verifier.open(note) == (n, bytes(root)) and instance == server.settings["instance"] for n, root, note, instance in rows)
    query(database, "set role vsoc_auditor; select count(*) from vsoc.evidence_heads")
    for forbidden in ("vsoc_ingest", "vsoc_analyst", "vsoc_auditor"):
        with pytest.raises(Exception, match="permission denied"):
            query(database, f"set role {forbidden}; delete from vsoc.evidence_heads")
    server.terminate()
    shutil.rmtree(data)
    shutil.copytree(server.folder / "copy", data)
    server.start()
    wait_until(lambda: (data / "evidence" / "seen").exists(), 30, "the comparison with the database")
    server.post(ndjson([event(20)]))
    wait_until(lambda: server.metric("vsocd_evidence_head_refused") == 1, 30, "the refusal")
    assert "has a signed head of" in server.get("/readyz?verbose").body.decode()
    assert query(database, "select max(size) from vsoc.evidence_heads") == [(size,)]
