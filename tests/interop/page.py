"""What docs/clients.md says."""

import re
import textwrap
from typing import NamedTuple

import fetched
from front import FAULTS

TEXT = (fetched.ROOT / "docs" / "clients.md").read_text()
SOURCES = [path for path in sorted((fetched.ROOT / "tests" / "interop").rglob("*.*")) if path.suffix in {".py", ".sh", ".cjs", ".go", ".java", ".conf", ".yaml"}]


class Row(NamedTuple):
    version: str
    route: str
    coding: str  # Content-Encoding
    connections: str  # kept, or each request has its own
    faults: dict  # {fault: again, told or lost}


def rows():
    """{client: Row} of the table."""
    found = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \| `([^|`]+)`" + r" \| (\w+)" * 6 + r" \|$", TEXT, re.M)
    return {name: Row(*columns[:4], dict(zip(FAULTS, columns[4:]))) for name, *columns in found}


def blocks():
    """The code blocks."""
    return re.findall(r"^```\w*\n(.*?)^```$", TEXT, re.M | re.S)


def snippets():
    """{client: the lines of a source between `docs/clients.md: CLIENT` and `end`}"""
    found = {}
    for path in SOURCES:
        for name, lines in re.findall(r"^[ \t]*(?:#|//) docs/clients\.md: ([^\n]+)\n(.*?)^[ \t]*(?:#|//) end$", path.read_text(), re.M | re.S):
            found[name] = textwrap.dedent(lines.expandtabs(4)).rstrip() + "\n"
    return found
