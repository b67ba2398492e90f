"""The plan of every query of docs/analysts.md: the days that it reads, the rows, and the indexes. Nothing is timed: a plan that reads what it
needs stays as fast while days are added. Held for the first query of each kind on every supported version of PostgreSQL."""

import datetime
import json
import re

import psycopg2
import pytest

from harness import query
from test_analysts_doc import filled, queries
from test_postgres_sink import as_role, migrate, server_version  # noqa: F401

DAYS, ROWS_A_DAY, VEHICLES = 12, 6000, 60
TENANT = "tenant-0"

# Ten days back and two ahead. Every tenth row is of the tenant that the analyst sees.
FILL = f"""
select vsoc.ensure_partitions(3);
select vsoc.ensure_partition((now() at time zone 'utc')::date - d) from generate_series(0, {DAYS}) d;
create temp table batch as
select (lpad(to_hex(floor(extract(epoch from t) * 1000)::int8), 12, '0') || '70008000' || lpad(to_hex(n), 6, '0') || '000000')::uuid as uid, t, n,
       'tenant-' || n %% 10 as tenant
from (select now() - interval '1 minute' - n * interval '1 day' / {ROWS_A_DAY // 10} as t, n from generate_series(0, {DAYS * ROWS_A_DAY // 10 - 1}) n) g;
insert into vsoc.batches (batch_uid, time_received, time_ingested, instance, spool_uid, position, tenant_id, sender, format,
    batch_key, body_bytes, inflated_bytes, accepted, duplicates, quarantined, body_digest, chain_hash)
select uid, t, t, 'vsocd-0', uid, n, tenant, 'gateway-' || n %% 3, 'vsoc_json', sha256(n::text::bytea), 1000, 4000, 10, 0, 1,
    sha256(n::text::bytea), sha256(n::text::bytea) from batch;
insert into vsoc.quarantine (batch_uid, batch_index, time_received, tenant_id, source, code, detail, raw_offset, raw_size, raw)
select uid, 10, t, tenant, 'parse', 'malformed', 'ends inside a string', 900, 10, 'x' from batch;
insert into vsoc.events (event_uid, schema_version, tenant_id, batch_uid, batch_index, dedup_key, vehicle_pid, vin_key_id, model_code,
    sensor_kind, ecu_id, event_name, event_category, attributes, count, time_event_ns, time_source, time_quality, time_received,
    time_ingested, clock_skew_ms, vehicle_seq, severity_id, dst_ip, dst_port, transport, disposition, uds_nrc, r155_threat,
    parser_name, parser_version, parse_status, raw_offset, raw_size)
select (left(uid::text, 30) || lpad(to_hex(i + 1), 6, '0'))::uuid, '1.0', tenant, uid, i, uuid_send(uid),
    sha256((n %% {VEHICLES})::text::bytea), 1, 'M' || i %% 2, 'diag', 'GW-1', 'EVENT_' || i, case when i < 5 then 'diagnostic_access' else 'network_filter' end,
    '{{"attempt": 4, "text": "{'x' * 200}"}}', 2, (extract(epoch from t) * 1000000)::int8 * 1000, 'rtc', 'synced', t, t,
    case when i = 3 then 200000000 else 100 end, n * 100 + i * 2, i %% 5 + 2, '198.51.100.7', 443, 'tcp', 'blocked',
    case when i < 5 then 53 end, array['11.3', '18.3'], 'vsoc_json', '1', 'ok', i * 100, 100
from batch, generate_series(0, 9) i order by t, i;
analyze vsoc.events; analyze vsoc.batches; analyze vsoc.quarantine;
insert into vsoc.analyst_tenants values ('vsoc_analyst', '{TENANT}');
"""

# By title: days back that may be read (None: any, but only the newest rows), and the share of all events that may be read at most.
HOUR, DAY = 1 / 24 / DAYS, 1 / DAYS
PLANS = {
    "What is the newest event?": (None, HOUR),
    "Which event has this id?": (None, HOUR / 100),
    "What happened in the last hour?": (1, 2 * DAY),
    "What happened to this vehicle?": (8, 8 * DAY / VEHICLES * 1.2),
    "Is somebody guessing the diagnostic key?": (1, 2 * DAY),
    "Is the same thing happening across the fleet?": (2, 3 * DAY),
    "Which threats of UN R155 Annex 5 were seen?": (1, 2 * DAY),
    "Which vehicles have fallen silent?": (1, 2 * DAY),
    "Are events missing from a vehicle's sequence?": (3, 4 * DAY),
    "Whose clock is wrong?": (1, 2 * DAY),
    "Which addresses do vehicles talk to when a filter fires?": (1, 2 * DAY),
    "What did the sender add that has no column?": (1, 2 * DAY),
    "Was an event sent more than once?": (1, 2 * DAY),
    "What is the evidence for this event?": (None, HOUR / 100),
    "What is the evidence for the most severe events of the last hour?": (1, 2 * DAY),
    "What was refused, and from whom?": (1, 0),
    "Is everything flowing?": (7, 0),
    "What does a column mean?": (None, 0),
}


@pytest.fixture(scope="module")
def history(build, server_version):  # noqa: F811
    dsn = server_version.new_database()
    migrate(build, dsn)
    query(dsn, FILL)
    return dsn


