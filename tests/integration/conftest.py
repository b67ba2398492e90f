"""Fixtures of the tests against a running server: one PostgreSQL and one Kafka a session, one vsocd a test."""

import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[0:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "crash")]

from harness import Vsocd, Services  # noqa: E402


@pytest.fixture(scope="session")
def build():
    """Folder with the programs under test."""
    return pathlib.Path(os.environ.get("VSOCD_BUILD", ROOT / "build" / "dev"))


@pytest.fixture(scope="session")
def services(tmp_path_factory):
    """PostgreSQL and Kafka, each started when a test first asks for it."""
    started = Services(tmp_path_factory.mktemp("services"))
    yield started
    started.stop()


@pytest.fixture
def database(services):
    """DSN of an empty database of the test's own."""
    return services.new_database()


@pytest.fixture
def make_server(build, tmp_path):
    """make_server(**settings) → a running Vsocd; all are stopped after the test."""
    servers = []

    def make(settings=None, start=True, **options):
        server = Vsocd(build, tmp_path / f"server{len(servers)}", settings or {}, **options)
        servers.append(server)
        if start:
            server.start()
        return server

    yield make
    for server in servers:
        server.stop_for_good()


@pytest.fixture
def server(make_server):
    """A server without sinks on plain HTTP."""
    return make_server()
