"""The server dies at each crash point of core/disk/fault_points.def, under load, in its start, reload and stop, and in `vsocd migrate`; what it
has acknowledged is in every store once. A point that is not passed fails its test.

VSOCD_POINTS_TURNS=1,2,7 says at which passes of each point; without it some are left out, by VSOCD_POINTS_SEED.
"""

import os
import pathlib
import random
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import spool_reader  # noqa: E402
from dying import DyingStack  # noqa: E402
from faults import POINTS  # noqa: E402
from harness import Vsocd, query, wait_until  # noqa: E402

SEED = int(os.environ.get("VSOCD_POINTS_SEED") or random.SystemRandom().randrange(1 << 16))


def turns_of(point, most=7):
    """Passes at which to die: the first, and for one of three points the second or a later one."""
    given = os.environ.get("VSOCD_POINTS_TURNS")
    if given:
        return sorted({min(int(turn), most) for turn in given.split(",")})
    chosen = random.Random(f"{SEED} {point}")
    return [1] + [turn for turn in [chosen.choice([2, most])] if chosen.random() < 1 / 3]


@pytest.fixture
def faulty(build):
    """Program with the crash points."""
    return build / "unit" / "vsocd_faults"


def run(program, fault, *words):
    return subprocess.run([program, *words], env=dict(os.environ, VSOCD_FAULT=fault), capture_output=True, text=True, timeout=60)


def test_program_prints_the_table(faulty):
    lines = run(faulty, "list", "version").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == POINTS
    assert len(set(POINTS)) == len(POINTS)


@pytest.mark.parametrize("wish", ["no_such_point", "spool_records_written:0", "spool_records"])
def test_unknown_point_is_refused(faulty, wish):
    done = run(faulty, wish, "version")
    assert done.returncode == 64 and wish in done.stderr


def test_product_has_no_point(build, faulty):
    assert [point for point in POINTS if point.encode() + b"\0" not in faulty.read_bytes()] == []
    product = (build / "vsocd").read_bytes()
    assert [point for point in POINTS if point.encode() in product] == []
    assert b"VSOCD_FAULT" not in product
    assert run(build / "vsocd", "no_such_point", "version").returncode == 0


@pytest.mark.parametrize("point", ["keys_written", "keys_synced", "keys_linked"])
def test_key_file_is_whole_or_not_there(build, faulty, tmp_path, point):
    """Before, a crash in the first start left half a file, and no later start went on from it."""
    server = Vsocd(build, tmp_path, {})
    server.program = faulty
    for _ in range(3):
        server.environment = {"VSOCD_FAULT": point}
        server.start(wait=False)
        if point == "keys_linked" and (tmp_path / "vin.keys").exists():
            break
        assert server.ended() == -signal.SIGKILL
    server.kill()
    server.environment = {}
    server.start()
    server.stop_for_good()


# ---- under load ------------------------------------------------------------------------------------------------------------


def under_load(stack, point, turn):
    stack.traffic.start()
    stack.die(point, turn)


def again_and_again(stack, point, turn):
    """For points that one life of the server passes once or twice."""
    stack.traffic.start()
    for _ in range(turn):
        stack.die(point)


def after(first):
    """Each time after a death at another point."""
    def scenario(stack, point, turn):
        stack.traffic.start()
        for _ in range(turn):
            stack.die(first)
            stack.die(point)

    return scenario


def at_stop(stack, point, turn):
    for _ in range(turn):
        stack.traffic.start()
        stack.start(point, wait=True)
        position = stack.server.metric("vsocd_spool_position")
        wait_until(lambda: stack.server.metric("vsocd_spool_position") > position, 30, "a batch")
        stack.server.process.send_signal(signal.SIGTERM)
        stack.await_death(point)


def at_reload(stack, point, turn):
    stack.traffic.start()
    stack.start(point, turn, wait=True)
    stack.await_death(point, urge=lambda: stack.server.process.send_signal(signal.SIGHUP))


def when_fenced(stack, point, turn):
    """Somebody else takes the transactional id: the transaction under way fails."""
    from confluent_kafka import Producer

    stack.traffic.start()
    for _ in range(turn):
        stack.start(point, wait=True)
        wait_until(lambda: stack.server.metric("vsocd_sink_batches_total", 'sink="kafka"') > 0, 30, "the first load")
        name = "vsocd-" + stack.server.settings["instance"]
        Producer({"bootstrap.servers": stack.services.bootstrap, "transactional.id": name}).init_transactions(30)
        stack.await_death(point)


