"""Who sees what in the database, what is written down of it, and what a login for people can't do to the others."""

import contextlib
import re
import threading
import time
import uuid

import psycopg2
import psycopg2.errors
import pytest

from harness import SLOWEST, event, ndjson, query, wait_until
from test_analysts_doc import SAMPLE
from test_postgres_sink import as_role, make_lane, migrate  # noqa: F401

VIEWS = ("all_events", "recent_events", "vehicle_timeline", "batch_evidence", "quarantine_reasons", "ingest_health")
IDENTITY_READS = "select vsoc.read_quarantine(%s)"


@pytest.fixture
def schema(build, database):
    migrate(build, database)
    query(database, SAMPLE)
    return database


@pytest.fixture
def person(schema):
    """Makes logins that belong to a role and end with the test."""
    made = []

    def make(role, tenants=()):
        login = f"{role[5:]}_{uuid.uuid4().hex[:8]}"
        query(schema, f"create role {login} login in role {role}")
        made.append(login)
        for tenant in tenants:
            query(schema, f"insert into vsoc.analyst_tenants values ('{login}', '{tenant}')")
        return login

    yield make
    for login in made:
        query(schema, f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{login}'")
        wait_until(lambda: not query(schema, f"select 1 from pg_stat_activity where usename = '{login}'"), what="sessions of the test ending")
        query(schema, f"drop owned by {login}; drop role {login}")


def seen(dsn):
    return {tenant for view in VIEWS for (tenant,) in query(dsn, f"select distinct tenant_id from vsoc.{view}")}


# ---- tenants ---------------------------------------------------------------------------------------------------------------


def test_no_row_means_no_tenant_for_everybody(schema, person):
    logins = [person("vsoc_analyst"), person("vsoc_analyst", ["tenant-1"]), person("vsoc_analyst", ["*"])]
    dsns = [as_role(schema, login) for login in logins]
    assert [seen(dsn) for dsn in dsns] == [set(), {"tenant-1"}, {"tenant-0", "tenant-1"}]
    query(schema, "delete from vsoc.analyst_tenants")
    assert [seen(dsn) for dsn in dsns] == [set(), set(), set()]
    query(schema, "insert into vsoc.analyst_tenants values ('*', 'tenant-0')")
    assert [seen(dsn) for dsn in dsns] == [{"tenant-0"}] * 3
    assert query(dsns[0], "select tenant_id from vsoc.my_tenants") == [("tenant-0",)]


def test_every_view_that_shows_a_tenant_shows_none_by_default(schema):
    views = query(
        schema,
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'"
        " where c.relnamespace = 'vsoc'::regnamespace and c.relkind in ('v', 'm') and has_table_privilege('vsoc_analyst', c.oid, 'SELECT')",
    )
    assert {view for (view,) in views} >= set(VIEWS)
    for (view,) in views:
        assert query(as_role(schema, "vsoc_analyst"), f"select count(*) from vsoc.{view}") == [(0,)], view


def test_role_that_has_members_sees_no_tenant_of_its_own(schema, person):
    """A member can give its role a password and log in as it: what the role sees, each member would see."""
    query(schema, "insert into vsoc.analyst_tenants values ('vsoc_analyst', '*')")
    shared = as_role(schema, "vsoc_analyst")
    assert seen(shared) == {"tenant-0", "tenant-1"}
    member = person("vsoc_analyst", ["tenant-1"])
    query(as_role(schema, member), "set role vsoc_analyst; alter role vsoc_analyst password null")  # PostgreSQL allows it
    assert seen(shared) == set() and query(shared, "select * from vsoc.my_tenants") == []
    assert seen(as_role(schema, member)) == {"tenant-1"}
    query(schema, "insert into vsoc.analyst_tenants values ('*', 'tenant-0')")
    assert seen(shared) == {"tenant-0"}


def test_migrate_names_shared_logins_and_those_without_a_limit_of_connections(build, schema, person):
    member = person("vsoc_analyst")
    said = migrate(build, schema).stdout
    assert f"vsoc_analyst can be logged in as by its members ({member})" in said and "ALTER ROLE vsoc_analyst NOLOGIN" in said
    assert f"CONNECTION LIMIT bounds them: {member}" in said
    query(schema, f"alter role {member} connection limit 5")
    assert "CONNECTION LIMIT" not in migrate(build, schema).stdout


def test_limits_hold_without_a_row(schema):
    limits = "select statement::text, transaction::text from vsoc.limits_of('ada')"
    query(schema, "insert into vsoc.analyst_limits values ('ada', '5 s', '6 s'), ('bob', '7 s', '8 s')")
    assert query(schema, limits) == [("00:00:05", "00:00:06")]
    query(schema, "delete from vsoc.analyst_limits where login = 'ada'; update vsoc.analyst_limits set statement = '9 s' where login = '*'")
    assert query(schema, limits) == [("00:00:09", "00:10:00")]
    query(schema, "delete from vsoc.analyst_limits")
    assert query(schema, limits) == [("00:01:00", "00:10:00")]


@pytest.mark.parametrize("role", ["vsoc_analyst", "vsoc_identity", "vsoc_auditor"])
def test_sort_of_everything_does_not_fill_the_disk(schema, role):
    dsn = as_role(schema, role)
    assert query(dsn, "show temp_file_limit") == [("2GB",)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        query(dsn, "set temp_file_limit = -1")
    with contextlib.suppress(psycopg2.Error):
        query(dsn, f"set default_transaction_read_only = off; alter role {role} reset temp_file_limit")
    with contextlib.suppress(psycopg2.Error):
        query(dsn, f"set default_transaction_read_only = off; alter role {role} reset all")
    assert query(dsn, "show temp_file_limit") == [("2GB",)]


def test_people_leave_connections_for_the_server(schema):
    """Whoever logs in often enough would keep the server from loading after its next start."""
    held = []
    try:
        with pytest.raises(psycopg2.OperationalError, match="too many connections for role"):
            for _ in range(40):
                held.append(psycopg2.connect(as_role(schema, "vsoc_analyst")))
        query(as_role(schema, "vsoc_ingest"), "select vsoc.ensure_partition(current_date)")
    finally:
        for connection in held:
            connection.close()


def test_condition_of_an_analyst_sees_no_row_of_another_tenant(schema, person):
    """A condition that fails on a value would name it: the view looks at the tenant first."""
    query(schema, "update vsoc.events set message = 'secret of ' || tenant_id")
    dsn = as_role(schema, person("vsoc_analyst", ["tenant-1"]))
    for sql in ("select count(*) from vsoc.all_events where (message || tenant_id)::int > 0 and tenant_id = 'tenant-0'",
                "select count(*) from vsoc.all_events where 1 / (case when tenant_id = 'tenant-0' then 0 else 1 end) > 0"):
        assert query(dsn, sql) in ([(0,)], query(dsn, "select count(*) from vsoc.all_events"))


def test_partitions_and_tables_are_closed_to_people(schema):
    tables = query(
        schema,
        "select c.oid::regclass::text from pg_class c where c.relnamespace = 'vsoc'::regnamespace and c.relkind in ('r', 'p')",
    )
    assert len(tables) > 10
    for role in ("vsoc_analyst", "vsoc_identity"):
        for (table,) in tables:
            if role == "vsoc_analyst" and table in ("vsoc.evidence_heads", "vsoc.holds"):
                continue  # signed heads, and what is held, are for everybody: they say nothing of a tenant
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                query(as_role(schema, role), f"select 1 from {table}")


def test_changes_of_who_sees_what_are_written_down(schema):
    query(schema, "insert into vsoc.analyst_tenants values ('ada', 'tenant-0')")
    query(schema, "update vsoc.analyst_tenants set tenant_id = '*' where login = 'ada'")
    query(schema, "delete from vsoc.analyst_tenants")
    query(schema, "truncate vsoc.analyst_tenants")
    query(schema, "update vsoc.analyst_limits set statement = '1 h'")
    rows = query(schema, "select actor, action, object, detail from vsoc.audit where object like 'vsoc.%%' order by audit_id")
    tenants, ada, everything = "vsoc.analyst_tenants", {"login": "ada", "tenant_id": "tenant-0"}, {"login": "ada", "tenant_id": "*"}
    assert rows[:4] == [
        ("postgres", "insert", tenants, {"new": ada}),
        ("postgres", "update", tenants, {"old": ada, "new": everything}),
        ("postgres", "delete", tenants, {"old": everything}),
        ("postgres", "truncate", tenants, {}),
    ]
    assert rows[4][:3] == ("postgres", "update", "vsoc.analyst_limits")
    for role in ("vsoc_analyst", "vsoc_identity", "vsoc_ingest", "vsoc_auditor"):
        with pytest.raises((psycopg2.errors.InsufficientPrivilege, psycopg2.errors.ReadOnlySqlTransaction)):
            query(as_role(schema, role), "insert into vsoc.analyst_tenants values ('me', '*')")
    assert query(as_role(schema, "vsoc_auditor"), "select count(*) from vsoc.audit where action = 'truncate'") == [(1,)]


def test_database_that_was_in_use_stays_open_and_says_so(build, database):
    """From before version 10: no row, and everybody saw everything."""
    migrate(build, database)
    query(database, "select vsoc.ensure_partition(current_date)")
    query(database, MIGRATION_10_UNDONE)
    assert "no login sees any tenant" not in migrate(build, database).stdout
    assert query(database, "select login, tenant_id from vsoc.analyst_tenants") == [("*", "*")]
    assert query(database, "select action, detail from vsoc.audit where object = 'vsoc.analyst_tenants'") == [
        ("insert", {"new": {"login": "*", "tenant_id": "*"}})
    ]


def test_new_database_is_closed_and_says_so(build, database):
    assert "notice: no login sees any tenant yet: INSERT INTO vsoc.analyst_tenants" in migrate(build, database).stdout
    assert query(database, "select count(*) from vsoc.analyst_tenants") == [(0,)]


# What takes a schema back to version 9, as far as migrations 10 to 20 and their triggers go.
MIGRATION_10_UNDONE = """
    set role vsoc_owner;
    alter table vsoc.tenant_events detach partition vsoc.events; alter table vsoc.tenant_batches detach partition vsoc.batches;
    alter table vsoc.tenant_quarantine detach partition vsoc.quarantine;
    drop view vsoc.recent_events, vsoc.vehicle_timeline, vsoc.ingest_health;
    drop view vsoc.all_events, vsoc.batch_evidence, vsoc.quarantine_reasons, vsoc.my_tenants, vsoc.shared_logins;
    alter table vsoc.batches rename column body_digest to body_sha256; alter table vsoc.batches drop column body_commitment, drop column leaf_index;
    update vsoc.batches set body_sha256 = '' where body_sha256 is null; alter table vsoc.batches alter column body_sha256 set not null;
    drop trigger only_added on vsoc.audit;
    alter table vsoc.audit drop column audit_uid, drop column instance, drop column spool_uid, drop column position, drop column leaf_index,
        drop column record_kind;
    drop index vsoc.audit_time;
    drop function vsoc.refuse_change(), vsoc.add_records(text, uuid, jsonb), vsoc.grant_roles_017(), vsoc.grant_roles_018(),
        vsoc.grant_roles_019(), vsoc.note_holds(text, jsonb);
    drop table vsoc.holds, vsoc.evidence_heads, vsoc.access_requests, vsoc.analyst_limits, vsoc.jobs, vsoc.tenant_events, vsoc.tenant_batches, vsoc.tenant_quarantine;
    drop trigger audit_rows on vsoc.analyst_tenants; drop trigger audit_truncate on vsoc.analyst_tenants;
    drop function vsoc.audit_change(), vsoc.request_access(text, text, text), vsoc.use_ticket(uuid, text),
        vsoc.request_quarantine(uuid, integer, text), vsoc.read_quarantine(uuid), vsoc.end_overdue(), vsoc.harden_database(), vsoc.review_logins(),
        vsoc.limits_of(name), vsoc.current_tenants(), vsoc.uid_time(uuid, integer), vsoc.check_owner(),
        vsoc.set_event_key(text);
    create function vsoc.read_quarantine(uuid, integer) returns bytea language sql as 'select null::bytea';
    create view vsoc.all_events as select * from vsoc.events;
    create view vsoc.batch_evidence as select * from vsoc.batches;
    create view vsoc.quarantine_reasons as select batch_uid, batch_index, time_received, tenant_id, source, code, detail, parser_name,
        raw_offset, raw_size from vsoc.quarantine;
    create view vsoc.recent_events as select * from vsoc.all_events;
    create view vsoc.vehicle_timeline as select * from vsoc.all_events;
    create view vsoc.ingest_health as select * from vsoc.batch_evidence;
    delete from vsoc.schema_version where version >= 10;
"""


# ---- looks at what can name a vehicle ------------------------------------------------------------------------------------------


@pytest.fixture
def record(schema):
    return query(schema, "select batch_uid, batch_index from vsoc.quarantine where tenant_id = 'tenant-0' limit 1")[0]


def looks(dsn):
    return query(dsn, "select actor, action, object from vsoc.audit where action like '%%read_quarantine' order by audit_id")


def test_request_of_a_role_that_has_members_is_refused(schema, person, session, record):
    query(schema, "insert into vsoc.analyst_tenants values ('*', '*')")
    member = person("vsoc_identity")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="the login vsoc_identity has members"):
        session("vsoc_identity").ask(record)
    session(member).ask(record)


class Session:
    """A connection whose transactions the test ends itself."""

    def __init__(self, dsn):
        self.connection = psycopg2.connect(dsn)

    def one(self, sql, *params):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchone()[0]

    def ask(self, record):
        return self.one("select vsoc.request_quarantine(%s, %s, 'ticket 4711')", *record)

    def read(self, ticket):
        raw = self.one(IDENTITY_READS, ticket)
        return raw if raw is None else bytes(raw)


@pytest.fixture
def session(schema):
    made = []

    def make(login):
        made.append(Session(as_role(schema, login)))
        return made[-1]

    yield make
    for one in made:
        one.connection.close()


def test_look_takes_a_committed_request_and_is_written_down(schema, person, session, record):
    login = person("vsoc_identity", ["tenant-0"])
    ada = session(login)
    ticket = ada.ask(record)
    ada.connection.commit()
    assert ada.read(ticket) == b"x"
    ada.connection.commit()
    name = f"{record[0]}/{record[1]}"
    assert looks(schema) == [(login, "request:read_quarantine", name), (login, "read_quarantine", name)]
    assert query(schema, "select detail ->> 'reason' from vsoc.audit where action like 'request:%%'") == [("ticket 4711",)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="used already"):
        ada.read(ticket)


def test_no_rollback_gives_bytes_without_an_audit_row(schema, person, session, record):
    login = person("vsoc_identity", ["tenant-0"])
    ada = session(login)
    for savepoint in (False, True):
        ticket = ada.ask(record)
        if savepoint:
            ada.one("savepoint nested; select 1")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="not committed"):
            ada.read(ticket)
        ada.connection.rollback()
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="no such ticket"):
            ada.read(ticket)
        ada.connection.rollback()
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ada.one(f"with asked as materialized (select vsoc.request_quarantine('{record[0]}', {record[1]}) as t) select vsoc.read_quarantine(t) from asked")
    ada.connection.rollback()
    assert looks(schema) == []
    # A look that is rolled back, also by an error behind it, leaves the request.
    ada.one("set synchronous_commit = off; select 1")
    ticket = ada.ask(record)
    ada.connection.commit()
    assert ada.read(ticket) == b"x"
    with pytest.raises(psycopg2.errors.DivisionByZero):
        ada.one("select 1 / 0")
    ada.connection.rollback()
    assert looks(schema) == [(login, "request:read_quarantine", f"{record[0]}/{record[1]}")]


