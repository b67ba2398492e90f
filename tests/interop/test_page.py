"""docs/clients.md against the tests."""

import re

import page
from clients import CLIENTS
from test_replayed import REPLAYED


def test_the_table_names_the_clients_that_are_tested():
    assert {name: (row.version, row.route) for name, row in page.rows().items()} == {one.name: (one.version, one.route) for one in CLIENTS}


def test_settings_to_copy_are_those_that_are_tested():
    blocks = page.blocks()
    assert {name for name, text in page.snippets().items() if text not in blocks} == set()
    assert page.rows().keys() - page.snippets().keys() == {"@opentelemetry/exporter-logs-otlp-proto"}  # shares those of its sibling


def test_replayed_requests_are_named_as_such():
    section = page.TEXT.split("## Replayed requests")[1]
    assert set(re.findall(r"^\| ([^|]+?) \|", section, re.M)) - {"program and layout", "---"} == set(REPLAYED)