def with_old_postgres(stack, point, turn):
    """PostgreSQL has the rows, but neither their keys nor the position: the load comes again."""
    stack.traffic.start()
    stack.start()
    wait_until(lambda: query(stack.database, "select count(*) >= 4 from vsoc.batches")[0][0], 30, "some batches")
    stack.settle()
    stack.server.terminate()  # the cursors are kept
    query(stack.database, "delete from vsoc.batch_keys")
    query(
        stack.database,
        "update vsoc.sink_position s set (position, batch_uid) = (select b.position, b.batch_uid from vsoc.batches b"
        " where b.position < s.position order by 1 limit 1 offset (select count(*) / 2 - 1 from vsoc.batches))",
    )
    again_and_again(stack, point, turn)


def after_stop(stack, point, turn):
    """In the start after an orderly stop."""
    stack.traffic.start()
    for _ in range(turn):
        stack.start(wait=True)
        stack.server.terminate()
        stack.die(point)


def grow(stack, segments):
    """Some more whole segments that every sink has; the server is down then."""
    stack.start()
    stack.traffic.start()
    last = stack.server.metric("vsocd_spool_segments") + segments
    wait_until(lambda: stack.server.metric("vsocd_spool_segments") >= last, 60, "new segments")
    stack.settle()
    stack.server.kill()


def damage(stack, whole):
    """A byte of a record, or a whole segment; what is lost there is noted."""
    grow(stack, 2)
    path = spool_reader.segment_paths(stack.server.spool_dir)[-2]
    records = list(spool_reader.read_segment(path))
    lost = {str(record.batch_uid) for record in (records if whole else records[-1:])}
    stack.lost_in_spool |= {key for key, one in stack.traffic.told.items() if one.batch in lost}
    data = bytearray(path.read_bytes())
    if whole:
        data = bytes(len(data))
    else:
        data[records[-1].offset + 241] ^= 1
    path.write_bytes(data)


def with_damaged_record(stack, point, turn):
    damage(stack, whole=False)
    for _ in range(turn):
        stack.die(point)


def with_damaged_segment(stack, point, turn):
    for _ in range(turn):
        damage(stack, whole=True)
        stack.die(point)


ONCE = """spool_cursor_file_made spool_recover_cleaned spool_recover_done lane_connected pg_connected pg_checked
    pg_days_ahead_made pg_day_made pg_keys_trimmed kafka_producer_made kafka_transactions_ready kafka_position_read""".split()
TORN = "spool_recover_floor_kept spool_recover_cut spool_recover_cut_synced spool_salvage_tail_kept".split()
SCENARIOS = {
    **{point: again_and_again for point in POINTS if point in ONCE or point.startswith("start_")},
    **{point: after("spool_records_torn") for point in TORN},
    **{point: at_stop for point in POINTS if point.startswith("stop_")},
    **{point: at_reload for point in POINTS if point.startswith("reload_")},
    **{point: with_old_postgres for point in ("lane_returned", "pg_rolled_back", "pg_staged", "pg_unstaged")},
    "spool_recover_synced": after("spool_records_written"),
    "spool_recover_segment_done": after("spool_records_written"),
    "spool_recover_index_dropped": after_stop,
    "kafka_producer_dropped": when_fenced,
    "file_tail_cut": after("file_written"),
    "spool_salvage_copied": with_damaged_record,
    "spool_salvage_linked": with_damaged_record,
    "spool_aside_unlinked": with_damaged_segment,
}
PADDING = 300_000  # three bodies to a segment
RETIREMENT = {"spool": {"segment_bytes": "1MiB", "max_bytes": "6MiB", "reserve_bytes": "0"}, "evidence": {"retention": "0s", "max_bytes": "0"}}

EVICTION = RETIREMENT | {"evidence": {"retention": "90d", "max_bytes": "1MiB", "when_full": "evict"}}


def group_of(point):
    """Points of a group have one stack."""
    if SCENARIOS.get(point) in (with_damaged_record, with_damaged_segment):
        return "damage"
    if point.startswith(("spool_retire", "spool_cursors", "spool_index_kept")):
        return "retirement"
    if point.startswith("spool_eviction"):
        return "eviction"
    if point.startswith(("spool_segment", "spool_index")):
        return "segments"
    return point.partition("_")[0]


