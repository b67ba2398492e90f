"""The batch that README.md posts, and the report that it and docs/api.md show for it."""

import gzip
import json
import re

import pytest

from certificates import Authority, tls_settings
from harness import ROOT


@pytest.mark.parametrize("page", ["README.md", "docs/api.md"])
def test_report_that_the_pages_show_is_what_comes(make_server, tmp_path, page):
    shown = json.loads(re.search(r'^```json\n(\{"batch_id".*?)^```', (ROOT / page).read_text(), flags=re.M | re.S)[1])
    authority = Authority(tmp_path / "ca", "demo fleet CA")
    server = make_server(tls_settings(authority))
    body = gzip.compress((ROOT / "deploy/samples/vsoc_json.ndjson").read_bytes())
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    context = authority.context(authority.vehicle("1M8GDM9AXKP042788"))
    reply = server.request("POST", "/v1/events", body, headers, context=context)
    assert reply.status == 200
    changing = {"batch_id": "", "position": 0}
    assert {**reply.json, **changing} == {**shown, **changing}
    assert list(reply.json) == list(shown)