def test_ticket_is_for_one_login_its_tenants_and_ten_minutes(schema, person, session, record):
    ada, bob = session(person("vsoc_identity", ["tenant-0"])), session(person("vsoc_identity", ["tenant-1"]))
    ticket = ada.ask(record)
    ada.connection.commit()
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="no such ticket"):
        bob.read(ticket)
    bob.connection.rollback()
    own = bob.ask(record)
    bob.connection.commit()
    assert bob.read(own) is None
    bob.connection.commit()
    assert query(schema, "select detail ->> 'found' from vsoc.audit where action = 'read_quarantine'") == [("false",)]
    query(schema, f"update vsoc.access_requests set time_requested = now() - interval '11 minutes' where ticket = '{ticket}'")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="10 minutes"):
        ada.read(ticket)
    ada.connection.rollback()
    with pytest.raises(psycopg2.errors.NullValueNotAllowed):
        ada.one("select vsoc.request_quarantine(null, 1)")


# ---- what a login for people can't do to the others ------------------------------------------------------------------------------


def refused(dsn, sql):
    """As one who has switched off what the login's settings say."""
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        query(f"{dsn} options='-c default_transaction_read_only=off -c statement_timeout=0'", sql)
    return True


@pytest.mark.parametrize("role", ["vsoc_analyst", "vsoc_identity", "vsoc_auditor"])
def test_people_fill_neither_disk_nor_lock_table(schema, role):
    dsn = as_role(schema, role)
    for sql in (
        "create temp table mine (a int)",
        "create temp table mine as select * from generate_series(1, 10)",
        "create function pg_temp.f() returns int language sql as 'select 1'",
        "create table public.mine (a int)",
        "create table vsoc.mine (a int)",
        "select lo_create(0)",
        "select lo_creat(-1)",
        "select lo_from_bytea(0, 'x')",
        "select lo_put(1, 0, 'x')",
        "select lowrite(0, 'x')",
        "select pg_logical_emit_message(false, 'a', 'b')",
        "select pg_advisory_lock(1987276643, 1)",
        "select pg_advisory_lock_shared(1)",
        "select pg_try_advisory_xact_lock(1987276643, 0)",
        "select vsoc.ensure_partition(current_date)",
        "select vsoc.ensure_odd_partition(current_date)",
        "select vsoc.end_overdue()",
        "select vsoc.harden_database()",
        "select vsoc.use_ticket(gen_random_uuid(), 'read_quarantine')",
        "select vsoc.request_access('read_quarantine', 'x', null)",
        "begin; lock table vsoc.schema_version in access share mode",
        "begin; lock table vsoc.jobs in access share mode",
        "begin; select 1 from vsoc.jobs for key share",
        "begin; lock table vsoc.all_events in share mode",
    ):
        assert refused(dsn, sql), sql


