"""The audit log: every refusal counted and every privileged action recorded before it happens, in the spool, whatever the log level."""

import collections
import http.server
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import threading

import pytest
import spool_reader

from fake_clock import FakeClock
from harness import event, ndjson, wait_until


def records(server, *options):
    """What `vsocd audit list` shows, oldest first."""
    done = server.run("audit", "list", server.spool_dir, "--json", *options)
    return [json.loads(line) for line in done.stdout.splitlines()]


def audit(server, kind):
    return [one["record"] for one in records(server, "--kind", kind)]


def refuse(server, times):
    for n in range(times):
        assert server.post(ndjson([event(n)]), Authorization="Bearer wrong").status == 401


def refused(server):
    sums = collections.Counter()
    for one in audit(server, "refused"):
        sums[one["code"], one["peer"]] += one["count"]
    return sums


@pytest.fixture
def tokens(tmp_path):
    return tmp_path / "tokens"


@pytest.fixture
def server(make_server, tokens):
    made = make_server({"identity": {"tokens_file": str(tokens)}, "log": {"level": "error"}}, start=False)
    made.run("token", "new", "--file", tokens, "--tenant", "Demo", "--id", "gw")
    made.start()
    return made


def test_every_refusal_is_counted_at_log_level_error(server):
    refuse(server, 50)
    assert server.terminate() == 0
    assert refused(server) == {("invalid_token", "127.0.0.1"): 50}
    assert "sender refused" not in server.log()
    assert len(audit(server, "refused")) < 10, "refusals of one sender are folded"


def test_refusal_is_durable_while_the_server_runs_and_survives_kill(server):
    refuse(server, 1)
    wait_until(lambda: sum(refused(server).values()) == 1, what="the record")
    server.kill()
    server.start()
    refuse(server, 1)
    assert server.terminate() == 0
    assert sum(refused(server).values()) == 2
    assert [one["record"]["kind"] for one in records(server) if one["record"]["kind"].startswith("server")] == [
        "server_started", "server_started", "server_stopped"]
    verified = json.loads(server.run("audit", "verify", server.spool_dir, "--json").stdout)
    assert verified["intact"] and verified["starts"] == 2 and verified["starts_after_a_crash"] == 1


def test_life_of_a_server_is_recorded(server, tokens):
    server.settings["limits"] = {"batch_events": 7}
    server.write_config()
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: audit(server, "settings_reloaded"), what="the reload")
    server.run("token", "new", "--file", tokens, "--tenant", "Demo", "--id", "second")
    wait_until(lambda: audit(server, "credentials_changed"), what="the tokens")
    server.settings["limits"] = {"batch_events": "many"}
    server.write_config()
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(audit(server, "settings_reloaded")) == 2, what="the refused reload")
    assert server.terminate() == 0
    started, = audit(server, "server_started")
    assert started["instance"] == server.settings["instance"] and len(started["digest"]) == 64
    done, wrong = audit(server, "settings_reloaded")
    assert done["keys"] == "limits.batch_events" and done["result"] == "done" and done["digest"] != started["digest"]
    assert wrong["result"] == "refused" and wrong["reason"]
    changed, = audit(server, "credentials_changed")
    assert changed["what"] == "identity.tokens_file" and changed["file"] == str(tokens) and changed["result"] == "done"
    stopped, = audit(server, "server_stopped")
    assert stopped["reason"] == "signal"


def test_records_fit_the_schema(server):
    import jsonschema

    schema = json.loads((pathlib.Path(__file__).resolve().parents[2] / "docs/vsoc-audit.schema.json").read_text())
    refuse(server, 1)
    server.export()
    assert server.terminate() == 0
    checker = jsonschema.Draft202012Validator(schema)
    for one in records(server):
        checker.validate(one["record"])


def test_order_and_ids_are_those_of_the_spool(server):
    refuse(server, 3)
    assert server.terminate() == 0
    found = records(server)
    assert [one["position"] for one in found] == sorted({one["position"] for one in found})
    assert [one["leaf_index"] for one in found] == list(range(found[0]["leaf_index"], found[0]["leaf_index"] + len(found)))
    assert len({one["record"]["audit_uid"] for one in found}) == len(found)
    assert [one["record"]["time"] for one in found] == sorted(one["record"]["time"] for one in found)


