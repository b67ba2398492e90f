"""Row-level security: no statement, plan or right that a login may have shows it a row or value of another tenant."""

import collections
import concurrent.futures
import contextlib
import io
import itertools
import pathlib
import re

import psycopg2
import psycopg2.errors
import pytest

from harness import query, wait_until
from test_analysts_doc import SAMPLE
from test_postgres_access import VIEWS, person, schema  # noqa: F401
from test_postgres_sink import as_role, make_lane, migrate  # noqa: F401

SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "storage/sinks/postgres/schema"
ROOTS = ("tenant_events", "tenant_batches", "tenant_quarantine")
SECRET = "secret-of-tenant-0("  # no regular expression either
# Every text of tenant-0 that a leaky function could be given.
HIDE = f"""
update vsoc.events set message = '{SECRET}', ecu_id = '{SECRET}', attributes = '{{"key": "{SECRET}"}}', src_ip = '203.0.113.99',
    r155_threat = array['{SECRET}'] where tenant_id = 'tenant-0';
update vsoc.events set message = '17', ecu_id = '17', attributes = '{{"key": "17"}}', src_ip = '192.0.2.17', r155_threat = array['17']
    where tenant_id = 'tenant-1';
update vsoc.batches set sender = '{SECRET}' where tenant_id = 'tenant-0';
update vsoc.quarantine set detail = '{SECRET}' where tenant_id = 'tenant-0';
"""


@pytest.fixture
def secrets(schema):  # noqa: F811
    query(schema, HIDE)
    return schema


@pytest.fixture
def ada(secrets, person):  # noqa: F811
    """Login of a person who sees tenant-1 only."""
    return person("vsoc_analyst", ["tenant-1"])