class Plan:
    """What a statement has read, as the analyst."""

    def __init__(self, dsn, sql, settings=""):
        connection = psycopg2.connect(as_role(dsn, "vsoc_analyst"))
        with connection, connection.cursor() as cursor:
            cursor.execute(settings + "explain (analyze, timing off, format json) " + sql)
            self.text = cursor.fetchone()[0]
        connection.close()
        self.nodes = list(self.walk(self.text[0]["Plan"]))
        self.scans = [n for n in self.nodes if re.fullmatch(r"(events|batches|quarantine)_\d{8}", n.get("Relation Name", "")) and n["Actual Loops"]]

    def walk(self, node):
        yield node
        for child in node.get("Plans", ()):
            yield from self.walk(child)

    def days(self):
        """Of partitions that had rows to read: those of the days ahead are empty."""
        return {datetime.datetime.strptime(n["Relation Name"][-8:], "%Y%m%d").date() for n in self.scans if self.read(n) or n["Node Type"] != "Seq Scan"}

    @staticmethod
    def read(node):
        return (node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)) * node["Actual Loops"]

    def events(self):
        return sum(self.read(n) for n in self.scans if n["Relation Name"].startswith("events"))

    def runs(self, name):
        """Executions of functions or subplans of that kind."""
        return [n for n in self.nodes if n.get("Parent Relationship") == name]


def titled():
    return [pytest.param(one.values[0], one.id, id=one.id) for one in queries()]


def test_every_query_of_the_guide_has_its_plan():
    assert {re.sub(r"\W+", "_", title).strip("_").lower() for title in PLANS} == {one.id for one in queries()}


@pytest.mark.parametrize("sql, name", titled())
def test_query_of_the_guide_reads_its_days_only(history, sql, name):
    back, share = next(limits for title, limits in PLANS.items() if re.sub(r"\W+", "_", title).strip("_").lower() == name)
    plan = Plan(history, filled(sql, history, TENANT))
    today = query(history, "select (now() at time zone 'utc')::date")[0][0]
    limit = share * DAYS * ROWS_A_DAY
    assert plan.events() <= max(limit, 1), json.dumps(plan.text, indent=1)
    if back is None:
        assert all(n["Node Type"] != "Seq Scan" for n in plan.scans if plan.read(n)), json.dumps(plan.text, indent=1)
    else:
        assert min(plan.days()) >= today - datetime.timedelta(back), plan.days()


@pytest.mark.parametrize(
    "name, sql",
    [
        ("newest", "select * from vsoc.all_events order by time_received desc limit 1"),
        ("oldest", "select * from vsoc.all_events order by time_received limit 1"),
        ("newest time", "select max(time_received) from vsoc.all_events"),
        ("oldest time", "select min(time_received) from vsoc.all_events"),
        ("newest batch time", "select time_received from vsoc.batch_evidence where time_received > now() - interval '1 hour'"),
    ],
)
def test_ends_of_the_history_are_found_in_the_index(history, name, sql):
    plan = Plan(history, sql)
    assert plan.events() <= 10 * 10 + 10, json.dumps(plan.text, indent=1)  # a batch of each tenant at most
    assert "Seq Scan" not in {n["Node Type"] for n in plan.scans if plan.read(n)} or "batch" in name


def test_an_hour_of_a_past_day_is_read_from_one_index(history):
    plan = Plan(history, "select * from vsoc.all_events where time_received >= date_trunc('day', now() at time zone 'utc') at time zone 'utc' - interval '60 hours'"
                " and time_received < date_trunc('day', now() at time zone 'utc') at time zone 'utc' - interval '59 hours'")
    assert len(plan.days()) == 1 and plan.events() <= 1.2 * ROWS_A_DAY / 24
    assert {n["Node Type"] for n in plan.scans} <= {"Index Scan", "Bitmap Heap Scan"}


def test_vehicle_is_read_from_its_index_in_each_day(history):
    sql = next(one.values[0] for one in queries() if one.id == "what_happened_to_this_vehicle")
    plan = Plan(history, filled(sql, history, TENANT))
    used = [n["Index Name"] for n in plan.nodes if "Index Name" in n and n["Actual Loops"]]
    assert len([name for name in used if "vehicle_pid" in name]) >= 7
    assert not [n for n in plan.scans if n["Node Type"] == "Seq Scan" and plan.read(n)]


def test_join_of_event_and_batch_looks_into_one_day(history):
    sql = next(one.values[0] for one in queries() if one.id == "what_is_the_evidence_for_this_event")
    plan = Plan(history, filled(sql, history, TENANT))
    assert plan.text[0]["Plan"]["Actual Rows"] == 1 and not [n for n in plan.nodes if n.get("Subplans Removed")]  # left out when planned
    assert len(plan.days()) == 1 and {n["Relation Name"].split("_")[0] for n in plan.scans} == {"events", "batches"}


def test_tenants_are_asked_for_once_a_relation_and_plans_are_parallel(history):
    plan = Plan(history, "select count(*) from vsoc.all_events", "set parallel_setup_cost = 0; set min_parallel_table_scan_size = 0; ")
    asked = plan.runs("InitPlan")
    assert asked and all(n["Actual Loops"] == 1 for n in asked)
    assert any(n["Node Type"].startswith("Gather") for n in plan.nodes)
    assert plan.events() == DAYS * ROWS_A_DAY


def test_time_inside_an_id_is_that_of_its_receipt(history):
    inside = "vsoc.uid_time({0}) <= time_received and time_received < vsoc.uid_time({0}, 1)"
    for table, uid in (("events", "event_uid"), ("events", "batch_uid"), ("batches", "batch_uid")):
        assert query(history, f"select count(*) from vsoc.{table} where ({inside.format(uid)}) is not true") == [(0,)]
    assert query(history, "select vsoc.uid_time(gen_random_uuid()), vsoc.uid_time(null)") == [(None, None)]
    for text, time in (("00000000-0000-7000-8000-000000000000", 0), ("ffffffff-ffff-7fff-8000-000000000000", 281474976710.655), ("019b3c4d-5e6f-7000-8000-000000000001", 0x019B3C4D5E6F / 1000)):
        assert float(query(history, f"select extract(epoch from vsoc.uid_time('{text}'))")[0][0]) == time