def test_list_has_ranges_and_text(server):
    refuse(server, 1)
    assert server.terminate() == 0
    everything = records(server)
    last = everything[-1]
    assert records(server, "--from", last["position"]) == [last]
    assert records(server, "--to", last["position"] - 1) == everything[:-1]
    assert records(server, "--from", "2200-01-01T00:00:00Z") == []
    text = server.run("audit", "list", "-c", server.config, "--kind", "refused").stdout.decode()
    assert "code=\"invalid_token\"" in text and "count=1" in text and "Bearer" not in text
    for wrong in (["show"], ["list", "--kind", "nothing"], ["list", "--from", "yesterday"]):
        assert server.run("audit", *wrong, "-c", server.config, check=False).returncode == 64


def test_follow_shows_records_as_they_come(server):
    command = [str(server.program), "audit", "follow", str(server.spool_dir), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follow:
        first = json.loads(follow.stdout.readline())
        assert first["record"]["kind"] == "server_started"
        refuse(server, 1)
        assert json.loads(follow.stdout.readline())["record"]["kind"] == "refused"
        follow.terminate()


def test_vin_mismatches_are_counted_exactly(make_server, tmp_path):
    tokens = tmp_path / "tokens"
    server = make_server({"identity": {"tokens_file": str(tokens)}}, start=False)
    token = server.run("token", "new", "--file", tokens, "--tenant", "Demo", "--id", "gw", "--vehicles", "1M8*").stdout.decode().split()[-1]
    server.start()
    for n in range(5):
        batch = [event(10 * n + k, vin="WVWZZZ1JZXW000001" if k < 3 else "1M8GDM9AXKP042788") for k in range(5)]
        assert server.post(ndjson(batch), Authorization=f"Bearer {token}").status == 200
    assert server.terminate() == 0
    found = audit(server, "vin_mismatch")
    assert sum(one["count"] for one in found) == 15
    assert found[0]["credential"] == "token:gw" and found[0]["tenant"] == "Demo" and found[0]["action"] == "quarantine"
    assert "WVWZZZ" not in json.dumps(found)


# ---- actions of operators ----


def test_export_from_a_live_spool_is_recorded_first(server):
    assert server.export() == []
    viewed, = audit(server, "raw_viewed")
    assert viewed["command"] == "spool export" and f"({os.getuid()})" in viewed["actor"]


def test_export_that_can_not_be_recorded_is_refused(server):
    (server.spool_dir.parent / "audit.door").unlink()
    done = server.run("spool", "export", server.spool_dir, check=False)
    assert done.returncode == 69 and b"nothing is done" in done.stderr and done.stdout == b""
    assert audit(server, "raw_viewed") == []


def test_export_from_a_spool_without_a_server_leaves_it_alone(server):
    assert server.terminate() == 0
    before = {path.name: path.read_bytes() for path in server.spool_dir.glob("*.seg")}
    server.export()
    assert before == {path.name: path.read_bytes() for path in server.spool_dir.glob("*.seg")}


def test_door_is_gone_after_an_orderly_stop_and_private_before(server):
    door = server.spool_dir.parent / "audit.door"
    assert door.stat().st_mode & 0o077 == 0
    assert server.terminate() == 0
    assert not door.exists()


def test_records_are_taken_only_with_the_token(server):
    url, token, _ = (server.spool_dir.parent / "audit.door").read_text().split()
    assert url == f"http://127.0.0.1:{server.admin_port}"

    def post(body, authorization=f"Bearer {token}"):
        return server.admin_post("/api/v1/audit", body, {"Authorization": authorization})

    assert post('{"kind":"hold_added","actor":"a","hold":"h1"}', "Bearer nothing").status == 401
    assert post('{"kind":"hold_added","actor":"a","hold":"h1","reason":"VIN 1M8GDM9AXKP042788"}').status == 200
    for wrong in ('{"kind":"no_such"}', '{"kind":"hold_added","peer":"x"}', '{"kind":"hold_added","hold":7}', "[]", "{", '{"kind":"hold_added",' * 400):
        assert post(wrong).status == 400, wrong
    assert server.get("/api/v1/audit").status == 405
    added, = audit(server, "hold_added")
    assert added["hold"] == "h1" and added["reason"] == "VIN (VIN)"


def test_what_only_the_server_knows_is_not_taken_from_others(make_server, tmp_path):
    """A record of a removal accounts for segments that are gone: whoever could post one could delete evidence."""
    operator = tmp_path / "operator"
    operator.write_text("0123456789abcdef0123456789abcdef\n")
    operator.chmod(0o600)
    server = make_server({"listen": {"admin": {"token_file": str(operator)}}})
    _, token = (server.spool_dir.parent / "audit.door").read_text().split()[:2]

    def post(record, bearer):
        return server.admin_post("/api/v1/audit", json.dumps(record), {"Authorization": f"Bearer {bearer}"}).status

    hold = {"kind": "hold_added", "hold": "h1", "actor": "a"}
    assert post(hold, operator.read_text().strip()) == 401, "who may read metrics may not write evidence"
    for kind in ("evidence_retired", "evidence_evicted", "server_started", "server_stopped", "refused", "vin_mismatch", "clock_set", "records_lost"):
        assert post({"kind": kind, "reason": "age"}, token) == 400, kind
    assert post({"kind": "hold_added", "hold": "h1"}, token) == 400, "without actor"
    assert post(hold, token) == 200
    assert [one["record"]["kind"] for one in records(server)] == ["server_started", "hold_added"]


class Stranger(http.server.BaseHTTPRequestHandler):
    """Says that all is recorded."""

    def do_POST(self):
        body = b'{"durable":true,"proof":"' + 64 * b"0" + b'"}\n'
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def stranger():
    """A server of somebody else; its address."""
    with http.server.HTTPServer(("127.0.0.1", 0), Stranger) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{other.server_address[1]}"
        other.shutdown()


def test_only_the_server_that_has_the_spool_is_believed(server, stranger):
    """audit.door stays after kill -9, and then anybody may listen at its address."""
    door = server.spool_dir.parent / "audit.door"
    url = door.read_text().split()[0]
    hold = ("hold", "add", "-c", server.config, "--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z", "--reason", "case 7")
    made = door.read_text()
    door.write_text(made.replace(url, stranger))
    done = server.run(*hold, check=False)
    assert done.returncode == 1 and b"nothing is done" in done.stderr and b"is not the server" in done.stderr
    assert server.run("spool", "export", server.spool_dir, check=False).returncode == 69
    server.kill()
    server.run(*hold)
    assert len(audit(server, "hold_added")) == 1, "recorded in the spool itself: the door of a killed server leads nowhere"
    server.start()
    server.run(*hold)
    assert len(audit(server, "hold_added")) == 2


def abandon(server, send):
    """Posts and leaves with a reset."""
    with socket.create_connection(("127.0.0.1", server.admin_port)) as client:
        token = (server.spool_dir.parent / "audit.door").read_text().split()[1]
        client.sendall(f"POST /api/v1/audit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{send}".encode())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("send", [
    'Content-Length: 100\r\n\r\n{"kind":',
    'Content-Length: 46\r\n\r\n{"kind":"hold_added","actor":"a","reason":"x"}',
    "Transfer-Encoding: chunked\r\n\r\n4000\r\n" + "a" * 0x4000 + "\r\n4000\r\n",
], ids=["half a body", "while the answer waits", "half a chunk"])
def test_server_survives_commands_that_leave(server, send):
    for _ in range(20):
        abandon(server, send)
    assert server.get("/livez").status == 200
    server.export()
    assert server.terminate() == 0


def test_body_above_the_limit_is_refused(server):
    token = (server.spool_dir.parent / "audit.door").read_text().split()[1]
    for headers, body in (("Content-Length: 40000", "a" * 40000), ("Transfer-Encoding: chunked", ("4000\r\n" + "a" * 0x4000 + "\r\n") * 4 + "0\r\n\r\n")):
        with socket.create_connection(("127.0.0.1", server.admin_port)) as client:
            client.sendall(f"POST /api/v1/audit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{headers}\r\n\r\n{body}".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 413 ")
    assert server.terminate() == 0


def test_holds_are_recorded_before_they_begin_and_end(server):
    added = server.run("hold", "add", "-c", server.config, "--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z", "--reason", "case 7").stdout.decode().strip()
    server.run("hold", "release", "-c", server.config, "--id", added, "--reason", "closed")
    one, = audit(server, "hold_added")
    assert (one["hold"], one["reason"], one["from"][:10], one["to"][:10]) == (added, "case 7", "2026-01-01", "2026-02-01")
    other, = audit(server, "hold_released")
    assert (other["hold"], other["reason"]) == (added, "closed") and f"({os.getuid()})" in other["actor"]
    (server.spool_dir.parent / "audit.door").unlink()
    refused_now = server.run("hold", "add", "-c", server.config, "--batch", added, "--reason", "x", check=False)
    assert refused_now.returncode == 1 and b"nothing is done" in refused_now.stderr
    assert len(server.run("hold", "list", "-c", server.config, "--all").stdout.splitlines()) == 1


def test_no_vin_is_kept_in_a_reason_or_an_id(server, tokens):
    vin = "WVWZZZ1JZXW000001"
    done = server.run("token", "new", "--file", tokens, "--tenant", "Demo", "--id", vin, check=False)
    assert done.returncode == 64 and b"looks like a VIN" in done.stderr and vin not in tokens.read_text()
    added = server.run("hold", "add", "-c", server.config, "--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z", "--reason", f"accident of {vin}").stdout.decode().strip()
    server.run("hold", "release", "-c", server.config, "--id", added, "--reason", f"VIN{vin} was sold")
    shown, = map(json.loads, server.run("hold", "list", "-c", server.config, "--all").stdout.splitlines())
    assert (shown["reason"], shown["release_reason"]) == ("accident of (VIN)", "VI(VIN) was sold")
    assert vin not in (server.spool_dir.parent / "evidence/holds").read_text()
    assert vin not in json.dumps(records(server))


def test_replay_is_recorded_by_the_server_or_in_the_spool_itself(make_server, tmp_path):
    server = make_server({"sinks": {"file": {"enabled": True, "path": str(tmp_path / "events")}}})
    assert server.post(ndjson([event(1)])).status == 200
    server.wait_for_sinks()
    server.run("spool", "replay", server.spool_dir, "-c", server.config)
    assert len(audit(server, "replayed")) == 1
    assert server.terminate() == 0
    server.run("spool", "replay", server.spool_dir, "-c", server.config)
    assert len(audit(server, "replayed")) == 2
    assert json.loads(server.run("audit", "verify", server.spool_dir, "--json").stdout)["intact"]
    server.start()
    assert server.terminate() == 0


def test_lines_of_the_file_sink_have_the_records_once(make_server, tmp_path):
    path = tmp_path / "events"
    server = make_server({"sinks": {"file": {"enabled": True, "path": str(path)}}})
    assert server.post(ndjson([event(1)])).status == 200
    server.terminate()
    server.start()
    server.terminate()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    there = [line for line in lines if "audit_uid" in line]
    stored = records(server)
    assert [line["position"] for line in there] == [one["position"] for one in stored]
    assert [line["record"] for line in there] == [one["record"] for one in stored]
    assert all(line["chain_hash"] == one["chain_hash"] for line, one in zip(there, stored))


def test_state_of_the_clock_is_on_record_at_the_start_and_when_it_is_set(build, make_server, tmp_path):
    clock = FakeClock(build, tmp_path)
    server = make_server(environment=clock.environment)
    started = audit(server, "server_started")[0]
    assert started["clock_state"] in ("synchronised", "not synchronised", "unknown")
    assert (started["clock_state"] == "synchronised") == (server.metric("vsocd_clock_unsynchronised") == 0)
    clock.set(7)
    wait_until(lambda: audit(server, "clock_set"), what="the record of the step")
    assert abs(int(audit(server, "clock_set")[0]["step_us"]) - 7_000_000) < 200_000
    assert server.metric("vsocd_clock_steps_total") == 1
    server.terminate()
    kinds = {json.loads(record.body)["kind"]: record.kind for _, record in spool_reader.read_spool(server.spool_dir, kinds=(2, 5))}
    assert kinds["clock_set"] == 5 and kinds["server_started"] == 2, "an auditor sees the kind in the leaf"
