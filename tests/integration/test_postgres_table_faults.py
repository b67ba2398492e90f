"""An error that hits every row is the table's: the sink waits and says so, nothing goes to quarantine, and once it is mended all rows load."""

import pytest

from harness import event, ndjson, query, wait_until
from test_postgres_sink import counts, make_lane, migrate  # noqa: F401

RAISE = "create function public.no() returns trigger language plpgsql as $$ begin raise exception 'not today'; end $$"
# Of columns; as docs/analysts.md says, the loaded table is locked first: a load looks at the parent while it holds the table.
AT_PARENT = "begin; lock table vsoc.{{t}}; alter table vsoc.tenant_{{t}} {what}; commit"
# What somebody did to the table; what mends it; what the message must name.
FAULTS = {
    "NOT NULL column": (AT_PARENT.format(what="add column site text not null default 'old'; alter table vsoc.tenant_{t} alter column site drop default"), AT_PARENT.format(what="alter column site drop not null"), "column: give it a default.*(site)"),
    "constraint": ("alter table vsoc.{t} add constraint none check (batch_uid is null) not valid", "alter table vsoc.{t} drop constraint none", "constraint or index.*(none)"),
    "trigger": (RAISE + "; create trigger no before insert on vsoc.{t} for each row execute function public.no()", "drop trigger no on vsoc.{t}", "not today.*trigger"),
    "deferred trigger": (
        RAISE + "; create constraint trigger no after insert on vsoc.{t} deferrable initially deferred for each row execute function public.no()",
        "drop trigger no on vsoc.{t}", "not today.*trigger",
    ),
    "foreign key": (
        "create table public.sites (batch_uid uuid primary key); insert into public.sites select distinct batch_uid from vsoc.{t}; alter table vsoc.{t} add constraint known"
        " foreign key (batch_uid) references public.sites", "alter table vsoc.{t} drop constraint known", "known",
    ),
    "renamed column": (AT_PARENT.format(what="rename column tenant_id to tenant"), AT_PARENT.format(what="rename column tenant to tenant_id"), "removed or renamed a column"),
    "missing right": ("revoke insert on vsoc.{t} from vsoc_ingest", "grant insert on vsoc.{t} to vsoc_ingest", "lacks a right"),
}


@pytest.fixture
def schema(build, database):
    migrate(build, database)
    return database


def deliver(lane, *load, **options):
    """As the lane does: again and again, leaving out what was refused; the last answer."""
    lane.connect()
    return lane.load(*load, **options)


@pytest.mark.parametrize("warm", [False, True], ids=["at once", "after a load"])
@pytest.mark.parametrize("events", [1, 300])
@pytest.mark.parametrize("table", ["events", "quarantine", "batches"])
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_a_table_is_waited_out(schema, make_lane, fault, table, events, warm):  # noqa: F811
    broken, mended, words = FAULTS[fault]
    lane = make_lane(schema)
    if fault == "foreign key" and table == "events":
        warm = False  # the row that it took before refers to what is there: it still takes that one
    if warm:
        assert deliver(lane, 1, 1, 5, seed=9, reject=1)["result"] == "delivered"
    before = counts(schema)
    query(schema, broken.format(t=table))
    for _ in range(2):
        answer = deliver(lane, 2, 1, events, reject=1)
        assert answer["result"] == "broken"
        assert all(word in answer["text"] for word in words.replace("(", ".*(").split(".*")), answer["text"]
        if fault not in ("renamed column", "deferred trigger"):
            assert table in answer["text"]
    assert counts(schema) == before
    query(schema, mended.format(t=table))
    assert deliver(lane, 2, 1, events, reject=1)["result"] == "delivered"
    assert counts(schema) == tuple(a + b for a, b in zip(before, (events, events, 1, 1, 1)))


@pytest.mark.parametrize("warm", [False, True], ids=["at once", "after a load"])
@pytest.mark.parametrize("rule", [
    "check (severity_id <> 3)", "check (can_id <> 1808)", "check (tenant_id <> 'demo')", "check (sev_id <> 103 or batch_index <> 0)",
    "check (message is not null)", "check (speed_kmh < 10)",
])
def test_one_bad_event_alone_in_a_load_is_the_events_fault(schema, make_lane, rule, warm):  # noqa: F811
    """A plain row, or the one that the table took before, shows that it takes others."""
    lane = make_lane(schema)
    if warm:
        assert deliver(lane, 1, 1, 5, seed=9)["result"] == "delivered"
    query(schema, f"alter table vsoc.events add constraint rule {rule} not valid")
    answer = deliver(lane, 2, 1, 1)
    assert (answer["result"], answer["index"]) == ("rejected", 0)
    assert "rule" in answer["text"]


def test_events_of_which_the_table_takes_some_are_told_apart(schema, make_lane):  # noqa: F811
    """A rule that the plain row breaks as well: what counts is that the table takes events of the load."""
    query(schema, "alter table vsoc.events add constraint rule check (sensor_kind = 'can_ids' and batch_index %% 7 = 3)")
    answer = deliver(make_lane(schema), 1, 1, 200)
    assert answer["result"] == "rejected"


def test_bad_values_in_a_faulty_table_wait_and_go_to_quarantine_afterwards(schema, make_lane):  # noqa: F811
    lane = make_lane(schema)
    query(schema, AT_PARENT.format(what="add column site text not null").format(t="events"))
    assert deliver(lane, 1, 1, 20, poison=3)["result"] == "rejected"
    assert deliver(lane, 1, 1, 20, poison=3, skip=3)["result"] == "broken"
    query(schema, "alter table vsoc.events alter column site set default 'here'")
    assert deliver(lane, 1, 1, 20, poison=3, skip=3)["result"] == "delivered"
    assert counts(schema) == (19, 19, 1, 1, 1)


def test_server_waits_and_loads_everything_once_the_table_is_mended(make_server, database):
    server = make_server({"sinks": {"postgres": {"enabled": True, "dsn": database}}})
    assert server.post(ndjson(event(n) for n in range(50))).status == 200
    server.wait_for_sinks()
    query(database, FAULTS["NOT NULL column"][0].format(t="events"))
    for first in (50, 100, 150):
        assert server.post(ndjson(event(n) for n in range(first, first + 50))).status == 200
    wait_until(lambda: "refuses every row" in server.log(), what="the fault in the log")
    assert server.metric("vsocd_sink_up", 'sink="postgres"') == 0
    assert b"site" in server.get("/readyz?verbose").body
    assert query(database, "select count(*) from vsoc.quarantine") == [(0,)]
    query(database, "alter table vsoc.events alter column site set default 'new'")
    server.wait_for_sinks(120)
    assert query(database, "select count(*), (select count(*) from vsoc.quarantine) from vsoc.events") == [(200, 0)]
    assert server.metric("vsocd_sink_rejected_total") == 0
    assert sum("refuses every row" in line for line in server.log().splitlines()) <= 2
