"""The PostgreSQL sink against real servers of every supported version, driven through the sink ABI by tests/support/sinkdrive.c."""

import contextlib
import json
import random
import re
import subprocess
import threading
import time
import uuid

import psycopg2
import pytest

from harness import SLOWEST, Services, event, ndjson, query, wait_until

VERSIONS = ("15", "17", "18")


@pytest.fixture(scope="module", params=VERSIONS)
def server_version(request, tmp_path_factory):
    started = Services(tmp_path_factory.mktemp(f"postgres{request.param}"), postgres_options=(f"--version={request.param}",))
    started.dsn
    yield started
    started.stop()


@pytest.fixture
def empty(server_version):
    return server_version.new_database()


def migrate(build, dsn, *words, check=True):
    done = subprocess.run(
        [str(build / "vsocd"), "migrate", "--set", f"sinks.postgres.dsn={dsn}", *words], capture_output=True, text=True, timeout=60
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def schema(build, empty):
    migrate(build, empty)
    return empty


def as_role(dsn, role):
    return dsn.replace("user=postgres", f"user={role}")


class Lane:
    """One lane of the sink in a process of its own, logged in as the role that the server uses."""

    def __init__(self, build, dsn, instance="vsocd-0", lane=0, lanes=1, spool=1):
        self.process = subprocess.Popen(
            [str(build / "unit" / "sinkdrive"), dsn, instance, str(lane), str(lanes), str(spool)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"sinkdrive ended with {self.process.wait(10)}"
        return json.loads(answer)

    def connect(self):
        return self.ask("connect")

    def load(self, first, count, events, seed=1, **options):
        words = "".join(f" {key}={value}" if value is not True else f" {key}" for key, value in options.items())
        return self.ask(f"load {seed} {first} {count} {events}{words}")

    def close(self):
        """Ends it in order; a sanitizer that found something makes it end in another way."""
        self.process.stdin.close()
        try:
            assert self.process.wait(30) == 0
        finally:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def make_lane(build):
    lanes = []

    def make(dsn, role="vsoc_ingest", **options):
        lanes.append(Lane(build, as_role(dsn, role), **options))
        return lanes[-1]

    yield make
    for lane in lanes:
        lane.close()


def counts(dsn):
    """Events, different event ids, batches, different batch keys, quarantined records."""
    return query(
        dsn,
        "select (select count(*) from vsoc.events), (select count(distinct event_uid) from vsoc.events),"
        " (select count(*) from vsoc.batches), (select count(distinct batch_key) from vsoc.batches),"
        " (select count(*) from vsoc.quarantine)",
    )[0]


def wait_for_job(dsn, job):
    """Until a server has completed the job, whoever that was."""
    done = "select 1 from vsoc.jobs where name = %s and time_done is not null"
    wait_until(lambda: query(dsn, done, job), what=f"the job {job}")


def test_load_writes_events_batches_quarantine_and_position(schema, make_lane):
    lane = make_lane(schema)
    assert lane.connect() == {"result": "delivered", "position": 0, "known": True, "text": "", "batch": 0, "index": 0}
    assert lane.load(1, 3, 100, reject=2)["result"] == "delivered"
    assert counts(schema) == (300, 300, 3, 3, 6)
    assert query(schema, "select instance, lane, lanes, position from vsoc.sink_position") == [("vsocd-0", 0, 1, 3)]
    row = query(
        schema,
        "select tenant_id, encode(vehicle_pid, 'hex'), vin_key_id, sev_id, attributes, can_id, host(src_ip), speed_kmh, r155_threat,"
        " time_received - to_timestamp(time_event_ns / 1e9) > interval '4 s', ecu_sw_version, raw_offset"
        " from vsoc.events where batch_index = 3 limit 1",
    )[0]
    assert row == ("demo", "03" * 32, 1, 103, {"attempt": 4}, 1808, "192.0.2.7", 48.5, ["11.3", "18.3"], True, None, 1140)
    assert query(schema, "select accepted, quarantined, body_bytes, idempotency_key from vsoc.batches limit 1") == [
        (100, 2, 1000, "caf�")
    ]
    raw = query(schema, "select code, detail, source, raw from vsoc.quarantine limit 1")[0]
    assert raw[:3] == ("malformed", "ends inside a string �", "parse") and bytes(raw[3]) == b'{"broken\0'


def test_repeated_load_leaves_one_copy(schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    for _ in range(3):
        assert lane.load(1, 5, 10, reject=1)["result"] == "delivered"
    assert counts(schema) == (50, 50, 5, 5, 5)


def test_load_that_overlaps_another_adds_only_what_is_new(schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    lane.load(1, 5, 10)
    assert lane.load(3, 5, 10)["result"] == "delivered"
    assert counts(schema) == (70, 70, 7, 7, 0)


def test_same_batches_from_another_instance_are_not_loaded_again_but_its_position_moves(schema, make_lane):
    one, other = make_lane(schema), make_lane(schema, instance="vsocd-1", spool=2)
    for lane in (one, other):
        lane.connect()
        assert lane.load(1, 5, 10)["result"] == "delivered"
    assert counts(schema) == (50, 50, 5, 5, 0)
    assert query(schema, "select instance, position from vsoc.sink_position order by 1") == [("vsocd-0", 5), ("vsocd-1", 5)]
    assert query(schema, "select distinct instance from vsoc.batches") == [("vsocd-0",)]


def test_key_used_again_with_another_body_is_loaded(schema, make_lane):
    """The server that took it no longer knew the key, or never did: it said 200, so it must be there."""
    lane = make_lane(schema)
    lane.connect()
    assert lane.load(1, 2, 10)["result"] == "delivered"
    assert lane.load(1, 2, 10, body=1)["result"] == "delivered"
    assert lane.load(1, 2, 10, body=1)["result"] == "delivered"
    assert counts(schema) == (40, 40, 4, 2, 0)


def test_commit_is_durable_whatever_the_server_is_set_to(schema, make_lane):
    name = re.search(r"dbname=(\S+)", schema)[1]
    query(schema, f"alter database {name} set synchronous_commit = off")
    query(schema, "create table public.seen (setting text)")
    query(
        schema,
        "create function public.note() returns trigger language plpgsql security definer as"
        " $$ begin insert into public.seen values (current_setting('synchronous_commit')); return null; end $$",
    )
    query(schema, "create trigger note after insert on vsoc.batch_keys for each statement execute function public.note()")
    lane = make_lane(schema)
    lane.connect()
    assert lane.load(1, 1, 10)["result"] == "delivered"
    assert query(schema, "select setting from public.seen") == [("on",)]


def test_position_is_known_after_a_restart_but_not_for_another_spool_or_number_of_lanes(schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    lane.load(1, 5, 10)
    lane.close()
    assert make_lane(schema).connect()["position"] == 5
    assert make_lane(schema, spool=9).connect()["position"] == 0
    assert make_lane(schema, lanes=2).connect()["known"] is False


def test_database_that_knows_nothing_of_the_spool_has_nothing_and_each_lane_is_told(schema, make_lane):
    """Also the lane that asks when another has delivered again already."""
    one, other = (make_lane(schema, lane=number, lanes=2) for number in range(2))
    assert one.connect()["known"] and one.load(2, 1, 10)["result"] == "delivered"
    answer = other.connect()
    assert (answer["known"], answer["position"]) == (True, 0)


def test_two_lanes_with_the_same_batches_at_once_leave_one_copy(schema, make_lane):
    lanes = [make_lane(schema, lane=number, lanes=2) for number in range(2)]
    results = []

    def run(lane):
        lane.connect()
        for first in range(1, 200, 10):
            results.append(lane.load(first, 10, 10)["result"])

    threads = [threading.Thread(target=run, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(results) == {"delivered"}
    assert counts(schema) == (2000, 2000, 200, 200, 0)


def test_killed_backends_lose_and_double_nothing(schema, make_lane):
    """Each kill may fall before, in or after a commit: only the database knows."""
    lane = make_lane(schema)
    done = threading.Event()
    kills, goal = [], 400

    def kill_now_and_then():
        with contextlib.closing(psycopg2.connect(schema)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            while not done.wait(random.uniform(0.02, 0.3)):
                cursor.execute(
                    "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                    " where application_name like 'vsocd %' and state <> 'idle' and datname = current_database()"
                )
                kills.append(cursor.fetchone()[0])

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    deadline = time.monotonic() + 90 * SLOWEST
    try:
        while time.monotonic() < deadline:
            if sum(kills) >= 10:
                done.set()
            answer = lane.connect()
            if answer["result"] != "delivered":
                assert answer["result"] == "later", json.dumps(answer)
                continue
            if answer["position"] >= goal:
                if sum(kills):
                    break
                goal += 40  # it was too quick for the killer
            # The position may lag behind what was committed without our seeing it: start a little earlier still
            first = max(1, answer["position"] - 2)
            answer = lane.load(first, min(40, goal - first + 1), 50)
            assert answer["result"] in ("delivered", "later"), json.dumps(answer)
    finally:
        done.set()
        killer.join()
    assert sum(kills) > 0
    assert counts(schema) == (50 * goal, 50 * goal, goal, goal, 0)


def test_poison_event_is_found_and_goes_to_quarantine(schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    answer = lane.load(1, 3, 100, poison=37)
    assert (answer["result"], answer["batch"], answer["index"]) == ("rejected", 0, 37)
    assert "22021" in answer["text"]
    assert counts(schema) == (0, 0, 0, 0, 0)
    assert lane.load(1, 3, 100, poison=37, skip=37)["result"] == "delivered"
    assert counts(schema) == (299, 299, 3, 3, 1)
    source, code, index, raw = query(schema, "select source, code, batch_index, raw from vsoc.quarantine")[0]
    assert (source, code, index) == ("sink", "database_refused", 37)
    assert b'"event_name":"SEV_UDS_SECURITY_ACCESS_FAILED"' in bytes(raw)


@pytest.mark.parametrize("index", [0, 1, 49])
def test_poison_event_is_found_at_any_place(schema, make_lane, index):
    lane = make_lane(schema)
    lane.connect()
    answer = lane.load(1, 1, 50, poison=index)
    assert (answer["result"], answer["index"]) == ("rejected", index)


@pytest.mark.parametrize("lost", [0, 7, 41])
def test_load_that_cannot_be_read_leaves_nothing_and_is_for_later(schema, make_lane, lost):
    """Of events (0, 7) and of quarantined records (41); "no more" would have stored a part of them with the position."""
    lane = make_lane(schema)
    assert lane.connect()["result"] == "delivered"
    assert lane.load(1, 2, 40, reject=4, lost=lost)["result"] == "later"
    assert query(schema, "SELECT (SELECT count(*) FROM vsoc.events), (SELECT count(*) FROM vsoc.quarantine)") == [(0, 0)]
    again = lane.connect()
    assert (again["result"], again["position"]) == ("delivered", 0)
    assert lane.load(1, 2, 40, reject=4)["result"] == "delivered"
    assert query(schema, "SELECT (SELECT count(*) FROM vsoc.events), (SELECT count(*) FROM vsoc.quarantine)") == [(80, 8)]


def test_value_without_room_in_its_column_is_named(schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    answer = lane.load(1, 2, 20, range=3)
    assert (answer["result"], answer["index"]) == ("rejected", 3)
    assert "vin_key_id" in answer["text"]
    assert lane.load(1, 2, 20)["result"] == "delivered"
    assert counts(schema)[0] == 40


def test_backlog_of_past_days_gets_its_partitions(schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    assert lane.load(1, 2, 10, age=9)["result"] == "delivered"
    assert lane.load(3, 2, 10, age=40)["result"] == "delivered"
    assert counts(schema)[0] == 40


def test_batches_received_before_the_clock_was_set_do_not_hold_up_the_rest(schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    assert lane.load(1, 2, 10, age=int(time.time() // 86400) - 1)["result"] == "delivered"
    assert lane.load(3, 2, 10)["result"] == "delivered"
    assert query(schema, "select min(time_received) < '1970-01-04' from vsoc.events") == [(True,)]
    assert counts(schema) == (40, 40, 4, 4, 0)


def test_batches_received_while_the_clock_was_ahead_do_not_hold_up_the_rest(schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    for first, days in enumerate((500, 80000, 0), 1):
        assert lane.load(first, 1, 10, at=int(time.time()) + days * 86400)["result"] == "delivered"
    assert counts(schema) == (30, 30, 3, 3, 0)


def test_partition_that_was_detached_and_kept_its_name_is_replaced(schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    now = int(time.time())
    lane.load(1, 1, 10, at=now)
    ((table,),) = query(schema, "select distinct tableoid::regclass::text from vsoc.events")
    query(schema, f"alter table vsoc.events detach partition {table}")
    assert [lane.load(first, 1, 10, at=now)["result"] for first in (2, 3)] == ["delivered"] * 2
    assert query(schema, "select distinct tableoid::regclass::text from vsoc.events") == [(table + "_2",)]
    assert counts(schema)[0] == 20


def test_partition_of_another_name_is_found_when_its_name_is_free_again(schema, make_lane):
    """Else the day's partition would be made again and again, and overlap the one that is there."""
    lane = make_lane(schema)
    lane.connect()
    now = int(time.time())
    lane.load(1, 1, 10, at=now)
    ((table,),) = query(schema, "select distinct tableoid::regclass::text from vsoc.events")
    query(schema, f"alter table vsoc.events detach partition {table}")
    assert lane.load(2, 1, 10, at=now)["result"] == "delivered"
    query(schema, f"alter table {table} set schema public")
    assert query(schema, "select vsoc.ensure_partition(current_date)") == [(0,)]
    again = make_lane(schema)
    assert again.connect()["result"] == "delivered"
    assert again.load(3, 1, 10, at=now)["result"] == "delivered"
    assert counts(schema)[0] == 20


def test_partitions_ahead_that_must_wait_for_a_lock_hold_up_nothing(schema, make_lane):
    """As long as ANALYZE of vsoc.events holds this lock, no partition can be made."""
    lane = make_lane(schema)
    lane.connect()
    lane.load(1, 1, 10)
    wait_for_job(schema, "partitions")
    lane.close()
    query(schema, "drop table " + ", ".join(f"vsoc.events_{row[0]}" for row in query(
        schema, "select substring(relname from '[0-9]{8}') from pg_class where relkind = 'r' and relname ~ '^events_[0-9]' order by 1 desc limit 1")))
    with contextlib.closing(psycopg2.connect(schema)) as connection, connection.cursor() as analyst:
        analyst.execute("lock table vsoc.events in share update exclusive mode")
        again = make_lane(schema)
        assert again.connect()["result"] == "delivered"
        assert again.load(2, 1, 10)["result"] == "delivered"
    assert counts(schema)[0] == 20


def test_partition_dropped_meanwhile_is_made_again(schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    lane.load(1, 1, 10)
    partitions = query(schema, "select relname from pg_class where relispartition and relkind = 'r' and relname ~ '_[0-9]{8}$'")
    for (name,) in partitions:
        query(schema, f"drop table vsoc.{name}")
    assert lane.load(2, 1, 10, reject=1)["result"] == "delivered"
    assert counts(schema) == (10, 10, 1, 1, 1)


def test_batch_whose_key_was_forgotten_adds_only_missing_rows(schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    now = int(time.time())
    lane.load(1, 3, 10, reject=1, at=now)
    query(schema, "delete from vsoc.batch_keys")
    assert lane.load(1, 5, 10, reject=1, at=now)["result"] == "delivered"
    assert counts(schema) == (50, 50, 5, 5, 5)


def test_old_keys_are_deleted_and_young_ones_kept(schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    lane.load(1, 3, 1)
    wait_for_job(schema, "batch_keys")
    query(schema, "update vsoc.batch_keys set time_loaded = now() - interval '2 hours' where batch_uid in"
                  " (select batch_uid from vsoc.batch_keys limit 2)")
    lane.close()
    query(schema, "delete from vsoc.jobs")
    again = make_lane(schema)
    again.connect()
    again.load(4, 1, 1)  # the driver's window is one hour; a new process looks at once
    wait_for_job(schema, "batch_keys")
    assert query(schema, "select count(*) from vsoc.batch_keys") == [(2,)]


def test_missing_schema_is_told_with_what_to_do(empty, make_lane):
    login = "login_" + uuid.uuid4().hex
    query(empty, f"create role {login} login")
    answer = make_lane(empty, role=login).connect()
    assert answer["result"] == "broken" and "vsocd migrate" in answer["text"]


def test_older_and_newer_schemas_are_refused(schema, make_lane):
    lane = make_lane(schema)
    query(schema, "insert into vsoc.schema_version (version, name, program) values (99, 'later', '9')")
    answer = lane.connect()
    assert answer["result"] == "broken" and "newer vsocd" in answer["text"]
    query(schema, "delete from vsoc.schema_version where version > 2")
    answer = lane.connect()
    assert answer["result"] == "broken" and "vsocd migrate" in answer["text"]


def test_revoked_right_is_told_and_passes_when_given_back(schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    query(schema, "revoke insert on vsoc.events from vsoc_ingest")
    answer = lane.load(1, 1, 10)
    assert answer["result"] == "broken" and "42501" in answer["text"] and "vsoc_ingest" in answer["text"]
    query(schema, "grant insert on vsoc.events to vsoc_ingest")
    lane.connect()
    assert lane.load(1, 1, 10)["result"] == "delivered"
    assert counts(schema)[0] == 10


def test_read_only_server_is_waited_for(schema, make_lane):
    name = re.search(r"dbname=(\S+)", schema)[1]
    query(schema, f"alter database {name} set default_transaction_read_only = on")
    lane = make_lane(schema)
    answer = lane.connect()
    answer = lane.load(1, 1, 10) if answer["result"] == "delivered" else answer
    assert answer["result"] == "later" and "25006" in answer["text"]


def test_missing_database_and_unknown_user_are_told(schema, make_lane):
    answer = make_lane(re.sub(r"dbname=\S+", "dbname=nowhere", schema)).connect()
    assert answer["result"] == "broken" and "3D000" in answer["text"]
    answer = make_lane(schema, role="nobody_knows").connect()
    assert answer["result"] == "broken" and "28000" in answer["text"]


def test_server_that_is_not_there_is_waited_for(schema, make_lane, tmp_path):
    answer = make_lane(f"host={tmp_path} port=5432 dbname=vsoc user=postgres").connect()
    assert answer["result"] == "later"


def test_second_host_is_taken_when_the_first_is_away(schema, make_lane, tmp_path):
    socket = re.search(r"host=(\S+)", schema)[1]
    lane = make_lane(schema.replace(f"host={socket}", f"host={tmp_path},{socket}"))
    assert lane.connect()["result"] == "delivered"
    assert lane.load(1, 1, 10)["result"] == "delivered"


def test_halted_server_does_not_hold_an_interrupted_lane(server_version, schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    server_version.act("postgres", "pause")
    try:
        lane.ask("interrupt 0.3")
        answer = lane.load(1, 1, 10)
        assert answer["result"] == "later" and "interrupted" in answer["text"]
    finally:
        server_version.act("postgres", "resume")
    wait_until(lambda: lane.connect()["result"] == "delivered", 30, "the server answering again")
    assert lane.load(1, 1, 10)["result"] == "delivered"
    assert counts(schema)[0] == 10


def test_crashed_server_is_waited_for_and_nothing_is_lost(server_version, schema, make_lane):
    lane = make_lane(schema)
    lane.connect()
    query(schema, "checkpoint")  # or the start would replay what all tests before this one have written
    assert lane.load(1, 2, 10)["result"] == "delivered"
    server_version.act("postgres", "stop", "--kill")
    assert lane.load(3, 2, 10)["result"] == "later"
    assert lane.connect()["result"] == "later"
    server_version.act("postgres", "start")
    answer = lane.connect()
    assert (answer["result"], answer["position"]) == ("delivered", 2)
    assert lane.load(3, 2, 10)["result"] == "delivered"
    assert counts(schema) == (40, 40, 4, 4, 0)


# ---- columns that a COPY names ---------------------------------------------------------------------------------------------

# One column each, so that almost every event of the batch makes the row wider than the COPY that is under way.
SPARSE = {
    "ecu_id": "GW-3", "sw_baseline": "2026.40", "model_code": "M1", "region": "DE", "bus_id": "can0", "can_id": 1808, "pdu_id": 7,
    "uds_sid": 39, "uds_nrc": 53, "message": "text", "speed_kmh": 48.5, "is_moving": True, "src_ip": "192.0.2.7", "dst_port": 443,
    "rule_id": "r1", "vlan_id": 3, "geo_cell": "u33db", "confidence": 80, "user_name": "root", "file_path": "/etc/passwd",
}  # fmt: skip


def test_events_of_a_load_that_set_different_columns_keep_their_values(make_server, database):
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": database, "connections": 1}}})
    names = list(SPARSE)
    events = [event(n, **{names[n % len(names)]: SPARSE[names[n % len(names)]]}) for n in range(100)]
    for fresh in (events[:1], events, [event(200)]):
        assert server.post(ndjson(fresh)).json["accepted"] == len(fresh)
        server.wait_for_sinks()
    rows = query(database, f"select source_event_id, {', '.join(names)} from vsoc.events where dedup_key is not null order by batch_uid, batch_index")
    plain = {name: value for name, value in zip(names, rows[-1][1:])}
    assert len(rows) == 102 and sum(value is None for value in plain.values()) >= 12
    for n, row in enumerate(rows[1:101]):
        for name, value in zip(names, row[1:]):
            assert (value if name != "src_ip" else value and value.split("/")[0]) == (SPARSE[name] if name == names[n % len(names)] else plain[name]), (n, name)


def test_value_of_a_column_with_a_default_does_not_depend_on_other_events(schema, make_lane):
    query(schema, "alter table vsoc.events alter column region set default 'EU'; alter table vsoc.events alter column model_year set default 1999")
    lane = make_lane(schema)
    lane.connect()
    assert lane.load(1, 2, 10)["result"] == "delivered"
    assert query(schema, "select distinct region, model_year from vsoc.events") == [(None, None)]
