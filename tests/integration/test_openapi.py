"""docs/openapi.yaml against a running server: every answer is one that the description allows, down to its JSON members."""

import json
import re

import jsonschema
import pytest
import yaml

from certificates import Authority, tls_settings
from harness import ROOT, event, ndjson

TEXT = (ROOT / "docs/openapi.yaml").read_text(encoding="utf-8")
DESCRIPTION = yaml.safe_load(TEXT)
EVENT_SCHEMA = json.loads((ROOT / "docs/vsoc-event.schema.json").read_text(encoding="utf-8"))


def follow(node):
    """What a node's $ref points to, else the node."""
    while isinstance(node, dict) and "$ref" in node:
        if node["$ref"] == "vsoc-event.schema.json":
            return EVENT_SCHEMA
        target = DESCRIPTION
        for word in node["$ref"].removeprefix("#/").split("/"):
            target = target[word]
        node = target
    return node


def validate(value, schema):
    # References in a schema are resolved against the whole document.
    resolver = jsonschema.RefResolver("", DESCRIPTION, store={"vsoc-event.schema.json": EVENT_SCHEMA})
    jsonschema.Draft202012Validator(schema, resolver=resolver).validate(value)


def operation(method, path):
    """The described operation of a request, by its path or by a template that fits."""
    path = path.partition("?")[0]
    for template, item in DESCRIPTION["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in item:
            return item[method.lower()]
    raise AssertionError(f"{method} {path} is not described")


def check(reply, method, path, status):
    """The answer has this status, and is as described."""
    assert reply.status == status, reply
    described = follow(operation(method, path)["responses"][str(status)])
    validate(reply.headers["Date"], DESCRIPTION["components"]["headers"]["Date"]["schema"])
    for name, header in described.get("headers", {}).items():
        header = follow(header)
        value = reply.headers.get(name)
        assert value is not None or not header.get("required"), f"{name} is missing"
        if value is not None:
            validate(int(value) if header["schema"]["type"] == "integer" else value, header["schema"])
    content = described.get("content", {})
    if not content:
        assert reply.body == b""
        return reply
    kind = reply.headers["Content-Type"]
    assert kind in content, f"{kind} is not one of {list(content)}"
    validate(reply.json if "json" in kind else reply.body.decode(), content[kind]["schema"])
    if "problem" in kind:
        assert reply.json["status"] == status
    return reply


def test_the_description_itself_is_sound():
    assert DESCRIPTION["openapi"].startswith("3.1")
    for reference in re.findall(r'"(#/[^"]+)"', TEXT):
        assert follow({"$ref": reference}), reference
    for schema in DESCRIPTION["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    example = DESCRIPTION["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]["example"]
    validate(example, DESCRIPTION["components"]["schemas"]["Event"])


def test_the_example_of_a_batch_is_taken(server):
    example = DESCRIPTION["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]["example"]
    report = check(server.post(json.dumps(example), "application/json"), "POST", "/v1/events", 200).json
    assert report["accepted"] == 1 and report["errors"] == []


def test_every_described_media_type_is_taken(server):
    syslog = b"<34>1 2026-11-22T10:15:02Z GW-3 su - ID47 - failed\n"
    qsev = bytes.fromhex("1000000067000100")
    bodies = {
        "application/json": ndjson([event(1)]),
        "application/x-ndjson": ndjson([event(2), event(3)]),
        "application/ndjson": ndjson([event(4)]),
        "application/vnd.autosar.idsm": qsev,
        "application/vnd.covesa.dlt": (ROOT / "deploy/samples/dlt.dlt").read_bytes(),
        "application/cloudevents+json": (ROOT / "deploy/samples/cloudevents.json").read_bytes(),
        "application/cloudevents-batch+json": (ROOT / "deploy/samples/cloudevents.json").read_bytes(),
        "text/plain": syslog,
        "application/octet-stream": ndjson([event(5)]),
    }
    described = set(DESCRIPTION["paths"]["/v1/events"]["post"]["requestBody"]["content"]) - {"*/*"}
    assert described == bodies.keys()
    for kind, body in bodies.items():
        assert check(server.post(body, kind), "POST", "/v1/events", 200).json["accepted"] > 0, kind
    check(server.post(syslog, "image/png", "/v1/events/syslog"), "POST", "/v1/events/syslog", 200)


def test_report_of_an_empty_batch(server):
    check(server.post("[]", "application/cloudevents-batch+json"), "POST", "/v1/events", 200)


def test_reports_of_good_mixed_and_repeated_batches(server):
    body = ndjson([event(1), event(1), event(2)]) + b"{broken\n"
    first = check(server.post(body), "POST", "/v1/events", 200).json
    assert first["batch_id"] and first["position"] == 2
    assert (first["accepted"], first["duplicates"], first["quarantined"], len(first["errors"])) == (2, 1, 1, 1)
    again = check(server.post(body), "POST", "/v1/events", 200).json
    assert again == {**first, "duplicate": True}
    minimal = check(server.post(body + b"{\n", Prefer="return=minimal"), "POST", "/v1/events", 200).json
    assert "errors" not in minimal
    many = check(server.post(b"[]x\n" * 150), "POST", "/v1/events", 422).json
    assert many["truncated"] and len(many["errors"]) == 100
    check(server.post(b"{}\n"), "POST", "/v1/events", 422)


REFUSED = [
    (400, "empty_batch", b"", {}),
    (400, "bad_encoding", b"no gzip", {"Content-Encoding": "gzip"}),
    (400, "bad_ack", b"{}", {"VSOC-Ack": "disk"}),
    (400, "ack_unavailable", b"{}", {"VSOC-Ack": "kafka"}),
    (400, "bad_vin", b"{}", {"VSOC-Vehicle": "IOQ"}),
    (400, "bad_header", b"{}", {"VSOC-Sent": "yesterday"}),
    (413, "batch_events", ndjson(event(n) for n in range(30)), {}),
    (413, "body_too_large", b"x" * 9000, {}),
    (415, "unsupported_media_type", b"{}", {"Content-Type": "image/png"}),
    (415, "unsupported_content_encoding", b"{}", {"Content-Encoding": "br"}),
    (417, "unknown_expectation", b"{}", {"Expect": "miracles"}),
    (431, "headers_too_large", b"{}", {"X-Long": "x" * 20000}),
]


def test_refusals(make_server):
    server = make_server({"limits": {"batch_events": 20, "body_bytes": 8192}})
    for status, code, body, headers in REFUSED:
        headers = {"Content-Type": "application/json", **headers}
        reply = check(server.request("POST", "/v1/events", body, headers), "POST", "/v1/events", status)
        assert reply.json["code"] == code
    check(server.post(b"{}", path="/v1/events/nothing"), "POST", "/v1/events/nothing", 404)
    check(server.request("POST", "/v1/events/" + "x" * 8000, b"{}"), "POST", "/v1/events", 414)
    check(server.post(ndjson([event(1)]), Idempotency_Key="one"), "POST", "/v1/events", 200)
    assert check(server.post(ndjson([event(2)]), Idempotency_Key="one"), "POST", "/v1/events", 409).json["code"] == "key_reused"
    wrong_method = server.request("GET", "/v1/events")
    check(wrong_method, "POST", "/v1/events", 405)
    check(server.request("HEAD", "/v1/events"), "HEAD", "/v1/events", 200)
    for path in ("/v1/events", "/v1/events/cef", "/health"):
        check(server.request("OPTIONS", path), "OPTIONS", path, 204)
    check(server.request("GET", "/health"), "GET", "/health", 200)
    check(server.request("HEAD", "/v1/events/cef"), "HEAD", "/v1/events/cef", 200)


def otlp_request(*records):
    return '{"resourceLogs":[{"scopeLogs":[{"logRecords":[%s]}]}]}' % ",".join(records)


def test_otlp_answers(make_server):
    server = make_server({"limits": {"sender_events_per_second": 1, "sender_burst": 10}})
    good, bad = '{"body":{"stringValue":"text"}}', '{"body":7}'
    for records, status in (([], 200), ([good], 200), ([good, bad], 200), ([bad], 400), ([good] * 200, 200), ([good, good], 429)):
        check(server.post(otlp_request(*records), "application/json", "/v1/logs"), "POST", "/v1/logs", status)
    for kind in ("application/json", "application/x-protobuf"):
        check(server.post(b"{}", kind, "/v1/logs", Content_Encoding="br"), "POST", "/v1/logs", 415)
        check(server.request("GET", "/v1/logs", headers={"Content-Type": kind}), "POST", "/v1/logs", 405)
    check(server.request("HEAD", "/v1/logs"), "HEAD", "/v1/logs", 200)


def test_later_says_when(make_server):
    server = make_server({"limits": {"sender_events_per_second": 1, "sender_burst": 1}})
    check(server.post(ndjson(event(n) for n in range(100))), "POST", "/v1/events", 200)
    check(server.post(ndjson([event(1000)])), "POST", "/v1/events", 429)


def test_missing_certificate(make_server, tmp_path):
    authority = Authority(tmp_path / "ca", "fleet CA")
    server = make_server(tls_settings(authority, client_auth="optional"))
    reply = server.request("POST", "/v1/events", b"{}", {"Content-Type": "application/json"}, context=authority.context())
    assert check(reply, "POST", "/v1/events", 401).json["code"] == "no_credential"


def test_splunk_routes(make_server):
    server = make_server({"limits": {"sender_events_per_second": 1, "sender_burst": 20, "body_bytes": 8192}})
    base, channel = "/services/collector", {"X-Splunk-Request-Channel": "c"}
    for path, body, headers, status in (
        ("/event", b'{"event":"a"}', channel, 200),
        ("/event", b'{"event":""}', {}, 400),
        ("/raw", b"x" * 9000, {}, 413),
        ("/event", b"{}", {"Content-Encoding": "br"}, 415),
        ("/ack", b'{"acks":[0,1]}', channel, 200),
        ("/ack", b"{}", {}, 400),
        ("/raw", b"a\n" * 100, {}, 200),
        ("/event", b'{"event":"a"}', {}, 429),
        ("/ack", b'{"acks":[]}', channel, 200),
    ):
        check(server.request("POST", base + path, body, headers), "POST", base + path, status)
    check(server.request("GET", base + "/health"), "GET", base + "/health", 200)
    check(server.request("GET", base + "/event"), "POST", base + "/event", 405)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/readyz?verbose", "/startupz", "/version", "/metrics", "/api/v1/catalog/unknown"])
def test_admin_pages(server, path):
    check(server.get(path), "GET", path, 200)


def test_metrics_want_their_token(make_server, tmp_path):
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "token").chmod(0o600)
    server = make_server({"listen": {"admin": {"token_file": str(tmp_path / "token")}}})
    for path in ("/metrics", "/api/v1/catalog/unknown"):
        check(server.get(path), "GET", path, 401)
