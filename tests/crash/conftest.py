"""Fixtures of the crash tests: those of the integration tests, a server with its sinks that can be compared with a ledger, and its load."""

import importlib.util
import pathlib
import uuid

import pytest

# By path: pytest has loaded this very file under the name conftest.
_path = pathlib.Path(__file__).resolve().parents[1] / "integration" / "conftest.py"
_spec = importlib.util.spec_from_file_location("integration_conftest", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
build, database, make_server = _module.build, _module.database, _module.make_server
server, services = _module.server, _module.services

from harness import deep_update  # noqa: E402
from ledger import check, kafka_store, postgres_store, pseudonyms, spool_store  # noqa: E402
from load import Load  # noqa: E402


class Stack:
    """A server with its sinks, topics and database of its own; .server is running."""

    def __init__(self, make_server, services, settings, postgres, kafka, **options):
        self.services, name = services, uuid.uuid4().hex[:8]
        self.topics = {kind: f"{name}.{kind}" for kind in ("events", "quarantine", "health", "findings", "progress")} if kafka else None
        self.database = services.new_database() if postgres else None
        sinks = {"kafka": {"enabled": kafka}, "postgres": {"enabled": postgres}}
        if kafka:
            sinks["kafka"] |= {"topics": self.topics, "properties": {"bootstrap.servers": services.bootstrap}}
        if postgres:
            sinks["postgres"]["dsn"] = self.database
        base = {"sinks": sinks, "log": {"level": "info", "format": "text"}}
        self.server = make_server(deep_update(base, settings or {}), **options)

    def stores(self):
        yield spool_store(self.server)
        if self.database:
            yield postgres_store(self.database)
        if self.topics:
            yield kafka_store(self.services.bootstrap, self.topics)

    def compare(self, told, sent=None, seconds=180, waited=False):
        """Waits until the sinks have all and raises LedgerError unless every store holds exactly what was told."""
        self.server.wait_for_sinks(seconds)
        check(told, self.stores(), sent, pseudonyms(self.server.settings["privacy"]["keys_file"]), waited)


@pytest.fixture
def make_stack(make_server, services):
    """make_stack(settings=None, postgres=True, kafka=True, **options of make_server) → Stack."""

    def make(settings=None, postgres=True, kafka=True, **options):
        return Stack(make_server, services, settings, postgres, kafka, **options)

    return make


@pytest.fixture
def load(build, tmp_path):
    """load(server, events, **options) → Load; all are stopped after the test."""
    loads = []

    def start(server, events, **options):
        loads.append(Load(build, server, tmp_path, events, **options))
        return loads[-1]

    yield start
    for one in loads:
        one.stop()
