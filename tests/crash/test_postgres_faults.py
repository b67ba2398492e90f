"""What PostgreSQL can do to a server under load: it goes away, halts, comes back, has no room, waits, refuses.

In each case Kafka and the senders notice nothing, the log says what is wrong, once, and in the end every acknowledged event is in
PostgreSQL, Kafka and the spool, once. Each test has another version of PostgreSQL; with VSOCD_ALL_VERSIONS=1 it has all of them.
"""

import pathlib
import shutil
import tempfile

import pytest

from harness import query, wait_until
from postgres_case import PATIENCE_S, cluster, clusters, make_case, pytest_generate_tests, services, terminate  # noqa: F401
from small_disk import SmallDisk


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_server_that_ends_is_waited_for(make_case, cluster, how):
    case = make_case()
    with case.traffic():
        cluster.act("stop", *(["--kill"] if how == "kill" else []))
        case.await_down("connect")
        case.others_go_on()
        case.await_retries(3)
        cluster.act("start")
        case.await_up()
    case.compare()


def test_server_that_is_restarted_again_and_again_is_found_again(make_case, cluster):
    case = make_case()
    with case.traffic():
        for how in ((), ("--kill",), ()):
            cluster.act("stop", *how)
            cluster.act("start")
            case.others_go_on()
            case.await_up()
    case.compare()


def test_halted_server_holds_up_neither_kafka_nor_the_stop(make_case, cluster):
    case = make_case(settings={"timeouts": {"ack": "60s", "drain": "1s"}})
    with case.traffic():
        cluster.act("pause")
        try:
            case.others_go_on()
            case.traffic_stop()
            assert case.server.terminate(60) == 0
        finally:
            cluster.act("resume")
        case.server.start()
    case.compare()


def test_connections_that_are_ended_again_and_again_lose_and_double_nothing(make_case):
    case = make_case()
    with case.traffic():
        for _ in range(20):
            reconnects = case.server.metric("vsocd_pg_reconnects_total")
            terminate(case.database, "and state <> 'idle'")
            terminate(case.database)
            wait_until(lambda: case.server.metric("vsocd_pg_reconnects_total") > reconnects, PATIENCE_S, "a new connection")
    case.compare()


def test_server_without_free_connections_is_waited_for(make_case):
    case = make_case()
    with case.traffic():
        case.sql(f"alter database {case.name} connection limit 0")
        terminate(case.database)
        case.await_down("53300.*raise max_connections")
        case.others_go_on()
        case.sql(f"alter database {case.name} connection limit -1")
        case.await_up()
    case.compare()


def test_read_only_server_is_waited_for(make_case):
    case = make_case()
    with case.traffic():
        case.sql(f"alter database {case.name} set default_transaction_read_only = on")
        terminate(case.database)
        case.await_down("25006.*several hosts in the dsn")
        case.others_go_on()
        case.sql(f"alter database {case.name} reset default_transaction_read_only")
        terminate(case.database)
        case.await_up()
    case.compare()


def test_right_that_is_taken_away_is_told_and_waited_for(make_case):
    case = make_case()
    with case.traffic():
        case.sql("revoke insert on vsoc.events from vsoc_ingest")
        case.await_down("42501.*vsocd migrate")
        case.others_go_on()
        case.sql("grant insert on vsoc.events to vsoc_ingest")
        case.await_up()
    case.compare()


def test_schema_that_another_instance_upgraded_is_told_and_waited_for(make_case):
    case = make_case()
    with case.traffic():
        case.sql("insert into vsoc.schema_version (version, name, program) values (99, 'later', '9')")
        terminate(case.database)
        case.await_down("run a newer vsocd")
        case.others_go_on()
        case.sql("delete from vsoc.schema_version where version = 99")
        case.await_up()
    case.compare()


def test_schema_that_is_older_is_told_and_waited_for(make_case):
    case = make_case()
    latest = case.sql("select max(version) from vsoc.schema_version")[0][0]
    with case.traffic():
        case.sql(f"update vsoc.schema_version set version = -1 where version = {latest}")
        terminate(case.database)
        case.await_down("run `vsocd migrate`")
        case.others_go_on()
        case.sql(f"update vsoc.schema_version set version = {latest} where version = -1")
        case.await_up()
    case.compare()


