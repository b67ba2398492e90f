"""Legal holds: `vsocd hold` beside a running server; what is held stays, and goes when the hold is over."""

import datetime
import fcntl
import json
import os
import subprocess
import threading

import pytest
import spool_reader
from harness import event, ndjson, query, wait_until

PADDING = b"\n" * 300_000  # three bodies to a segment
SMALL = {"spool": {"segment_bytes": "1MiB", "max_bytes": "32MiB", "reserve_bytes": "0"}, "evidence": {"retention": "0s", "max_bytes": "0"}}
HELD, OTHER = "1M8GDM9AXKP042788", "WVWZZZ1JZXW000001"


def fill(server, batches, vin=OTHER, start=0):
    """Posts batches; the replies."""
    replies = []
    for number in range(start, start + batches):
        reply = server.post(ndjson([event(number, vin=vin)]) + PADDING)
        assert reply.status == 200, reply
        replies.append(reply.json)
    return replies


def oldest(server):
    return min(int(path.stem) for path in spool_reader.segment_paths(server.spool_dir))


def hold(server, *words, check=True):
    return server.run("hold", *words[:1], "-c", server.config, *words[1:], check=check)


def add(server, *words):
    return hold(server, "add", *words, "--reason", "case 7").stdout.decode().strip()


@pytest.mark.parametrize("kind", ["batch", "vehicle", "time"])
def test_held_segment_stays_until_the_release(make_server, kind):
    server = make_server(SMALL)
    first = fill(server, 1, HELD)[0]
    words = {"batch": ["--batch", first["batch_id"]], "vehicle": ["--vehicle", HELD.lower()],
             "time": ["--from", "2020-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z"]}[kind]
    uid = add(server, *words)
    fill(server, 12, start=10)
    wait_until(lambda: f"hold {uid} keeps" in server.get("/readyz?verbose").body.decode(), 30, "the hold being told")
    assert oldest(server) == 1 and "holds 1 in force" in server.get("/readyz?verbose").body.decode()
    assert server.get("/readyz").status == 200
    hold(server, "release", "--id", uid, "--reason", "closed")
    wait_until(lambda: oldest(server) > 1, 30, "the removal")
    listed = [json.loads(line) for line in hold(server, "list", "--all").stdout.splitlines()]
    assert [one["state"] for one in listed] == ["released"] and listed[0]["kind"] == kind
    assert hold(server, "list").stdout == b""


def test_hold_of_something_else_keeps_nothing(make_server):
    server = make_server(SMALL)
    add(server, "--vehicle", HELD)
    add(server, "--batch", "01a22b27-6730-70bd-bbb3-99f70d000000")
    add(server, "--from", "2001-01-01T00:00:00Z", "--to", "2001-02-01T00:00:00Z")
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    over = add(server, "--from", "2001-01-01T00:00:00Z", "--to", "2100-02-01T00:00:00Z", "--until", until.isoformat())
    fill(server, 12)
    wait_until(lambda: oldest(server) > 1, 30, "the removal")
    states = {one["id"]: one["state"] for one in map(json.loads, hold(server, "list", "--all").stdout.splitlines())}
    assert states.pop(over) == "over" and set(states.values()) == {"active"}
    told = json.loads(server.run("evidence", "status", "-c", server.config, "--json").stdout)
    assert told["holds"] == 3 and told["archive"] is None and told["witnesses"] == 0
    removed = json.loads(server.run("audit", "list", "-c", server.config, "--json", "--kind", "evidence_retired").stdout.splitlines()[-1])
    assert removed["record"]["hold_check"] == "free" and removed["record"]["holds"] == 3


def test_eviction_obeys_a_hold(make_server):
    """The spool is full then, and says so."""
    server = make_server({"spool": {"segment_bytes": "1MiB", "max_bytes": "4MiB", "reserve_bytes": "0"},
                          "evidence": {"retention": "90d", "max_bytes": "1MiB", "when_full": "evict"}})
    first = fill(server, 1)[0]
    uid = add(server, "--batch", first["batch_id"])
    for number in range(30):
        reply = server.post(ndjson([event(100 + number)]) + PADDING)
        if reply.status == 503:
            break
    assert reply.status == 503 and oldest(server) == 1
    hold(server, "release", "--id", uid, "--reason", "closed")
    wait_until(lambda: server.post(ndjson([event(200)]) + PADDING).status == 200, 30, "room")
    assert oldest(server) > 1


def test_hold_survives_kill_and_damage_keeps_everything(make_server):
    server = make_server(SMALL)
    uid = add(server, "--batch", fill(server, 1)[0]["batch_id"])
    server.kill()
    server.start()
    fill(server, 9, start=10)
    wait_until(lambda: f"hold {uid} keeps" in server.get("/readyz?verbose").body.decode(), 30, "the hold being told")
    server.terminate()
    path = server.spool_dir.parent / "evidence" / "holds"
    path.write_bytes(path.read_bytes().replace(b"case 7", b"case 8"))
    server.start()
    fill(server, 6, start=30)
    assert "can't be read: nothing is removed" in server.get("/readyz?verbose").body.decode() and oldest(server) == 1
    assert hold(server, "list", check=False).returncode == 1


@pytest.mark.parametrize("words", [["--batch", "x"], ["--vehicle", "short"], ["--from", "2001-01-01T00:00:00Z"], [],
                                   ["--vehicle", "OOOOOOOOOOOOOOOOO"], ["--from", "1969-12-31T23:00:00Z", "--to", "2100-01-01T00:00:00Z"],
                                   ["--batch", "01a22b27-6730-70bd-bbb3-99f70d000000", "--until", "2020-01-01T00:00:00Z"],
                                   ["--batch", "01a22b27-6730-70bd-bbb3-99f70d000000", "--vehicle", HELD]])
