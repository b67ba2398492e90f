"""The jobs thread of the PostgreSQL sink: what waits there delays no load, one server at a time runs a job, no analyst stops one."""

import datetime

import psycopg2
import pytest

from harness import event, ndjson, query, wait_until
from test_postgres_access import person, session  # noqa: F401
from test_postgres_sink import as_role, counts, make_lane, migrate, wait_for_job  # noqa: F401

JOBS_SESSION = "select pid from pg_stat_activity where datname = current_database() and application_name like 'vsocd jobs%%'"
WAITING = JOBS_SESSION + " and wait_event_type = 'Lock'"


@pytest.fixture
def schema(build, database):
    migrate(build, database)
    return database


@pytest.fixture
def hold(schema):
    """hold(sql): a session of somebody else's that runs it in a transaction, and holds its locks until it is closed."""
    held = []

    def make(sql):
        connection = psycopg2.connect(schema)
        connection.cursor().execute(sql)
        held.append(connection)
        return connection

    yield make
    for connection in held:
        connection.close()


# A job that waits for as long as somebody holds the row of public.gate. Each run that gets through leaves a row in public.runs.
GATED = """
    create table public.gate (open boolean);
    insert into public.gate values (true);
    create table public.runs (days integer);
    grant all on public.gate, public.runs to public;
    create or replace function vsoc.ensure_partitions(days integer) returns integer
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
        perform from public.gate for update;
        insert into public.runs values (days);
        return 0;
    end $$;
"""
CLOSE_GATE = "select 1 from public.gate for update"


def partitions_after_today(dsn):
    today = datetime.datetime.now(datetime.timezone.utc).strftime("events_%Y%m%d")
    return query(dsn, "select count(*) from pg_class where relkind = 'r' and relname ~ '^events_[0-9]{8}$' and relname > %s", today)[0][0]


def test_loading_continues_while_a_job_is_stuck(schema, make_lane, hold):
    """Before the jobs had a thread, the lane itself waited here, at its first connection and after its loads."""
    query(schema, GATED)
    gate = hold(CLOSE_GATE)
    lane = make_lane(schema)
    assert lane.connect()["result"] == "delivered"
    wait_until(lambda: query(schema, WAITING), what="the job waiting")
    ((stuck,),) = query(schema, WAITING)
    for position in range(1, 6):
        assert lane.load(position, 1, 10)["result"] == "delivered"
    assert counts(schema)[0] == 50
    assert query(schema, WAITING) == [(stuck,)] and query(schema, "select count(*) from public.runs") == [(0,)]
    gate.rollback()
    wait_for_job(schema, "partitions")
    wait_for_job(schema, "batch_keys")


def test_loading_continues_while_another_session_locks_the_partitions(schema, make_lane, hold):
    """The lock that ANALYZE of vsoc.events holds. The job fails, says so, and leaves nothing behind."""
    query(schema, "select vsoc.ensure_partitions(0)")
    locker = hold("lock table vsoc.events in share update exclusive mode")
    lane = make_lane(schema)
    assert lane.connect()["result"] == "delivered"
    wait_until(lambda: query(schema, WAITING), what="the job waiting")
    assert lane.load(1, 1, 10)["result"] == "delivered"
    wait_for_job(schema, "batch_keys")  # the next job has its turn after the one that failed
    assert query(schema, "select time_done from vsoc.jobs where name = 'partitions'") == [(None,)]
    assert partitions_after_today(schema) == 0
    locker.rollback()


def test_stuck_job_does_not_delay_the_stop(schema, make_lane, hold):
    query(schema, GATED)
    hold(CLOSE_GATE)
    lane = make_lane(schema)
    lane.connect()
    wait_until(lambda: query(schema, WAITING), what="the job waiting")
    lane.close()  # within 30 s, though the gate stays closed and a statement of a job may take 55 s
    assert query(schema, "select count(*) from public.runs") == [(0,)]