def test_lock_that_an_analyst_holds_is_waited_for(make_case):
    case = make_case()
    with case.traffic(), case.session() as analyst:
        analyst.execute("lock table vsoc.events in access exclusive mode")
        case.others_go_on()
        case.await_blocked()
        analyst.execute("select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event_type = 'Lock'")
        case.await_down("57014")
        analyst.connection.rollback()
        case.await_up()
    case.compare()


@pytest.fixture
def disk(cluster):
    """A small disk that the cluster sees, too: it is started again in the disk's namespace."""
    folder = pathlib.Path(tempfile.mkdtemp())  # not in tmp_path: PostgreSQL asks access(2), which has no regard for its capability
    folder.chmod(0o755)
    disk = SmallDisk(folder, 64 << 20)
    cluster.act("stop")
    cluster.enter = disk.enter_as_user
    cluster.act("start")
    yield disk
    # Nothing of the disk may be left in the cluster's log for a later recovery.
    for (name,) in query(cluster.dsn, "select datname from pg_database join pg_tablespace t on t.oid = dattablespace where spcname = 'small'"):
        query(cluster.dsn, f"drop database {name} with (force)")
    query(cluster.dsn, "drop tablespace if exists small")
    query(cluster.dsn, "checkpoint")
    cluster.act("stop")
    cluster.enter = ()
    disk.close()
    folder.rmdir()
    cluster.act("start")


def test_full_disk_of_the_events_is_told_and_waited_for(make_case, cluster, disk):
    case = make_case()
    assert case.server.terminate() == 0
    folder = disk.seen / "events"
    folder.mkdir(mode=0o700)
    owner = (cluster.folder / "postgres" / "data").stat()
    shutil.chown(folder, owner.st_uid, owner.st_gid)
    query(cluster.dsn, f"create tablespace small location '{disk.path / 'events'}'")
    query(cluster.dsn, f"alter database {case.name} set tablespace small")
    case.server.start()
    with case.traffic():
        ballast = disk.fill()
        case.await_down("No space left on device.*53100.*free space")
        case.others_go_on()
        case.await_retries(2)
        ballast.unlink()
        case.await_up()
    case.compare()


@pytest.mark.parametrize("limit, words", [("lock_timeout", "55P03"), ("statement_timeout", "57014")])
def test_limit_of_the_operator_that_a_load_meets_is_told_and_waited_for(make_case, limit, words):
    case = make_case()
    case.of_login(f"set {limit} = '300ms'")
    with case.traffic(), case.session() as analyst:
        terminate(case.database)
        case.await_loaded()
        analyst.execute("lock table vsoc.events in access exclusive mode")
        case.await_down(words)
        case.others_go_on()
        analyst.connection.rollback()
        case.await_up()
    case.compare()


def test_deadlock_with_another_session_is_tried_again(make_case):
    case = make_case()
    with case.traffic(), case.session() as other:
        other.execute("set deadlock_timeout = '60s'")  # so that the server's own session is the one that gives way
        other.execute("lock table vsoc.sink_position in share mode")
        case.await_blocked()
        other.execute("lock table vsoc.batch_keys in access exclusive mode")  # granted when the server gave way
        case.others_go_on()
        case.await_said("40P01")
        other.connection.rollback()
        case.await_up()
    case.compare()


def test_serialization_failure_is_tried_again(make_case):
    case = make_case()
    case.of_login("set default_transaction_isolation = 'serializable'")
    with case.traffic(), case.session() as other:
        terminate(case.database)
        case.await_loaded()
        other.execute("update vsoc.sink_position set time_changed = now()")
        case.await_blocked()
        other.connection.commit()
        case.await_said("40001")
        case.others_go_on()
        case.await_up()
    case.compare()


def test_partition_that_is_detached_meanwhile_is_made_again(make_case):
    """Its table keeps its name: the new one needs another."""
    case = make_case()
    with case.traffic():
        case.await_loaded()
        (table,) = case.sql("select min(tableoid::regclass::text) from vsoc.events")[0]
        case.sql(f"alter table vsoc.events detach partition {table}")
        case.sql(f"alter table {table} set schema public")
        case.others_go_on()
        case.await_loaded()
    case.server.wait_for_sinks(PATIENCE_S)
    case.sql(f"insert into vsoc.events select * from public.{table.split('.')[1]}")
    case.compare()