def test_wrong_holds_are_refused(make_server, words):
    server = make_server(SMALL, start=False)
    server.write_keys()
    assert hold(server, "add", *words, "--reason", "r", check=False).returncode == 64
    assert hold(server, "add", "--batch", "01a22b27-6730-70bd-bbb3-99f70d000000", check=False).returncode == 64


def test_reason_that_is_not_utf8_is_refused(make_server):
    """Its line could never be read back."""
    server = make_server(SMALL)
    words = [server.program, "hold", "add", "-c", server.config, "--batch", "01a22b27-6730-70bd-bbb3-99f70d000000", "--reason", b"Beh\xf6rde"]
    done = subprocess.run(words, capture_output=True, timeout=60)
    assert done.returncode == 64 and b"not UTF-8" in done.stderr
    assert hold(server, "list").stdout == b"" and "hold" not in server.get("/readyz?verbose").body.decode()


def test_list_without_a_data_directory_fails(make_server, tmp_path):
    server = make_server(SMALL, start=False)
    done = hold(server, "list", "--set", f"data_dir={tmp_path / 'missing'}", check=False)
    assert done.returncode == 1 and b"missing: No such file" in done.stderr


def test_batch_whose_records_are_all_quarantined_is_held_by_its_vehicle(make_server):
    server = make_server(SMALL)
    reply = server.post(b'{"broken\n' * 3, VSOC_Vehicle=HELD)
    assert reply.json["quarantined"] == 3
    uid = add(server, "--vehicle", HELD)
    fill(server, 12, start=10)
    wait_until(lambda: f"hold {uid} keeps" in server.get("/readyz?verbose").body.decode(), 30, "the hold being told")
    assert oldest(server) == 1


def test_file_that_was_replaced_is_followed(make_server):
    """By a copy, as a restore does: the hold that is added to the copy is in force."""
    server = make_server(SMALL)
    first = fill(server, 1)[0]
    add(server, "--batch", "01a22b27-6730-70bd-bbb3-99f70d000000")
    path = server.spool_dir.parent / "evidence" / "holds"
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    os.rename(copy, path)
    uid = add(server, "--batch", first["batch_id"])
    fill(server, 12, start=10)
    wait_until(lambda: f"hold {uid} keeps" in server.get("/readyz?verbose").body.decode(), 30, "the hold being told")
    assert oldest(server) == 1
    copy.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    os.rename(copy, path)  # without the second hold
    wait_until(lambda: "can't be read: nothing is removed" in server.get("/readyz?verbose").body.decode(), 30, "the missing hold being told")
    assert oldest(server) == 1


def test_hold_that_is_added_while_an_erasure_runs_is_obeyed(make_server):
    server = make_server()
    position = server.post(ndjson([event(1, vin=HELD)]), VSOC_Vehicle=HELD).json["position"]
    wait_until(lambda: min((spool_reader.read_cursors(server.spool_dir) or (0, {0: 0}))[1].values(), default=position) >= position, 30, "cursors")
    add(server, "--vehicle", HELD)
    server.terminate()
    path = server.spool_dir.parent / "evidence" / "holds"
    with_hold = path.read_bytes()
    path.write_bytes(b"")
    answers = []
    with open(path, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        words = ("vehicle", "erase", "-c", server.config, "--vehicle", HELD, "--reason", "request", "--json")
        thread = threading.Thread(target=lambda: answers.append(server.run(*words, check=False)))
        thread.start()
        wait_until(lambda: b"vehicle_erased" in server.run("audit", "list", server.spool_dir).stdout, 30, "the record of the erasure")
        os.pwrite(file.fileno(), with_hold, 0)
    thread.join(60)
    counts = json.loads(answers[0].stdout)
    assert answers[0].returncode == 1 and (counts["held"], counts["erased"]) == (1, 0)
    (record,) = spool_reader.read_spool(server.spool_dir)
    assert record[1].state == "open"


def test_holds_are_in_the_database_too(make_server, database):
    server = make_server({**SMALL, "sinks": {"postgres": {"enabled": True, "dsn": database}}})
    batch = fill(server, 1, HELD)[0]["batch_id"]
    uids = [add(server, "--batch", batch), add(server, "--vehicle", HELD), add(server, "--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z",
                                                                           "--until", "2100-01-01T00:00:00Z")]

    def rows(what):
        return query(database, f"select {what} from vsoc.holds order by time_added")

    wait_until(lambda: len(rows("1")) == 3, 30, "the holds in the database")
    assert rows("hold_uid::text, kind, instance, reason, time_released") == [
        (uid, kind, server.settings["instance"], "case 7", None) for uid, kind in zip(uids, ["batch", "vehicle", "time"])]
    assert rows("batch_uid::text")[0] == (batch,)
    vehicle = [json.loads(line) for line in hold(server, "list").stdout.splitlines()][1]["vehicle"]
    assert rows("encode(vehicle_pid, 'hex')")[1] == (vehicle,)
    assert rows("time_from::date::text, time_to::date::text, time_until::date::text")[2] == ("2026-01-01", "2026-02-01", "2100-01-01")
    hold(server, "release", "--id", uids[0], "--reason", "closed")
    wait_until(lambda: rows("release_reason")[0] == ("closed",), 30, "the release in the database")
    assert rows("time_released is null") == [(False,), (True,), (True,)]
    query(database, "set role vsoc_auditor; select * from vsoc.holds")
    for forbidden in ("set role vsoc_analyst; select hold_uid from vsoc.holds", "set role vsoc_ingest; delete from vsoc.holds",
                      "set role vsoc_ingest; update vsoc.holds set time_released = now()"):
        with pytest.raises(Exception, match="permission denied"):
            query(database, forbidden)