class Talk:
    """A session whose rows, notices and errors are all kept."""

    def __init__(self, dsn):
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True
        self.connection.notices = collections.deque()  # a list would keep the last 50 only

    def run(self, sql):
        with self.connection.cursor() as cursor:
            try:
                cursor.execute(sql)
                rows = cursor.fetchall() if cursor.description else []
            except psycopg2.Error as error:
                return f"{error} {error.diag.message_detail} {error.diag.context}"
        return repr(rows) + "".join(self.connection.notices)

    def rows(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()


@pytest.fixture
def talk():
    made = []

    def make(dsn):
        made.append(Talk(dsn))
        return made[-1]

    yield make
    for one in made:
        one.connection.close()


# ---- what a condition can tell ---------------------------------------------------------------------------------------------

# A function that costs nothing by its own account and tells each value that it is given: what an administrator may have installed.
LEAK = """
create function public.tell(v text) returns boolean language plpgsql cost 0.0000001 as $$ begin raise notice 'told %%', v; return true; end $$;
create function public.tells(a text, b text) returns boolean language plpgsql cost 0.0000001
    as $$ begin raise notice 'told %% %%', a, b; return true; end $$;
create operator public.<<<< (leftarg = text, rightarg = text, function = public.tells);
"""
LEAKY = {
    "function": "select count(*) from vsoc.all_events where public.tell(message)",
    "function of a timeline": "select count(*) from vsoc.vehicle_timeline where public.tell(message)",
    "function of recent events": "select count(*) from vsoc.recent_events where public.tell(message) and public.tell(attributes::text)",
    "function of a batch": "select count(*) from vsoc.batch_evidence where public.tell(sender)",
    "function of a refused record": "select count(*) from vsoc.quarantine_reasons where public.tell(detail)",
    "operator": "select count(*) from vsoc.all_events where message operator(public.<<<<) tenant_id",
    "cast to a number": "select count(*) from vsoc.all_events where message::int > 0",
    "cast that names the value": "select count(*) from vsoc.all_events where (message || ' days')::interval > '1 day'",
    "cast of an attribute": "select count(*) from vsoc.all_events where (attributes ->> 'key')::int > 0",
    "cast of an array": "select count(*) from vsoc.all_events where r155_threat::int[] @> array[17]",
    "division": "select count(*) from vsoc.all_events where 1 / (case when tenant_id = 'tenant-0' then 0 else 1 end) > 0",
    "pattern": "select count(*) from vsoc.all_events where 'x' ~ message",
    "sort": "select message from vsoc.all_events order by public.tell(message), message::int limit 1",
    "aggregate": "select max(message::int) filter (where public.tell(message)) from vsoc.all_events",
    "group": "select message::int, count(*) from vsoc.all_events group by 1 having public.tell(min(message))",
    "join": "select count(*) from vsoc.all_events e join vsoc.batch_evidence b on public.tells(e.message, b.sender) and b.batch_uid = e.batch_uid",
    "outer join": "select count(*) from vsoc.batch_evidence b left join vsoc.all_events e on public.tell(e.message) and e.batch_uid = b.batch_uid",
    "values and a cast": "select count(*) from (values (1)) v (x) left join vsoc.all_events e on e.message::int > v.x",
    "lateral": "select count(*) from vsoc.batch_evidence b, lateral (select message::int from vsoc.all_events e where e.batch_uid = b.batch_uid) t",
    "whole row": "select count(*) from vsoc.all_events e where public.tell(e::text)",
    "window": "select lag(message::int) over (order by time_received) from vsoc.all_events where public.tell(message)",
    "exists": "select count(*) from vsoc.batch_evidence b where not exists (select from vsoc.all_events e where public.tell(e.message))",
    "explain": "explain (analyze, verbose) select count(*) from vsoc.all_events where public.tell(message) and src_ip <<= '203.0.113.0/24'",
    "index condition": "select count(*) from vsoc.all_events where public.tell(message) and time_received > now() - interval '1 hour'",
    "vehicle": "select count(*) from vsoc.vehicle_timeline where public.tell(message) and vehicle_pid = sha256('1')",
}
PLANS = {
    "as planned": "select 1",
    "no index": "set enable_indexscan = off; set enable_bitmapscan = off; set enable_indexonlyscan = off",
    "no sequential scan": "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off",
    "parallel": "set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0; set enable_indexscan = off",
    "by partition": "set enable_partitionwise_join = on; set enable_partitionwise_aggregate = on; set enable_nestloop = off",
}


@pytest.mark.parametrize("plan", PLANS)
def test_leaky_condition_is_given_no_value_of_another_tenant(secrets, ada, talk, plan):
    query(secrets, LEAK + "analyze vsoc.events; analyze vsoc.batches; analyze vsoc.quarantine")
    mine, all_of_them = talk(as_role(secrets, ada)), talk(secrets)
    mine.run(PLANS[plan])
    for name, sql in LEAKY.items():
        said = mine.run(sql)
        assert SECRET not in said and "203.0.113.99" not in said, name
        assert "error" not in said.lower() and "division" not in said and "invalid" not in said, (name, said)
    # The functions do tell: a login that sees everything is told.
    query(secrets, "insert into vsoc.analyst_tenants values ('postgres', '*')")
    assert SECRET in all_of_them.run(LEAKY["function"])


def test_condition_that_a_view_of_another_schema_adds_sees_no_other_tenant(secrets, ada, talk):
    """An administrator's view, which reads with the rights of a superuser."""
    query(secrets, LEAK + "create view public.outer_events as select * from vsoc.all_events where event_category <> 'x'")
    query(secrets, f"grant select on public.outer_events to {ada}")
    mine = talk(as_role(secrets, ada))
    assert mine.rows("select distinct tenant_id from public.outer_events") == [("tenant-1",)]
    assert SECRET not in mine.run("select count(*) from public.outer_events where public.tell(message)")
    query(secrets, "drop view public.outer_events")


# ---- who is asked for ------------------------------------------------------------------------------------------------------

TENANTS = "select distinct tenant_id from vsoc.all_events order by 1"


def test_prepared_statement_follows_the_login_and_its_tenants(secrets, ada, talk):
    query(secrets, "insert into vsoc.analyst_tenants values ('vsoc_analyst', 'tenant-0')")
    for mode in ("force_generic_plan", "force_custom_plan"):
        mine = talk(as_role(secrets, ada))
        mine.run(f"set plan_cache_mode = {mode}")
        mine.run(f"prepare seen as {TENANTS}")
        assert mine.rows("execute seen") == [("tenant-1",)]
        mine.run("set role vsoc_analyst")
        assert mine.rows("execute seen") == [("tenant-1",)]
        mine.run("reset role")
        query(secrets, f"insert into vsoc.analyst_tenants values ('{ada}', 'tenant-0')")
        assert mine.rows("execute seen") == [("tenant-0",), ("tenant-1",)]
        query(secrets, f"delete from vsoc.analyst_tenants where login = '{ada}'")
        assert mine.rows("execute seen") == []
        query(secrets, f"insert into vsoc.analyst_tenants values ('{ada}', 'tenant-1')")


def test_statement_that_a_superuser_prepared_shows_the_login_its_own_tenants(secrets, ada, talk):
    root = talk(secrets)
    root.run("set plan_cache_mode = force_generic_plan")
    root.run(f"prepare seen as {TENANTS}")
    assert root.rows("execute seen") == []  # no row in vsoc.analyst_tenants for postgres
    root.run(f"set session authorization {ada}")
    assert root.rows("execute seen") == [("tenant-1",)]
    root.run("reset session authorization")
    assert root.rows("execute seen") == []


def test_attribute_that_passes_row_level_security_shows_no_other_tenant(secrets, ada):
    query(secrets, f"alter role {ada} bypassrls")
    assert query(as_role(secrets, ada), TENANTS) == [("tenant-1",)]


def test_switching_row_level_security_off_shows_nothing(secrets, ada, talk):
    mine = talk(as_role(secrets, ada))
    mine.run("set row_security = off")
    assert "row-level security" in mine.run(TENANTS)


def test_migrate_refuses_an_owner_whom_row_level_security_does_not_stop(build, secrets):
    query(secrets, "alter role vsoc_owner bypassrls")
    try:
        done = migrate(build, secrets, check=False)
    finally:
        query(secrets, "alter role vsoc_owner nobypassrls")
    assert done.returncode == 1 and "whom row-level security does not stop" in done.stderr and "let one role" in done.stderr
    query(secrets, "alter table vsoc.tenant_events owner to postgres")
    done = migrate(build, secrets, check=False)
    assert done.returncode == 1 and "belong to vsoc_owner, who may not read the tables" in done.stderr and "let one role" in done.stderr
    query(secrets, "alter table vsoc.tenant_events owner to vsoc_owner")
    for root, off in itertools.product(ROOTS, ("DISABLE", "NO FORCE")):
        query(secrets, f"alter table vsoc.{root} {off} row level security")
        done = migrate(build, secrets, check=False)
        assert done.returncode == 1 and "row-level security is switched off" in done.stderr and "FORCE ROW LEVEL SECURITY" in done.stderr
        query(secrets, f"alter table vsoc.{root} enable row level security, force row level security")
    migrate(build, secrets)


# ---- ways around the views -------------------------------------------------------------------------------------------------


def test_parents_partitions_and_sequences_are_closed_to_people(secrets, ada):
    relations = query(secrets, "select oid, oid::regclass::text, relkind from pg_class where relnamespace = 'vsoc'::regnamespace and relkind in ('r', 'p', 'S')")
    assert {f"vsoc.{root}" for root in ROOTS} <= {name for _, name, _ in relations} and any(kind == "S" for _, _, kind in relations)
    for oid, name, kind in relations:
        rights = "usage, select, update" if kind == "S" else "select, insert, update, delete, truncate, references, trigger"
        if name == "vsoc.evidence_heads":  # sizes and roots: whoever checks evidence reads them
            rights = rights.removeprefix("select, ")
        has = "sequence" if kind == "S" else "table"
        assert query(secrets, f"select has_{has}_privilege('{ada}', {oid}, '{rights}')") == [(False,)], name
        if kind != "S":
            rights = "insert, update, references" if name == "vsoc.evidence_heads" else "select, insert, update, references"
            assert query(secrets, f"select has_any_column_privilege('{ada}', {oid}, '{rights}')") == [(False,)], name
    assert query(as_role(secrets, ada), "select last_value from pg_sequences where schemaname = 'vsoc' and last_value is not null") == []


def test_no_foreign_key_leads_to_what_is_separated(secrets):
    """A key would tell which values exist: PostgreSQL checks it with the rights of the table's owner."""
    assert query(secrets, "select conrelid::regclass from pg_constraint where contype = 'f' and confrelid in (select oid from pg_class where relnamespace = 'vsoc'::regnamespace)") == []


def test_right_on_a_partition_given_by_mistake_shows_nothing(secrets, ada):
    """Also on one that is made later; and on a parent the login's tenants only."""
    query(secrets, "select vsoc.ensure_partition(current_date - 40)")
    days = [name for (name,) in query(
        secrets,
        "select c.oid::regclass::text from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent in ('vsoc.events'::regclass, 'vsoc.batches'::regclass, 'vsoc.quarantine'::regclass)",
    )]
    assert len(days) >= 12
    for name in days:
        query(secrets, f"grant select on {name} to {ada}")
        assert query(as_role(secrets, ada), f"select count(*) from {name}") == [(0,)]
    assert sum(query(secrets, f"select count(*) from {name}")[0][0] for name in days) > 100
    for root in ROOTS:
        query(secrets, f"grant select on vsoc.{root} to {ada}")
        assert query(as_role(secrets, ada), f"select distinct tenant_id from vsoc.{root}") == [("tenant-1",)]


def test_copy_gives_the_rows_of_the_login(secrets, ada, talk):
    mine = talk(as_role(secrets, ada))
    with mine.connection.cursor() as cursor, contextlib.closing(io.StringIO()) as out:
        cursor.copy_expert("copy (select tenant_id, message from vsoc.all_events) to stdout", out)
        lines = out.getvalue().splitlines()
    assert lines and {line.split("\t")[0] for line in lines} == {"tenant-1"}
    for what in ("vsoc.all_events", "vsoc.tenant_events", "vsoc.events", "vsoc.batch_keys"):
        with pytest.raises(psycopg2.Error), mine.connection.cursor() as cursor:
            cursor.copy_expert(f"copy {what} to stdout", io.StringIO())


def test_statistics_views_show_no_values(secrets, ada, talk):
    query(secrets, "create statistics vsoc.several on message, tenant_id from vsoc.events; analyze")
    mine = talk(as_role(secrets, ada))
    for view in ("pg_stats", "pg_stats_ext", "pg_stats_ext_exprs"):
        assert query(secrets, f"select count(*) from {view} where schemaname = 'vsoc'")[0][0] > 0 or view == "pg_stats_ext_exprs"
        assert mine.rows(f"select count(*) from {view} where schemaname = 'vsoc' and tablename ~ '^(tenant_)?(events|batches|quarantine)'") == [(0,)]
    assert "permission denied" in mine.run("select * from pg_statistic") and "permission denied" in mine.run("select * from pg_statistic_ext_data")
    # Nor do estimates call an operator that could tell.
    assert SECRET not in mine.run("explain select * from vsoc.all_events where message ~ 'secret' and ecu_id like 'sec%'")


def test_rows_locked_or_changed_through_a_view_are_none(secrets, ada, talk):
    mine = talk(as_role(secrets, ada))
    mine.run("set default_transaction_read_only = off")
    for sql in ("select 1 from vsoc.all_events for update", "select 1 from vsoc.all_events for key share", "update vsoc.all_events set message = ''",
                "delete from vsoc.all_events", "insert into vsoc.all_events (tenant_id) values ('tenant-0')", "truncate vsoc.tenant_events",
                "begin; lock table vsoc.tenant_events in access share mode"):
        assert "permission denied" in mine.run(sql), sql
        mine.run("rollback")
    assert "violates row-level security" in talk(secrets.replace("user=postgres", "user=postgres options='-c role=vsoc_owner'")).run(
        "insert into vsoc.tenant_events select * from vsoc.events limit 1"
    )


# ---- an existing database --------------------------------------------------------------------------------------------------


def apply_until(dsn, last):
    """The schema as an older program has made it."""
    names = re.findall(r"^MIGRATION\((\d+), (\w+)\)", (SCHEMA / "migrations.def").read_text(), re.M)
    for version, name in names:
        if int(version) > last:
            break
        owner = "set local role vsoc_owner; " if int(version) > 1 else ""
        text = (SCHEMA / f"{name}.sql").read_text().replace("%", "%%")
        query(dsn, f"begin; {owner}{text}; insert into vsoc.schema_version (version, name, program) values ({version}, '{name}', 'older'); commit")


def test_database_with_rows_is_upgraded_and_loaded_again(build, services, make_lane):  # noqa: F811
    database = services.new_database()
    apply_until(database, 14)
    query(database, "select vsoc.grant_roles()")
    query(database, SAMPLE.replace("body_digest", "body_sha256"))  # its name before migration 17
    query(database, "insert into vsoc.analyst_tenants values ('vsoc_analyst', 'tenant-1')")
    dsn = as_role(database, "vsoc_analyst")

    def shown():
        """But for a view that a later migration gives columns."""
        return {view: query(dsn, f"select v::text from vsoc.{view} v order by 1") for view in VIEWS if view != "batch_evidence"}

    before = shown()
    files = query(database, "select oid, relfilenode from pg_class where relnamespace = 'vsoc'::regnamespace and relkind = 'r' and relispartition")
    assert "applied 015_row_security" in migrate(build, database).stdout
    assert shown() == before and before["all_events"]
    for oid, node in files:
        assert query(database, f"select relfilenode, relrowsecurity from pg_class where oid = {oid}") == [(node, True)]
    lane = make_lane(database)
    lane.connect()
    assert lane.load(1, 2, 10)["result"] == "delivered" and lane.load(3, 1, 10, age=3)["result"] == "delivered"
    assert query(database, "select count(*) from vsoc.tenant_events") == [(150,)]


QUARANTINED = "insert into vsoc.quarantine select gen_random_uuid(), 0, now(), 'tenant-0', 'parse', 'malformed', null, null, 0, 0, ''"
BATCH = """insert into vsoc.batches (batch_uid, time_received, time_ingested, instance, spool_uid, position, tenant_id, sender, batch_key,
    body_bytes, inflated_bytes, accepted, duplicates, quarantined, body_sha256, chain_hash)
    select gen_random_uuid(), now(), now(), 'vsocd-0', gen_random_uuid(), 1, 'tenant-0', 'gateway', '', 0, 0, 0, 0, 0, '', ''"""
# What holds a lock when the migration begins, and what comes while it waits: of the same session, or of another.
MEANWHILE = {
    "load_of_quarantined_records": ("vsoc_ingest", QUARANTINED, BATCH, False),
    "query": ("vsoc_ingest", BATCH, "select count(*) from vsoc.recent_events", True),
    "queries_in_the_order_of_the_guide": ("vsoc_analyst", "select count(*) from vsoc.quarantine_reasons", "select count(*) from vsoc.batch_evidence", False),
    "queries_in_another_order": ("vsoc_analyst", "select count(*) from vsoc.batch_evidence", "select count(*) from vsoc.all_events", False),
}


@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_migration_ends_well_beside_loads_and_queries(build, services, meanwhile):
    login, first, second, of_another = MEANWHILE[meanwhile]
    database = services.new_database()
    apply_until(database, 14)
    query(database, "select vsoc.grant_roles(), vsoc.ensure_partitions(1)")

    def waits(mode):
        return query(database, f"select 1 from pg_locks where mode = '{mode}' and not granted")

    with contextlib.closing(psycopg2.connect(as_role(database, login))) as holder, concurrent.futures.ThreadPoolExecutor() as others:
        holder.cursor().execute(first)
        migration = others.submit(migrate, build, database, check=False)
        wait_until(lambda: waits("AccessExclusiveLock"), what="the migration waiting")
        if of_another:
            asked = others.submit(query, as_role(database, "vsoc_analyst"), second)
            wait_until(lambda: waits("AccessShareLock"), what="the query waiting")
        else:
            with contextlib.suppress(psycopg2.errors.DeadlockDetected):  # the migration is what PostgreSQL ends, unless it has waited for long
                holder.cursor().execute(second)
        holder.commit()
        done = migration.result()
        assert done.returncode == 0 and "applied 015_row_security" in done.stdout, done.stderr
        assert not of_another or asked.result() == [(0,)]


def test_column_is_added_at_the_root(schema):  # noqa: F811
    """What a later migration has to know."""
    with pytest.raises(psycopg2.errors.WrongObjectType):
        query(schema, "alter table vsoc.events add column later text")
    query(schema, "alter table vsoc.tenant_events add column later text")
    assert query(schema, "select count(later) from vsoc.events") == [(0,)]