def test_ingest_role_may_make_its_temporary_tables(schema):
    query(as_role(schema, "vsoc_ingest"), "create temp table stage (a int)")


def test_locks_that_an_analyst_holds_stop_neither_partitions_nor_migrate(build, schema, person, session):
    query(schema, "insert into vsoc.analyst_tenants values ('*', '*')")
    ada = session(person("vsoc_analyst"))
    # Where no superuser has migrated, advisory locks are anybody's.
    query(schema, "grant execute on function pg_advisory_lock(int, int), pg_advisory_lock(bigint) to public")
    for lock in range(4):
        ada.one(f"set default_transaction_read_only = off; select pg_advisory_lock(1987276643, {lock})")
        ada.one(f"select pg_advisory_lock({lock})")
    ada.one("select count(*) from vsoc.all_events")
    held = "select count(*) from pg_locks where locktype = 'advisory' and granted and pid = pg_backend_pid()"
    assert ada.one(held) == 8
    assert query(as_role(schema, "vsoc_ingest"), "select vsoc.ensure_partition(current_date + 100)") == [(3,)]
    assert "nothing to do" in migrate(build, schema).stdout
    assert ada.one(held) == 8  # who waits for one waits still


ENDLESS = {
    "a statement": "set statement_timeout = 0; select pg_sleep(600)",
    "a statement that takes no cancel": "set statement_timeout = 0; do $$ begin loop begin perform pg_sleep(600);"
    " exception when query_canceled then end; end loop; end $$",
    "many short statements in a transaction": "set statement_timeout = 0; begin; select 1",
    "an idle transaction": "set idle_in_transaction_session_timeout = 0; begin; select count(*) from vsoc.all_events",
}