GROUPS = {point: group_of(point) for point in POINTS if not point.startswith(("keys_", "migrate_"))}


@pytest.fixture(scope="module")
def stack_of(build, services, tmp_path_factory):
    """stack_of(group): the group's stack; what failed is not used again."""
    stacks = {}

    def get(group):
        if group not in stacks or not stacks[group].good:
            stop()
            settings = {"retirement": RETIREMENT, "eviction": EVICTION}.get(group, {})
            padding = PADDING if group in ("damage", "segments", "retirement", "eviction") else 0
            stacks[group] = DyingStack(build, services, tmp_path_factory.mktemp(group), settings, padding)
        return stacks[group]

    def stop():
        for stack in stacks.values():
            stack.stop()
        stacks.clear()

    yield get
    stop()


@pytest.mark.parametrize("point", [pytest.param(point, marks=pytest.mark.xdist_group("points-" + GROUPS[point]))
                                   for point in sorted(GROUPS, key=GROUPS.get)])
def test_death_at_a_point_loses_and_doubles_nothing(stack_of, point):
    stack = stack_of(GROUPS[point])
    scenario = SCENARIOS.get(point, under_load)
    stack.good = False
    for turn in turns_of(point, 3 if GROUPS[point] == "retirement" else 7):
        print(f"{point}, pass {turn}, VSOCD_POINTS_SEED={SEED}")
        if stack.server.process and stack.server.process.poll() is None:
            stack.server.kill()
        scenario(stack, point, turn)
    stack.settle()
    stack.compare(spool=GROUPS[point] not in ("retirement", "eviction"))
    stack.good = True


# ---- vsocd migrate ---------------------------------------------------------------------------------------------------------

# All that the schema consists of, a text a row: columns, indexes, constraints, functions, views, triggers, rights, comments, versions.
SCHEMA_SQL = """
    with mine as (select c.oid, c.relname, c.relkind, c.relacl, c.relowner from pg_class c where c.relnamespace = 'vsoc'::regnamespace)
    select concat_ws(' ', relkind::text, relname, relowner::regrole, relacl) from mine
    union all select concat_ws(' ', m.relname, attnum, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid))
        from mine m join pg_attribute on attrelid = m.oid left join pg_attrdef on adrelid = m.oid and adnum = attnum where not attisdropped
    union all select pg_get_indexdef(indexrelid) from pg_index join mine m on m.oid = indrelid
    union all select concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) from pg_constraint
        where connamespace = 'vsoc'::regnamespace
    union all select concat_ws(' ', pg_get_functiondef(oid), proowner::regrole, proacl) from pg_proc where pronamespace = 'vsoc'::regnamespace
    union all select pg_get_viewdef(oid) from mine where relkind in ('v', 'm')
    union all select pg_get_triggerdef(t.oid) from pg_trigger t join mine m on m.oid = tgrelid where not tgisinternal
    union all select concat_ws(' ', objoid::regclass, objsubid, description) from pg_description join mine m on m.oid = objoid
    union all select concat_ws(' ', nspname, nspowner::regrole, nspacl) from pg_namespace where nspname = 'vsoc'
    union all select concat_ws(' ', version, name, program) from vsoc.schema_version
    union all select concat_ws(' ', action, object, detail) from vsoc.audit
    order by 1"""


def migrate(program, dsn, fault=""):
    return run(program, fault, "migrate", "--set", f"sinks.postgres.dsn={dsn}")


@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("migrate_")] + ["pg_statement_sent", "pg_commit_sent"])
def test_migrate_that_dies_is_done_by_the_next_run(build, faulty, services, point):
    undisturbed, disturbed = services.new_database(), services.new_database()
    assert migrate(build / "vsocd", undisturbed).returncode == 0
    turn = 1
    while (done := migrate(faulty, disturbed, f"{point}:{turn}")).returncode == -signal.SIGKILL and turn < 12:
        turn += 1  # each run comes further
    assert turn > 1 and done.returncode in (0, -signal.SIGKILL), done.stderr
    assert migrate(build / "vsocd", disturbed).returncode == 0
    schema = query(undisturbed, SCHEMA_SQL)
    assert len(schema) > 200 and query(disturbed, SCHEMA_SQL) == schema
