"""What the tests of PostgreSQL's faults share: clusters of their own, a server under traffic, and what it shows of its PostgreSQL sink."""

import contextlib
import json
import os
import re
import threading

import psycopg2
import pytest

from harness import Services, query, wait_until
from load import Sender

PATIENCE_S = 120
VERSIONS = ("15", "17", "18")
ALL_VERSIONS = bool(os.environ.get("VSOCD_ALL_VERSIONS"))


class Cluster(Services):
    """A PostgreSQL that tests stop, kill and halt, with the Kafka of the session."""

    def __init__(self, folder, version):
        super().__init__(folder, postgres_options=(f"--version={version}",))
        self.kafka, self.version = None, version

    @property
    def bootstrap(self):
        return self.kafka.bootstrap

    def act(self, action, *options):
        if action == "start":
            self.addresses.pop("postgres", None)
            return self.dsn
        return super().act("postgres", action, *options)

    def stop(self):
        self.act("stop", "--kill")


def terminate(dsn, condition=""):
    """Ends the server's connections to a database."""
    query(
        dsn,
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        f" where application_name like 'vsocd %%' and datname = current_database() {condition}",
    )


def name_in(dsn):
    return re.search(r"dbname=(\S+)", dsn)[1]


class Case:
    """A server with both sinks, its senders, and what is asked of it in every fault."""

    def __init__(self, stack):
        self.stack, self.server, self.database = stack, stack.server, stack.database
        self.name = name_in(self.database)
        self.steady, self.probe = Sender(self.server), Sender(self.server)
        self.probe.count = 10**7  # other ids than those of the steady traffic
        self.stopped = threading.Event()

    def sql(self, *statements):
        """Rows of the last statement."""
        return [query(self.database + " options='-c default_transaction_read_only=off'", statement.replace("%", "%%")) for statement in statements][-1]

    def of_login(self, change):
        """Changes a setting of the login that the server uses, in its database."""
        self.sql(f"alter role vsoc_ingest in database {self.name} {change}")

    @contextlib.contextmanager
    def session(self):
        """A cursor in a transaction of its own, which is rolled back."""
        with contextlib.closing(psycopg2.connect(self.database)) as connection, connection.cursor() as cursor:
            yield cursor

    @contextlib.contextmanager
    def traffic(self):
        """Batches all the time, one after the other."""

        def run():
            while not self.stopped.wait(0.02):
                self.steady.send(self.steady.events(20), seconds=PATIENCE_S)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            self.await_loaded()
            yield
            self.others_go_on()
        finally:
            self.stopped.set()
            thread.join()

    def traffic_stop(self):
        self.stopped.set()

    def compare(self):
        """Every store holds what was acknowledged, and the log said each problem once."""
        self.stack.compare({**self.steady.told, **self.probe.told}, {**self.steady.sent, **self.probe.sent})
        self.check_log()

    def others_go_on(self):
        """A sender gets its answer, and Kafka the event, whatever PostgreSQL does."""
        reply = self.probe.send(self.probe.events(1), seconds=PATIENCE_S, VSOC_Ack="kafka")
        assert reply.json["accepted"] == 1 and reply.json["ack"] == "kafka", reply

    # What the server shows

    def metric(self, name):
        return self.server.metric(f"vsocd_sink_{name}", 'sink="postgres"')

    def changes(self):
        """(lane, problem) for each change that the log tells of; no problem: it is back."""
        for line in self.server.log().splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if entry.get("sink") == "postgres" and ("problem" in entry or "seconds_down" in entry):
                    yield entry["lane"], entry.get("problem")

    def said(self, words):
        return any(words in line and '"sink":"postgres"' in line for line in self.server.log().splitlines())

    def check_log(self):
        last = {}
        for lane, problem in self.changes():
            assert problem is None or problem not in last.values(), f"told again: {problem}"
            last[lane] = problem
            if problem is None:
                last.clear()

    def await_said(self, words):
        wait_until(lambda: any(re.search(words, problem or "") for _, problem in self.changes()), PATIENCE_S, f"a problem with {words}")

    def await_down(self, words):
        wait_until(lambda: self.metric("up") == 0, PATIENCE_S, "the sink being shown as down")
        self.await_said(words)

    def await_retries(self, number):
        before = self.metric("retries_total")
        wait_until(lambda: self.metric("retries_total") >= before + number, PATIENCE_S, "more attempts")

    def await_up(self):
        """Shown as up, and it moves."""
        wait_until(lambda: self.metric("up") == 1, PATIENCE_S, "the sink being shown as up")
        self.await_loaded()

    def await_loaded(self):
        before = self.metric("events_total")
        wait_until(lambda: self.metric("events_total") > before, PATIENCE_S, "a load")

    def await_blocked(self):
        """A session of the server waits for a lock."""
        wait_until(
            lambda: self.sql(
                "select 1 from pg_stat_activity where application_name like 'vsocd %' and datname = current_database()"
                " and wait_event_type = 'Lock'"
            ),
            PATIENCE_S,
            "a lock that is waited for",
        )


# ---- fixtures: a test module imports them -----------------------------------------------------------------------------------------


def pytest_generate_tests(metafunc):
    turn = sum(map(ord, metafunc.function.__name__)) % len(VERSIONS)
    metafunc.parametrize("version", VERSIONS if ALL_VERSIONS else (VERSIONS[turn],))


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    started = {}

    def get(version):
        if version not in started:
            started[version] = Cluster(tmp_path_factory.mktemp(f"postgres{version}"), version)
        started[version].act("start")
        return started[version]

    yield get
    for cluster in started.values():
        cluster.stop()


@pytest.fixture
def services(services, clusters, version):
    """The session's Kafka with this module's PostgreSQL of the version."""
    cluster = clusters(version)
    cluster.kafka = services
    return cluster


@pytest.fixture
def cluster(services):
    return services


@pytest.fixture
def make_case(make_stack):
    """make_case(settings=None, dsn=None) → Case, logged in as the role that the server should have; dsn makes its DSN from the database's name."""

    def make(settings=None, dsn=None):
        stack = make_stack({"log": {"format": "json"}, "timeouts": {"ack": "60s"}, **(settings or {})}, start=False)
        stack.server.migrate()
        stack.server.settings["sinks"]["postgres"]["dsn"] = (
            dsn(name_in(stack.database)) if dsn else stack.database.replace("user=postgres", "user=vsoc_ingest")
        )
        stack.server.write_config()
        stack.server.start()
        return Case(stack)

    return make