@pytest.mark.parametrize("what", ENDLESS)
def test_server_ends_what_an_analyst_lets_run_for_ever(make_server, schema, person, what):
    query(schema, "update vsoc.analyst_limits set statement = '1 second', transaction = '4 seconds' where login = '*'")
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": schema}}})
    login, patient = person("vsoc_analyst"), person("vsoc_analyst")
    query(schema, f"insert into vsoc.analyst_limits values ('{patient}', '1 hour', '1 hour')")
    held = psycopg2.connect(as_role(schema, patient))
    held.cursor().execute("select 1")
    connection = psycopg2.connect(as_role(schema, login))
    connection.autocommit = True
    cursor, start = connection.cursor(), time.monotonic()
    with pytest.raises((psycopg2.errors.QueryCanceled, psycopg2.OperationalError)):
        for statement in ENDLESS[what].split("; ", 1):
            cursor.execute(statement)
        while time.monotonic() - start < 60 * SLOWEST:
            if what != "an idle transaction":
                cursor.execute("select 1")
            elif not query(schema, f"select 1 from pg_stat_activity where usename = '{login}'"):
                cursor.execute("select 1")
            time.sleep(0.1)
    wait_until(lambda: "longer than vsoc.analyst_limits" in server.log(), what="the line in the log")
    assert server.metric("vsocd_pg_sessions_ended_total") >= 1
    actors = query(schema, "select distinct actor, object from vsoc.audit where action in ('end_statement', 'end_transaction')")
    assert [who for _, who in actors] == [login]
    held.cursor().execute("select 1")  # another login's own limit
    held.close()
    connection.close()


