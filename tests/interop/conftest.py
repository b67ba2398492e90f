"""Fixtures of the interop tests: those of the crash tests, of which the stack and its ledger are used."""

import importlib.util
import pathlib

# By path: pytest has loaded this very file under the name conftest.
_path = pathlib.Path(__file__).resolve().parents[1] / "crash" / "conftest.py"
_spec = importlib.util.spec_from_file_location("crash_conftest", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
build, make_server, services, make_stack = _module.build, _module.make_server, _module.services, _module.make_stack
