"""A hook of pytest: shares tests among workers one by one (pytest-xdist, --dist loadgroup), long files first.

Tests with a fixture of module or class scope stay together, because a second worker would make the fixture again: those of a
file that also have the same parameter of that scope. A mark xdist_group of the test's own wins.
"""

import pathlib

import pytest

# Files of long tests, the longest first: what starts last must be short, or the other workers wait for it.
LONGEST = [
    "test_kill.py", "test_power_loss.py", "test_points.py", "test_outage.py", "test_kafka_cluster_faults.py", "test_kafka_faults.py",
    "test_memory.py", "test_io_errors.py", "test_postgres_returns.py", "test_postgres_faults.py", "test_kafka_sink.py",
    "test_postgres_sink.py", "test_postgres_access.py", "test_hostile.py",
]

# Fixtures of module scope that cost less than the wait of other workers.
CHEAP = {"messages", "compose", "oracles", "python_can", "pki", "sample"}


def group_of(item):
    """Name of the group of a test, None: a test alone."""
    if item.get_closest_marker("xdist_group"):
        return None
    definitions = item._fixtureinfo.name2fixturedefs
    shared = {name for name, found in definitions.items() if found[-1].scope in ("module", "class")} - CHEAP
    if not shared:
        return None
    callspec = getattr(item, "callspec", None)
    chosen = [str(callspec.indices[name]) for name in sorted(shared) if callspec and name in callspec.indices]
    return "-".join([item.path.stem, *chosen])


def rank(item):
    return LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items):
    for item in items:
        group = group_of(item)
        if group:
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=rank)