def test_two_servers_never_run_a_job_at_the_same_time(schema, make_lane, hold):
    query(schema, GATED)
    gate = hold(CLOSE_GATE)
    one, other = make_lane(schema), make_lane(schema, instance="vsocd-1", spool=2)
    assert one.connect()["result"] == "delivered"
    wait_until(lambda: query(schema, WAITING), what="the job of the first server waiting")
    assert other.connect()["result"] == "delivered"
    # It comes to its second job only after it has seen that the first is taken.
    done = "select instance from vsoc.jobs where name = 'batch_keys' and time_done is not null"
    wait_until(lambda: query(schema, done) == [("vsocd-1",)], what="the second server's turn")
    assert len(query(schema, JOBS_SESSION)) == 2 and len(query(schema, WAITING)) == 1
    gate.rollback()
    wait_for_job(schema, "partitions")
    assert query(schema, "select instance from vsoc.jobs where name = 'partitions'") == [("vsocd-0",)]
    assert query(schema, "select count(*), count(distinct days) from public.runs") == [(3, 3)]  # today and two days ahead, once


def test_killed_connection_is_replaced_and_its_job_runs_again(schema, make_lane, hold):
    query(schema, GATED)
    gate = hold(CLOSE_GATE)
    lane = make_lane(schema)
    lane.connect()
    wait_until(lambda: query(schema, WAITING), what="the job waiting")
    ((first,),) = query(schema, WAITING)
    query(schema, "select pg_terminate_backend(%s)", first)
    wait_until(lambda: query(schema, WAITING) not in ([], [(first,)]), what="another connection that runs the job")
    assert lane.load(1, 1, 10)["result"] == "delivered"
    gate.rollback()
    wait_for_job(schema, "partitions")
    assert query(schema, "select count(*), count(distinct days) from public.runs") == [(3, 3)]


def test_analyst_who_holds_our_advisory_locks_stops_no_job(schema, make_lane, person, session):
    query(schema, "insert into vsoc.analyst_tenants values ('*', '*')")
    # Where no superuser has migrated, advisory locks are anybody's.
    query(schema, "grant execute on function pg_advisory_lock(int, int), pg_advisory_lock(bigint) to public")
    ada = session(person("vsoc_analyst"))
    for lock in range(4):
        ada.one(f"set default_transaction_read_only = off; select pg_advisory_lock(1987276643, {lock})")
        ada.one(f"select pg_advisory_lock({lock})")
    lane = make_lane(schema)
    assert lane.connect()["result"] == "delivered"
    wait_for_job(schema, "partitions")
    wait_for_job(schema, "batch_keys")
    assert ada.one("select count(*) from pg_locks where locktype = 'advisory' and granted and pid = pg_backend_pid()") == 8
    assert partitions_after_today(schema) >= 2


def test_no_role_of_people_can_take_the_lock_of_a_job(schema):
    query(schema, "insert into vsoc.jobs (name) values ('partitions')")
    for role in ("vsoc_analyst", "vsoc_identity", "vsoc_auditor"):
        dsn = as_role(schema, role) + " options='-c default_transaction_read_only=off'"
        for mode in ("update", "no key update", "share", "key share"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                query(dsn, f"select name from vsoc.jobs for {mode}")
    assert query(as_role(schema, "vsoc_ingest"), "select name from vsoc.jobs for update") == [("partitions",)]


def test_server_shows_when_a_job_succeeded_and_that_one_failed(make_server, schema):
    query(
        schema,
        "create or replace function vsoc.trim_batch_keys(keep interval, most integer) returns integer language plpgsql as"
        " $$ begin raise exception 'not today' using errcode = 'insufficient_privilege'; end $$",
    )
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": schema}}})
    wait_until(lambda: server.metric("vsocd_pg_job_success_timestamp_seconds", 'job="partitions"') > 1e9, what="the job partitions")
    wait_until(lambda: server.metric("vsocd_pg_job_failures_total", 'job="batch_keys"') >= 1, what="the job batch_keys failing")
    assert server.metric("vsocd_pg_job_success_timestamp_seconds", 'job="batch_keys"') == 0
    assert server.metric("vsocd_pg_job_failures_total", 'job="partitions"') == 0
    assert server.post(ndjson([event(0)])).status == 200
    server.wait_for_sinks()
    assert counts(schema)[0] == 1
    (line,) = [line for line in server.log().splitlines() if "a job of the database failed" in line]
    assert "job=batch_keys" in line and "sqlstate=42501" in line and "vsoc.trim_batch_keys" in line
