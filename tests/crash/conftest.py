"""Fixtures of the crash tests: those of the integration tests, a server with its sinks that can be compared with a ledger, and its load."""

import importlib.util
import pathlib

import pytest

# By path: pytest has loaded this very file under the name conftest.
_path = pathlib.Path(__file__).resolve().parents[1] / "integration" / "conftest.py"
_spec = importlib.util.spec_from_file_location("integration_conftest", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
build, database, make_server = _module.build, _module.database, _module.make_server
server, services = _module.server, _module.services

from load import Load  # noqa: E402
from stack import Stack  # noqa: E402


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
