"""Of all groups: how tests are shared among workers (support/sharing.py)."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))

from sharing import pytest_collection_modifyitems  # noqa: E402, F401
