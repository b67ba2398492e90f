"""The crash tests use the fixtures of the integration tests."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from conftest import build, database, make_server, server, services  # noqa: E402,F401
