"""Every query of docs/analysts.md runs as vsoc_analyst on sample data and finds something."""

import pathlib
import re

import psycopg2
import pytest

from harness import query
from test_postgres_sink import as_role, migrate

GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "analysts.md"


def queries():
    text = GUIDE.read_text()
    return [
        pytest.param(sql, id=re.sub(r"\W+", "_", title).strip("_").lower())
        for title, sql in re.findall(r"^### ([^\n]*)\n(?:(?!^### ).)*?^```sql\n(.*?)^```", text, re.M | re.S)
    ]


# Ids have their time inside, as those of the server.
SAMPLE = """
create function pg_temp.uid(received timestamptz, tail text) returns uuid language sql as $$
    select (lpad(to_hex(floor(extract(epoch from received) * 1000)::int8), 12, '0') || '7' || substr(md5(tail), 1, 3) || '8' || substr(md5(tail), 4, 15))::uuid
$$;
select vsoc.ensure_partitions(1), vsoc.ensure_partition(current_date - 1);

insert into vsoc.batches (batch_uid, time_received, time_ingested, instance, spool_uid, position, tenant_id, sender, format,
    batch_key, body_bytes, inflated_bytes, accepted, duplicates, quarantined, body_digest, chain_hash)
select pg_temp.uid(now() - n * interval '20 minutes', 'b' || n), now() - n * interval '20 minutes', now(), 'vsocd-0', md5('spool')::uuid, n, 'tenant-' || n %% 2, 'gateway-' || n %% 3,
    'vsoc_json', sha256(n::text::bytea), 1000, 4000, 10, 0, 1, sha256(n::text::bytea), sha256(n::text::bytea)
from generate_series(0, 11) n;

insert into vsoc.events (event_uid, schema_version, tenant_id, batch_uid, batch_index, dedup_key, vehicle_pid, vin_key_id, model_code,
    sensor_kind, ecu_id, event_name, event_category, attributes, count, time_event_ns, time_source, time_quality, time_received,
    time_ingested, clock_skew_ms, vehicle_seq, severity_id, dst_ip, dst_port, transport, disposition, uds_nrc, r155_threat,
    parser_name, parser_version, parse_status, raw_offset, raw_size)
select pg_temp.uid(b.time_received, b.batch_uid::text || i), '1.0', b.tenant_id, b.batch_uid, i, decode(md5((i %% 7)::text), 'hex'),
    sha256((i %% 4)::text::bytea), 1, 'M' || i %% 2, 'diag', 'GW-1',
    case when i < 5 then 'SEV_UDS_SECURITY_ACCESS_FAILED' else 'SEV_FILTER' end,
    case when i < 5 then 'diagnostic_access' else 'network_filter' end,
    '{"attempt": 4}', 2, (extract(epoch from b.time_received) * 1000000)::int8 * 1000, 'rtc', 'synced', b.time_received, now(),
    case when i = 3 then 200000000 else 100 end, b.position * 100 + i * 2, i %% 5 + 2, '198.51.100.7', 443, 'tcp', 'blocked',
    case when i < 5 then 53 end, array['11.3', '18.3'], 'vsoc_json', '1', 'ok', i * 100, 100
from vsoc.batches b, generate_series(0, 9) i;

-- A vehicle that was last heard of three hours ago
update vsoc.events set vehicle_pid = sha256('silent') where batch_index = 8 and time_received < now() - interval '2 hours';

insert into vsoc.quarantine (batch_uid, batch_index, time_received, tenant_id, source, code, detail, raw_offset, raw_size, raw)
select batch_uid, 10, time_received, tenant_id, 'parse', 'malformed', 'ends inside a string', 900, 10, 'x' from vsoc.batches;
"""


@pytest.fixture(scope="module")
def sample(build, services):
    dsn = services.new_database()
    migrate(build, dsn)
    query(dsn, SAMPLE)
    query(dsn, "insert into vsoc.analyst_tenants values ('vsoc_analyst', '*')")
    return dsn


def filled(sql, dsn, tenant="tenant-0"):
    """The query with an event and a vehicle of the tenant for those that the guide leaves to the reader."""
    chosen = "select event_uid, vehicle_pid::text from vsoc.events where vehicle_pid is not null and tenant_id = %s order by time_received limit 1"
    event, vehicle = query(dsn, chosen, tenant)[0]
    return sql.replace(":'event'", f"'{event}'").replace(":'vehicle'", f"'{vehicle}'")


def test_guide_has_at_least_ten_queries():
    assert len(queries()) >= 10
    assert GUIDE.read_text().count("```sql") == len(queries())


@pytest.mark.parametrize("sql", queries())
def test_query_of_the_guide_finds_something(sample, sql):
    connection = psycopg2.connect(as_role(sample, "vsoc_analyst"))
    try:
        with connection.cursor() as cursor:
            cursor.execute(filled(sql, sample))
            assert cursor.fetchall()
    finally:
        connection.close()
