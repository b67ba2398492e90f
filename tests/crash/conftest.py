"""The crash tests use the fixtures of the integration tests."""

import importlib.util
import pathlib

# By path: pytest has loaded this very file under the name conftest.
_path = pathlib.Path(__file__).resolve().parents[1] / "integration" / "conftest.py"
_spec = importlib.util.spec_from_file_location("integration_conftest", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
build, database, make_server = _module.build, _module.database, _module.make_server
server, services = _module.server, _module.services