def test_missing_rights_to_end_sessions_are_reported_once(make_server, schema):
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": schema}}}, start=False)
    server.migrated = True
    query(schema, "revoke pg_signal_backend from vsoc_owner")
    try:
        server.start()
        wait_until(lambda: "overdue sessions of analysts are not ended" in server.log(), what="the warning")
        wait_until(lambda: "could not search for overdue" in server.log(), what="the second look")
    finally:
        query(schema, "grant pg_signal_backend to vsoc_owner")
    assert server.log().count("overdue sessions of analysts are not ended") == 1


# ---- the server's own login --------------------------------------------------------------------------------------------------


def test_superuser_is_refused_and_the_server_ends_with_78(make_server, database):
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": database}}}, start=False)
    server.migrate()
    server.config.write_text(server.config.read_text().replace("user=vsoc_ingest", "user=postgres"))
    server.start(wait=False)
    assert server.ended() == 78
    assert "is a superuser of PostgreSQL" in server.log() and "IN ROLE vsoc_ingest" in server.log()


def test_superuser_may_be_allowed(make_server, database):
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": database, "allow_superuser": True}}})
    assert server.post(ndjson([event(1)])).status == 200
    server.wait_for_sinks()
    assert query(database, "select count(*) from vsoc.events") == [(1,)]


