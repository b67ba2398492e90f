"""docs/clients.md against the tests."""

import page
from clients import CLIENTS


def test_the_table_names_the_clients_that_are_tested():
    assert {name: (row.version, row.route) for name, row in page.rows().items()} == {one.name: (one.version, one.route) for one in CLIENTS}


def test_settings_to_copy_are_those_that_are_tested():
    blocks = page.blocks()
    assert {name for name, text in page.snippets().items() if text not in blocks} == set()
    assert page.rows().keys() - page.snippets().keys() == {"@opentelemetry/exporter-logs-otlp-proto"}  # shares those of its sibling
