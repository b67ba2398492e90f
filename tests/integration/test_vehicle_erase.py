"""`vsocd vehicle erase`: a vehicle's batches become unreadable, everything else stays; and what happens without the right keys."""

import json
import pathlib

import spool_reader
from harness import event, ndjson, wait_until

ONE, OTHER = "1M8GDM9AXKP042788", "WVWZZZ1JZXW000027"


def events_of(server):
    return [json.loads(line) for line in server.run("spool", "export", server.spool_dir).stdout.splitlines()]


def event_lines(path):
    """Of a file sink, which has records of the audit log too."""
    return [line for line in path.read_text().splitlines() if not line.startswith('{"audit_uid":')]


def passed(server, position):
    """All that stored cursors say is that everything up to the position has gone out."""
    _, cursors = spool_reader.read_cursors(server.spool_dir) or (0, {})
    return cursors and min(cursors.values()) >= position


def erase(server, *words, code=0):
    done = server.run("vehicle", "erase", "-c", server.config, "--json", *words, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if done.stdout else done.stderr.decode()


def test_erased_vehicle_is_unreadable_and_all_else_stays(make_server, tmp_path):
    server = make_server({"sinks": {"file": {"enabled": True, "path": str(tmp_path / "out.ndjson")}}})
    bodies = {}
    for n in range(6):
        vin = (ONE, OTHER)[n % 2]
        bodies[n] = ndjson([event(10 * n + k, vin=vin) for k in range(3)])
        assert server.post(bodies[n], VSOC_Vehicle=vin).json["accepted"] == 3
    mixed = ndjson([event(100, vin=ONE), event(101, vin=OTHER)])
    assert server.post(mixed).json["accepted"] == 2
    server.wait_for_sinks()
    before = events_of(server)
    (pid,) = {e["vehicle_pid"] for e in before[:3]}
    wait_until(lambda: passed(server, 8), 20, "stored cursors")

    assert erase(server, "--vehicle", ONE, "--reason", "test", "--dry-run")["erased"] == 3
    assert len(events_of(server)) == len(before) == 20
    counts = erase(server, "--vehicle", ONE, "--reason", "request of the owner")
    assert (counts["erased"], counts["erased_in_part"], counts["undelivered"], counts["held"]) == (3, 1, 0, 0)
    assert erase(server, "--pid", pid, "--reason", "again")["erased_before"] == 4

    (entry,) = [json.loads(line) for line in server.run("audit", "list", server.spool_dir, "--kind", "vehicle_erased", "--json").stdout.splitlines()]
    assert pid in json.dumps(entry) and "request of the owner" in json.dumps(entry)

    after = events_of(server)
    assert len(after) == 10 and [e["event_uid"] for e in after] == [e["event_uid"] for e in before if e["vehicle_pid"] != pid]
    report = json.loads(server.run("spool", "verify", "--json", server.spool_dir).stdout)
    assert report["whole"] and (report["erased"], report["erased_parts"], report["without_key"]) == (3, 1, 0)
    records = [record for _, record in spool_reader.read_spool(server.spool_dir)]
    assert [r.state for r in records] == ["erased", "open"] * 3 + ["open"] and all(r.flags & 2 for r in records)
    assert all(bodies[n] == records[n].body for n in (1, 3, 5))
    assert records[6].body == b"" and [bytes_ for part in records[6].parts for _, bytes_ in part.records] == [mixed.splitlines()[1]]
    # The batch is still known, also to a process that reads everything again.
    for _ in range(2):
        assert server.post(bodies[0], VSOC_Vehicle=ONE).json["duplicate"] is True
        assert server.terminate() == 0
        server.start()
    assert server.post(ndjson([event(500)])).status == 200
    server.wait_for_sinks()


def test_each_pseudonym_of_the_vehicle_is_on_record_with_its_own_number(make_server, tmp_path):
    server = make_server({"identity": {"tokens_file": str(tmp_path / "tokens")}, "sinks": {"file": {"enabled": True, "path": str(tmp_path / "out.ndjson")}}}, start=False)
    tokens = {name: server.run("token", "new", "--file", tmp_path / "tokens", "--tenant", name, "--id", name).stdout.decode().strip() for name in "AB"}
    server.start()
    for number, name in enumerate("ABA"):
        assert server.post(ndjson([event(number, vin=ONE)]), Authorization=f"Bearer {tokens[name]}").json["accepted"] == 1
    server.wait_for_sinks()
    wait_until(lambda: passed(server, 4), 20, "stored cursors")
    pids = {e["tenant_id"]: "veh:" + e["vehicle_pid"] for e in events_of(server)}
    assert erase(server, "--vehicle", ONE, "--reason", "test")["erased"] == 3
    assert {one["vehicle"]: one["records"] for one in server.audit("--kind", "vehicle_erased")} == {pids["A"]: 2, pids["B"]: 1}


def test_nothing_is_erased_that_a_sink_has_yet_to_get_or_a_hold_keeps(make_server, tmp_path):
    path = tmp_path / "none" / "out.ndjson"
    server = make_server({"sinks": {"file": {"enabled": True, "path": str(path)}}})
    assert server.post(ndjson([event(1)]), VSOC_Vehicle=ONE).json["accepted"] == 1
    assert erase(server, "--vehicle", ONE, "--reason", "test", code=1)["undelivered"] == 1
    path.parent.mkdir()
    server.wait_for_sinks()
    wait_until(lambda: passed(server, 2), 20, "stored cursors")
    pid = events_of(server)[0]["vehicle_pid"]
    server.run("hold", "add", "-c", server.config, "--pid", pid, "--reason", "lawsuit")
    assert erase(server, "--vehicle", ONE, "--reason", "test", code=1)["held"] == 1
    assert len(events_of(server)) == 1
    for words in ((), ("--vehicle", ONE), ("--vehicle", "short", "--reason", "x"), ("--pid", "00", "--reason", "x"), ("--vehicle", ONE, "--pid", "0" * 64, "--reason", "x")):
        assert server.run("vehicle", "erase", "-c", server.config, *words, check=False).returncode == 64


def test_wrong_key_stops_the_sink_and_says_so(make_server, tmp_path):
    path = tmp_path / "out.ndjson"
    server = make_server()
    assert server.post(ndjson([event(1), event(2)])).status == 200
    assert server.terminate() == 0
    keys = pathlib.Path(server.settings["privacy"]["keys_file"])
    right = keys.read_text()
    keys.write_text(f"1 {'1f' * 32}\n")
    done = server.run("spool", "export", server.spool_dir, check=False)
    assert done.returncode == 1 and not done.stdout and b"encrypted with key 1" in done.stderr
    assert json.loads(server.run("spool", "verify", "--json", server.spool_dir, check=False).stdout)["findings"][0]["kind"] == "record_keys"
    server.settings["sinks"]["file"] = {"enabled": True, "path": str(path)}
    server.write_config()
    server.start()
    wait_until(lambda: "is encrypted with key 1, which privacy.keys_file does not have" in server.log(), 20, "the message")
    assert not path.exists() or not event_lines(path)
    assert server.terminate() == 0
    keys.write_text(right + f"2 {'2f' * 32}\n")  # rotated: the old one stays
    server.start()
    server.wait_for_sinks()
    assert len(event_lines(path)) == 2
    assert server.post(ndjson([event(3)])).status == 200
    server.wait_for_sinks()
    assert len(events_of(server)) == len(event_lines(path)) == 3