def test_login_that_becomes_superuser_stops_the_sink_but_not_the_server(make_server, schema, person):
    login = person("vsoc_ingest")
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": as_role(schema, login)}}}, start=False)
    server.migrated = True
    server.start()
    assert server.post(ndjson([event(1)])).status == 200
    server.wait_for_sinks()
    query(schema, f"alter role {login} superuser")
    query(schema, f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{login}'")
    assert server.post(ndjson([event(2)])).status == 200
    wait_until(lambda: "is a superuser of PostgreSQL" in server.log(), what="the refusal")
    assert server.post(ndjson([event(3)])).status == 200
    query(schema, f"alter role {login} nosuperuser")
    server.wait_for_sinks(120)
    assert query(schema, "select count(*) from vsoc.events where source_event_id like 'ev-%%'") == [(3,)]


# ---- days ---------------------------------------------------------------------------------------------------------------------


def test_partitions_are_for_sensible_days(schema):
    dsn = as_role(schema, "vsoc_ingest")
    for day in ("current_date - 1827", "current_date + 1827"):
        assert query(dsn, f"select vsoc.ensure_partition({day})") == [(3,)]
    for day in ("current_date - 1828", "current_date + 1828", "'infinity'", "'2262-04-11'", "'1970-01-01'", "null"):
        with pytest.raises(psycopg2.Error) as error:
            query(dsn, f"select vsoc.ensure_partition(({day})::date)")
        assert error.value.pgcode == "VSD01"
    assert query(dsn, "select vsoc.ensure_partitions(100000)") == [(1095,)]


def test_odd_days_are_few_and_written_down(schema):
    dsn = as_role(schema, "vsoc_ingest")
    assert query(dsn, "select sum(vsoc.ensure_odd_partition(date '2100-01-01' + i)) from generate_series(1, 32) i") == [(96,)]
    with pytest.raises(psycopg2.Error, match="32 days") as error:
        query(dsn, "select vsoc.ensure_odd_partition('2200-01-01')")
    assert error.value.pgcode == "VSD02"
    assert query(dsn, "select vsoc.ensure_odd_partition('2100-01-05')") == [(0,)]
    assert query(schema, "select vsoc.ensure_odd_partition('2200-01-01')") == [(3,)]
    assert query(schema, "select count(*), min(object) from vsoc.audit where action = 'odd_partition'") == [(33, "2100-01-02")]


# ---- at the same time ------------------------------------------------------------------------------------------------------------

# What sessions may call at the same time, and as whom; %(n)s is the same for all sessions of a round.
RACES = {
    "ensure_partition": ("vsoc_ingest", "select vsoc.ensure_partition(date '2030-01-01' + %(n)s)", 3 * 151),
    "ensure_odd_partition": ("postgres", "select vsoc.ensure_odd_partition(date '2100-01-01' + %(n)s)", 3 * 151),
    "ensure_partitions": ("vsoc_ingest", "select vsoc.ensure_partitions(%(n)s)", None),
    "trim_batch_keys": ("vsoc_ingest", "select vsoc.trim_batch_keys('1 minute', 7)", 1000),
    "request_quarantine": ("vsoc_identity", "select 1 from vsoc.request_quarantine(gen_random_uuid(), %(n)s)", None),
    "end_overdue": ("vsoc_ingest", "select count(*) from vsoc.end_overdue()", 0),
    "add_records": (
        "vsoc_ingest",
        "select vsoc.add_records('a', gen_random_uuid(), jsonb_build_array(jsonb_build_object('audit_uid', md5('%(n)s')::uuid,"
        " 'time', now(), 'record_kind', 'audit', 'position', 1, 'record', jsonb_build_object('kind', 'refused'))))",
        151,
    ),
    "note_holds": (
        "vsoc_ingest",
        "select 0 from vsoc.note_holds('a', (select jsonb_agg(jsonb_build_object('id', md5(i::text)::uuid, 'kind', 'batch', 'batch', md5('b')::uuid, 'added', now(),"
        " 'by', 'x', 'reason', 'y', 'released', case when i = %(n)s then now() end)) from generate_series(%(n)s, %(n)s + 1) i))",
        0,
    ),
    "current_tenants": ("vsoc_analyst", "select cardinality(vsoc.current_tenants())", 0),
    "uid_time": ("vsoc_analyst", "select extract(epoch from vsoc.uid_time('00000000-03e8-7000-8000-000000000000'))::int", 4 * 151),
    "grant_roles": ("postgres", "select 0 from vsoc.grant_roles()", 0),
    "harden_database": ("postgres", "begin; lock table vsoc.schema_version in exclusive mode; select 0 from vsoc.harden_database(); commit; select 0", 0),
}


@pytest.mark.parametrize("isolation", ["read committed", "serializable"])
@pytest.mark.parametrize("race", RACES)
def test_sessions_that_call_at_the_same_time_all_succeed(schema, race, isolation):
    role, sql, expected = RACES[race]
    query(
        schema,
        "insert into vsoc.batch_keys select sha256(i::text::bytea), gen_random_uuid(), 'x', now() - interval '1 hour' from generate_series(1, 1000) i",
    )
    barrier, errors, results = threading.Barrier(4), [], []

    def run():
        connection = psycopg2.connect(as_role(schema, role))
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(f"set default_transaction_isolation = '{isolation}'")
            barrier.wait()
            for n in range(151):
                for _ in range(2000):
                    try:
                        cursor.execute(sql, {"n": n})
                        results.append(cursor.fetchone()[0])
                        break
                    except psycopg2.errors.SerializationFailure as error:
                        if isolation != "serializable":
                            errors.append(error)
                    except psycopg2.Error as error:
                        errors.append(error)
                        return

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [f"{error.pgcode} {error}" for error in errors] == []
    assert len(results) == 4 * 151
    if expected is not None:
        assert sum(results) == expected


def test_every_function_that_roles_may_call_has_its_race(schema):
    """A new function that roles may call gets its race."""
    callable_by_roles = {
        name
        for (name,) in query(
            schema,
            "select p.proname from pg_proc p, unnest(array['vsoc_ingest', 'vsoc_analyst', 'vsoc_identity', 'vsoc_auditor']) r"
            " where p.pronamespace = 'vsoc'::regnamespace and has_function_privilege(r, p.oid, 'EXECUTE')",
        )
    }
    assert callable_by_roles - set(RACES) == {"read_quarantine"}  # a ticket is used by one session


def test_functions_with_owners_rights_choose_their_own_search_path(schema):
    rows = query(schema, "select proname, proconfig from pg_proc where pronamespace = 'vsoc'::regnamespace and prosecdef")
    assert len(rows) > 5
    for name, config in rows:
        assert any(re.fullmatch(r"search_path=pg_catalog, pg_temp", line) for line in config or []), name


def test_batch_of_a_server_whose_clock_was_far_off_gets_its_partition(schema, make_lane):  # noqa: F811
    query(schema, "delete from vsoc.events")
    lane = make_lane(schema)
    lane.connect()
    assert lane.load(1, 1, 10, age=9000)["result"] == "delivered"
    assert query(schema, "select count(*), min(time_received) < now() - interval '8999 days' from vsoc.events") == [(10, True)]
    assert query(schema, "select actor from vsoc.audit where action = 'odd_partition'") == [("vsoc_ingest",)]
    query(schema, "insert into vsoc.audit (action, object) select 'odd_partition', i::text from generate_series(1, 31) i")
    answer = lane.load(2, 1, 10, age=8000)
    assert answer["result"] == "broken" and "check the clock" in answer["text"] and "ensure_odd_partition" in answer["text"]
    query(schema, "select vsoc.ensure_odd_partition((now() at time zone 'utc')::date - 8000)")
    lane.connect()
    assert lane.load(2, 1, 10, age=8000)["result"] == "delivered"
