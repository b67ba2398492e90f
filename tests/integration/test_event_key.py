"""With and without a primary key of the events (vsoc.set_event_key): loaded once, whatever happens, and found by id."""

import json
import random
import time

import psycopg2.errors
import pytest

from harness import event, ndjson, query
from test_analysts_doc import filled, queries
from test_analysts_plans import DAYS, FILL, ROWS_A_DAY, TENANT, Plan
from test_postgres_sink import as_role, counts, make_lane, migrate  # noqa: F401

KEYS = ("primary_key", "brin")


@pytest.fixture(params=KEYS)
def keyed(request, build, database):
    migrate(build, database)
    query(database, f"select vsoc.set_event_key('{request.param}')")
    return database


def same_time():
    """Option of a load: the same batches again have the same time of receipt."""
    return {"at": int(time.time())}


def duplicates(dsn):
    return query(dsn, "select count(*) - count(distinct event_uid) from vsoc.events")[0][0]


def test_batch_whose_key_was_deleted_is_not_loaded_again(keyed, make_lane):  # noqa: F811
    lane = make_lane(keyed)
    lane.connect()
    at = same_time()
    assert lane.load(1, 3, 100, reject=2, **at)["result"] == "delivered"
    before = counts(keyed)
    query(keyed, "delete from vsoc.batch_keys")
    assert lane.load(1, 3, 100, reject=2, **at)["result"] == "delivered"
    assert counts(keyed) == before == (300, 300, 3, 3, 6)


def test_rows_that_are_missing_of_a_loaded_batch_are_added(keyed, make_lane):  # noqa: F811
    lane = make_lane(keyed)
    lane.connect()
    at = same_time()
    assert lane.load(1, 3, 100, **at)["result"] == "delivered"
    query(keyed, "delete from vsoc.events where batch_index %% 7 = 3; delete from vsoc.batch_keys")
    assert lane.load(1, 3, 100, **at)["result"] == "delivered"
    assert counts(keyed) == (300, 300, 3, 3, 0) and duplicates(keyed) == 0


def test_two_lanes_with_the_same_batches_load_them_once(keyed, make_lane):  # noqa: F811
    lanes = [make_lane(keyed, instance=f"vsocd-{n}") for n in range(2)]
    for lane in lanes:
        lane.connect()
        assert lane.load(1, 5, 50)["result"] == "delivered"
    assert counts(keyed) == (250, 250, 5, 5, 0)


@pytest.mark.parametrize("key", KEYS)
def test_kill_during_loads_loses_and_doubles_nothing(make_server, build, database, key):
    migrate(build, database)
    query(database, f"select vsoc.set_event_key('{key}')")
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": database, "batch": {"events": 300, "interval": "0s"}}}}, start=False)
    server.migrated = True
    chance, sent = random.Random(4711), 0
    for _ in range(6):
        server.start()
        for _ in range(chance.randrange(10, 40)):
            assert server.post(ndjson([event(sent + n) for n in range(50)])).status == 200
            sent += 50
        server.kill()
        if chance.random() < 0.5:  # a database that was restored without its keys
            query(database, "delete from vsoc.batch_keys; delete from vsoc.sink_position")
    server.start()
    server.wait_for_sinks(120)
    assert query(database, "select count(*), count(distinct source_event_id), count(distinct event_uid) from vsoc.events") == [(sent, sent, sent)]


def test_replay_adds_what_is_missing_and_nothing_else(make_server, build, database):
    migrate(build, database)
    query(database, "select vsoc.set_event_key('brin')")
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": database}}}, start=False)
    server.migrated = True
    server.start()
    for n in range(5):
        assert server.post(ndjson([event(100 * n + i) for i in range(20)])).status == 200
    server.wait_for_sinks()
    query(database, "delete from vsoc.events where batch_index %% 5 = 1")
    done = server.run("spool", "replay", str(server.spool_dir), "-c", str(server.config), "--sink", "postgres", "--dry-run", check=False)
    assert done.returncode == 0, done.stderr
    assert query(database, "select count(*) from vsoc.events") == [(80,)]
    done = server.run("spool", "replay", str(server.spool_dir), "-c", str(server.config), "--sink", "postgres", check=False)
    assert done.returncode == 0, done.stderr
    assert query(database, "select count(*), count(distinct event_uid) from vsoc.events") == [(100, 100)]


@pytest.fixture(scope="module")
def history(build, services):
    dsn = services.new_database()
    migrate(build, dsn)
    query(dsn, FILL)
    return dsn


def test_event_is_found_by_its_id_with_either_key(history):
    found = {}
    for key in ("brin", "primary_key", "brin"):
        query(history, f"select vsoc.set_event_key('{key}'); analyze vsoc.events")
        for name in ("which_event_has_this_id", "what_is_the_evidence_for_this_event"):
            sql = filled(next(one.values[0] for one in queries() if one.id == name), history, TENANT)
            plan = Plan(history, sql)
            assert len(plan.days()) == 1 and plan.text[0]["Plan"]["Actual Rows"] == 1, json.dumps(plan.text, indent=1)
            assert plan.events() <= ROWS_A_DAY / 2
            assert not [n for n in plan.scans if n["Node Type"] == "Seq Scan" and n["Relation Name"].startswith("events")]
        found[key] = Plan(history, "select max(time_received) from vsoc.all_events").events()
    assert found["primary_key"] <= 110 and found["brin"] == DAYS * ROWS_A_DAY  # what the key is for
    query(history, "select vsoc.ensure_partition(current_date - 40)")
    assert query(history, "select count(*) from pg_index i join pg_class c on c.oid = i.indrelid where c.relname ~ '^events_' and i.indisunique") == [(0,)]


def test_key_is_changed_by_the_owner_only_and_written_down(keyed):
    for role in ("vsoc_ingest", "vsoc_analyst", "vsoc_identity", "vsoc_auditor"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            query(as_role(keyed, role), "select vsoc.set_event_key('brin')")
    for kind in ("'hash'", "null"):
        with pytest.raises(psycopg2.errors.InvalidParameterValue):
            query(keyed, f"select vsoc.set_event_key({kind})")
    for key in (*KEYS, KEYS[1]):
        query(keyed, f"select vsoc.set_event_key('{key}')")
    rows = query(keyed, "select detail ->> 'key' from vsoc.audit where action = 'set_event_key' order by audit_id")
    assert [key for (key,) in rows][-1] == "brin" and len(rows) in (1, 3)
