"""`vsocd migrate`, the roles and the views, on a real server."""

import subprocess
import threading
import uuid

import psycopg2
import pytest

from harness import query
from test_postgres_sink import as_role, make_lane, migrate  # noqa: F401


@pytest.fixture
def schema(build, database):
    migrate(build, database)
    return database


def test_dry_run_tells_and_changes_nothing(build, database):
    done = migrate(build, database, "--dry-run")
    assert "would apply 001_schema" in done.stdout
    assert query(database, "select count(*) from pg_namespace where nspname = 'vsoc'") == [(0,)]


def test_second_run_has_nothing_to_do(build, schema):
    assert "nothing to do" in migrate(build, schema).stdout


def test_runs_at_the_same_time_take_turns(build, database):
    command = [str(build / "vsocd"), "migrate", "--set", f"sinks.postgres.dsn={database}"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    outputs = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0] * 4, outputs
    assert sum("applied 001_schema" in out for out, _ in outputs) == 1


def test_run_beside_servers_that_make_partitions_goes_well(build, schema):
    maker = threading.Thread(target=lambda: [query(schema, f"select vsoc.ensure_partition(current_date - {n})") for n in range(60)])
    maker.start()
    while maker.is_alive():
        migrate(build, schema)
    maker.join()
    assert query(schema, "select count(*) from pg_inherits where inhparent = 'vsoc.events'::regclass") == [(60,)]


def test_newer_schema_is_refused(build, schema):
    query(schema, "insert into vsoc.schema_version (version, name, program) values (99, 'later', '9')")
    done = migrate(build, schema, check=False)
    assert done.returncode == 1 and "newer vsocd" in done.stderr


def test_missing_server_and_bad_dsn_have_their_exit_status(build, tmp_path):
    assert migrate(build, f"host={tmp_path} dbname=vsoc", check=False).returncode == 69
    assert migrate(build, "nonsense", check=False).returncode == 78


def test_migrations_are_recorded(build, schema):
    rows = query(schema, "select action, detail ->> 'name' from vsoc.audit order by audit_id")
    assert rows[0] == ("migrate", "001_schema")
    assert len(rows) == query(schema, "select max(version) from vsoc.schema_version")[0][0]


@pytest.mark.parametrize("rights, owner", [("createrole", "vsoc_owner"), ("", "vsoc_owner")])
def test_login_that_is_no_superuser_can_migrate(build, database, services, rights, owner):
    """Roles are there from other tests or are made; who may use vsoc_owner hands the schema to it."""
    login = "dba_" + uuid.uuid4().hex[:8]
    query(database, f"create role {login} login {rights}")
    name = database.split("dbname=")[1].split()[0]
    query(database, f"grant create on database {name} to {login}")
    if not query(database, "select 1 from pg_roles where rolname = 'vsoc_owner'"):
        query(database, "create role vsoc_owner")
    query(database, f"grant vsoc_owner to {login}")
    migrate(build, as_role(database, login))
    assert query(database, "select nspowner::regrole::text from pg_namespace where nspname = 'vsoc'") == [(owner,)]
    query(database, f"drop owned by {login} cascade")
    query(database, f"drop role {login}")


def test_login_outside_vsoc_owner_owns_the_schema_itself(build, database):
    login = "plain_" + uuid.uuid4().hex[:8]
    name = database.split("dbname=")[1].split()[0]
    query(database, f"create role {login} login")
    query(database, f"grant create on database {name} to {login}")
    done = migrate(build, as_role(database, login))
    assert "notice:" in done.stdout
    assert query(database, "select nspowner::regrole::text from pg_namespace where nspname = 'vsoc'") == [(login,)]
    query(database, f"drop owned by {login} cascade")
    query(database, f"drop role {login}")


def test_every_table_view_and_column_is_explained(schema):
    assert query(schema, "select object, column_name from vsoc.schema_columns where meaning is null") == []
    assert query(
        schema,
        "select relname from pg_class where relnamespace = 'vsoc'::regnamespace and relkind in ('r', 'p', 'v')"
        " and (relkind = 'p' or not relispartition) and obj_description(oid) is null",
    ) == []


def test_partitions_ahead_are_made_once(schema):
    assert query(schema, "select vsoc.ensure_partitions(3)") == [(12,)]
    assert query(schema, "select vsoc.ensure_partitions(3)") == [(0,)]


def test_bounds_of_a_partition_are_days_in_utc_whatever_the_session_says(schema):
    query(schema, "set timezone = 'Pacific/Kiritimati'; select vsoc.ensure_partition('2026-02-03')")
    bounds = query(
        schema, "set timezone = 'UTC'; select pg_get_expr(relpartbound, oid) from pg_class where relname = 'events_20260203'"
    )
    assert bounds == [("FOR VALUES FROM ('2026-02-03 00:00:00+00') TO ('2026-02-04 00:00:00+00')",)]


def refused(dsn, sql):
    with pytest.raises((psycopg2.errors.InsufficientPrivilege, psycopg2.errors.ReadOnlySqlTransaction)):
        query(dsn, sql)
    return True


def test_ingest_role_adds_and_does_not_read_events(schema):
    dsn = as_role(schema, "vsoc_ingest")
    for sql in (
        "select * from vsoc.events",
        "select * from vsoc.quarantine",
        "delete from vsoc.events",
        "update vsoc.batches set sender = ''",
        "delete from vsoc.batch_keys",
        "create table vsoc.mine ()",
        "select vsoc.request_quarantine(gen_random_uuid(), 0)",
        "select vsoc.read_quarantine(gen_random_uuid())",
        "select vsoc.make_partition(current_date)",
        "insert into vsoc.analyst_tenants values ('vsoc_ingest', '*')",
    ):
        assert refused(dsn, sql)


def test_analyst_reads_views_and_nothing_else(schema):
    dsn = as_role(schema, "vsoc_analyst")
    for view in ("all_events", "recent_events", "vehicle_timeline", "batch_evidence", "quarantine_reasons", "ingest_health"):
        query(dsn, f"select * from vsoc.{view}")
    for sql in (
        "select * from vsoc.events",
        "select raw from vsoc.quarantine",
        "create temp table mine (a int)",
        "select vsoc.ensure_partitions(1)",
        "select vsoc.trim_batch_keys('0', 1)",
    ):
        assert refused(dsn, sql)
    assert query(dsn, "show statement_timeout") == [("1min",)]
