"""PostgreSQL comes back as another than it was: restored from a copy, emptied, or a standby in its place; or its answers get lost.

Where the sink has less than it had, the spool sends it again; where it has more than it said, nothing is doubled. Versions as in
test_postgres_faults.py.
"""

import contextlib
import os
import random
import subprocess

import psycopg2
import pytest

from harness import SLOWEST, query, wait_until
from postgres_case import (  # noqa: F401
    PATIENCE_S, Cluster, cluster, clusters, make_case, pytest_generate_tests, services, terminate,
)
from tcp_proxy import Proxy

CUTS = int(os.environ.get("VSOCD_CUTS", "20"))


def socket_of(dsn):
    return dsn.split()[0].removeprefix("host=") + "/.s.PGSQL.5432"


@pytest.fixture
def pair(tmp_path, services):
    """A PostgreSQL with a standby that follows it."""
    primary = Cluster(tmp_path / "primary", services.version)
    primary.dsn
    primary.act("stop")
    standby = Cluster(tmp_path / "standby", services.version)
    standby.options["postgres"] = (f"--standby-of={primary.folder / 'postgres'}",)
    standby.act("start")
    primary.act("start")
    yield primary, standby
    primary.stop()
    standby.stop()


def at(dsn, database):
    """The database of this name at another server."""
    return dsn.replace("dbname=vsoc", f"dbname={database}")


@pytest.fixture
def case_of_pair(make_case, services, pair, monkeypatch):
    """A case whose database is at the primary, and whose server knows both."""
    primary, standby = pair
    hosts = ",".join(one.dsn.split()[0].removeprefix("host=") for one in pair)
    monkeypatch.setattr(services, "new_database", primary.new_database)
    case = make_case(dsn=lambda database: f"host={hosts} port=5432 dbname={database} user=vsoc_ingest target_session_attrs=read-write")
    case.standby_dsn = at(standby.dsn, case.name)
    return case


def set_system(cluster, name, value):
    with contextlib.closing(psycopg2.connect(cluster.dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"alter system set {name} = '{value}'")
            cursor.execute("select pg_reload_conf()")


def fail_over(case, pair):
    primary, standby = pair
    primary.act("stop", "--kill")
    assert query(standby.dsn, "select pg_promote()") == [(True,)]
    case.database = case.stack.database = case.standby_dsn


def test_standby_that_takes_over_has_what_it_confirmed(case_of_pair, pair):
    primary, standby = pair
    case = case_of_pair
    set_system(primary, "synchronous_standby_names", "standby")
    with case.traffic():
        fail_over(case, pair)
        case.others_go_on()
        case.await_up()
    case.compare()
    assert not case.said("sink is behind")


def test_standby_that_takes_over_gets_again_what_it_missed_and_the_old_server_is_left_alone(case_of_pair, pair):
    primary, standby = pair
    case = case_of_pair
    with case.traffic():
        known = f"select 1 from pg_database where datname = '{case.name}'"
        wait_until(lambda: query(standby.dsn, known), PATIENCE_S, "the standby having the database")
        wait_until(lambda: query(case.standby_dsn, "select to_regclass('vsoc.sink_position')") != [(None,)], PATIENCE_S, "its tables")
        wait_until(lambda: query(case.standby_dsn, "select 1 from vsoc.sink_position"), PATIENCE_S, "and its rows")
        set_system(standby, "primary_conninfo", "")  # from here on it misses what the primary confirms
        for _ in range(3):
            case.await_loaded()
        fail_over(case, pair)
        case.await_up()
        # The old one comes back with what only it had; it is fenced.
        old = Cluster(primary.folder, primary.version)
        old.options["postgres"] = ("--conf=default_transaction_read_only=on",)
        old.act("start")
        held = query(at(old.dsn, case.name), "select count(*) from vsoc.events")
        terminate(case.database)
        case.await_loaded()
        assert query(at(old.dsn, case.name), "select count(*) from vsoc.events") == held
    assert case.said("sink is behind")
    case.compare()


def test_server_restored_from_an_older_copy_gets_again_what_it_missed(make_case, cluster, tmp_path):
    case = make_case()
    with case.traffic():
        cluster.act("stop")
        data = cluster.folder / "postgres" / "data"
        subprocess.run(["cp", "-a", data, tmp_path / "copy"], check=True)
        cluster.act("start")
        case.await_up()
        for _ in range(3):
            case.await_loaded()
        cluster.act("stop", "--kill")
        subprocess.run(["rm", "-rf", data], check=True)
        subprocess.run(["cp", "-a", tmp_path / "copy", data], check=True)
        cluster.act("start")
        case.await_up()
    assert case.said("sink is behind")
    case.compare()


def test_emptied_database_gets_everything_again(make_case):
    case = make_case()
    with case.traffic():
        with case.session() as owner:  # nothing is loaded between the one and the other
            # In the order in which a load takes them: one that runs is waited for, and no deadlock.
            owner.execute("truncate vsoc.batch_keys, vsoc.events, vsoc.quarantine, vsoc.batches, vsoc.sink_position")
            terminate(case.database)
            owner.connection.commit()
        wait_until(lambda: case.said("sink is behind"), PATIENCE_S, "the emptied database being noticed")
    case.compare()


def test_rows_that_were_lost_come_back_once_their_position_is_deleted(make_case):
    """Restored with gaps the database claims to have all, until what it claims is deleted."""
    case = make_case()
    with case.traffic():
        case.await_loaded()
    case.server.wait_for_sinks(PATIENCE_S)
    case.server.terminate()
    case.sql(
        "delete from vsoc.events where batch_index % 3 = 0",
        "delete from vsoc.batches where position % 2 = 0",
        "delete from vsoc.batch_keys",
        "delete from vsoc.sink_position",
    )
    case.server.start()
    wait_until(lambda: case.said("sink is behind"), PATIENCE_S, "the missing position being noticed")
    case.compare()


@pytest.fixture
def proxy(cluster):
    made = Proxy(socket_of(cluster.dsn))
    yield made
    made.close()


def through(proxy):
    return lambda database: f"host=127.0.0.1 port={proxy.port} dbname={database} user=vsoc_ingest sslmode=disable gssencmode=disable"


def test_connections_cut_at_any_byte_lose_and_double_nothing(make_case, proxy):
    case = make_case(dsn=through(proxy))
    chance = random.Random(7)
    with case.traffic():
        for number in range(CUTS):
            towards = {"to_server": chance.randrange(20000)} if number % 2 else {"to_client": chance.randrange(600)}
            assert proxy.arm(**towards).done.wait(PATIENCE_S * SLOWEST), towards
        case.await_up()
    case.compare()


def test_commits_whose_answer_is_lost_lose_and_double_nothing(make_case, proxy):
    case = make_case(dsn=through(proxy))
    with case.traffic():
        for _ in range(CUTS // 2):
            assert proxy.arm(answer_to=b"COMMIT\0").done.wait(PATIENCE_S * SLOWEST)
        case.await_up()
    case.compare()
