"""Programs that can't be had where the tests run: their requests, byte for byte as their sources write them, are replayed.

No client ran here: what these do on errors is from their sources (docs/clients.md, "Replayed requests").
"""

import gzip
import http.client
import json
import zlib

import pytest

NAME = "SEV_UDS_SECURITY_ACCESS_FAILED"
TIME = "2026-11-22T10:15:02.250Z"


def record(n, **more):
    return {"id": f"r{n}", "event_name": NAME, "sensor_kind": "can_ids", "message": f"event {n}", **more}


def compact(one):
    return json.dumps(one, separators=(",", ":"), ensure_ascii=False)


def head(path, body, *lines, method="POST"):
    length = [f"Content-Length: {len(body)}"] if method == "POST" else []
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, *length, "", ""]).encode() + body


def fluent_bit(path, body, kind, *more):
    """plugins/out_http/http.c, plugins/out_splunk/splunk.c and src/flb_http_client.c."""
    lines = ["Host: 127.0.0.1:8443", "Connection: keep-alive", f"Content-Length: {len(body)}", f"Content-Type: {kind}", *more]
    return "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""]).encode() + body


def fluent_bit_http(layout):
    # json_date_key time and json_date_format iso8601
    rows = [compact({"time": "2026-11-22T10:15:02.250000Z", **record(n)}) for n in range(3)]
    body, kind = {
        "json": ("[" + ",".join(rows) + "]", "application/json"),
        "json_stream": ("".join(rows), "application/json"),
        "json_lines": ("".join(row + "\n" for row in rows), "application/x-ndjson"),
    }[layout]
    return [fluent_bit("/v1/events", body.encode(), kind, "User-Agent: Fluent-Bit")]


def fluent_bit_splunk():
    rows = "".join(compact({"time": 1795342502.25, "host": "GW-3", "event": record(n)}) for n in range(3))
    more = ["User-Agent: Fluent-Bit", "Authorization: Splunk 0b0c", "Content-Encoding: gzip"]
    return [fluent_bit("/services/collector/event", gzip.compress(rows.encode()), "application/json", *more)]


def vector(path, body, kind, *more):
    """src/sinks/http/service.rs over hyper: names in lower case."""
    agent = "user-agent: Vector/0.50.0 (x86_64-unknown-linux-gnu)"
    return head(path, body, f"content-type: {kind}", *more, agent, "accept-encoding: identity", "host: 127.0.0.1:8443")


def vector_http(framing):
    # A remap of `.time = del(.timestamp)` before the sink
    rows = [compact({**record(n), "time": TIME}) for n in range(3)]
    check = head("/v1/events", b"", "user-agent: Vector/0.50.0 (x86_64-unknown-linux-gnu)", "host: 127.0.0.1:8443", method="HEAD")
    if framing == "newline_delimited":
        return [check, vector("/v1/events", gzip.compress("\n".join(rows).encode()), "application/x-ndjson", "content-encoding: gzip")]
    return [check, vector("/v1/events", zlib.compress(f"[{','.join(rows)}]".encode()), "application/json", "content-encoding: deflate")]


def vector_splunk():
    rows = "".join(compact({"event": record(n), "fields": {}, "time": 1795342502.25, "host": "GW-3"}) for n in range(3))
    check = head("/services/collector/health/1.0", b"", "authorization: Splunk 0b0c", "host: 127.0.0.1:8443", method="GET")
    channel = "x-splunk-request-channel: 6f1b3f9a-6f0e-4a38-9d7f-2c1f8c0f4c11"
    more = ["content-encoding: gzip", "authorization: Splunk 0b0c", channel]
    return [check, vector("/services/collector/event", gzip.compress(rows.encode()), "application/json", *more)]


def logstash(layout):
    """lib/logstash/outputs/http.rb over Manticore and Apache HttpClient."""
    rows = [compact({**record(n), "time": TIME, "@version": "1", "@timestamp": TIME}) for n in range(3)]
    bodies = ["[" + ",".join(rows) + "]"] if layout == "json_batch" else rows
    more = ["Connection: Keep-Alive", "Content-Type: application/json", "Host: 127.0.0.1:8443", "User-Agent: Manticore 0.9.1"]
    return [head("/v1/events", body.encode(), *more, "Accept-Encoding: gzip,deflate") for body in bodies]


def rsyslog(layout):
    """contrib/omhttp/omhttp.c over libcurl."""
    rows = [compact({**record(n), "time": TIME}) for n in range(3)]
    body = {"newline": "\n".join(rows), "jsonarray": f"[{','.join(rows)}]"}[layout]
    return [head("/v1/events", body.encode(), "Host: 127.0.0.1:8443", "Accept: */*", "Content-Type: application/json; charset=utf-8")]


REPLAYED = {
    "Fluent Bit http, json": lambda: fluent_bit_http("json"),
    "Fluent Bit http, json_stream": lambda: fluent_bit_http("json_stream"),
    "Fluent Bit http, json_lines": lambda: fluent_bit_http("json_lines"),
    "Fluent Bit splunk": fluent_bit_splunk,
    "Vector http, newline_delimited": lambda: vector_http("newline_delimited"),
    "Vector http, character_delimited": lambda: vector_http("character_delimited"),
    "Vector splunk_hec_logs": vector_splunk,
    "Logstash http, json": lambda: logstash("json"),
    "Logstash http, json_batch": lambda: logstash("json_batch"),
    "rsyslog omhttp, newline": lambda: rsyslog("newline"),
    "rsyslog omhttp, jsonarray": lambda: rsyslog("jsonarray"),
}


def answer(connection, method):
    """Status of the next answer on a kept connection."""
    reply = http.client.HTTPResponse(connection, method=method)
    reply.begin()
    reply.read()
    return reply.status


@pytest.mark.parametrize("name", REPLAYED)
def test_a_replayed_request_becomes_events(make_server, name):
    server = make_server()
    requests = REPLAYED[name]()
    with server.connect() as connection:
        for request in requests:
            connection.sendall(request)
            assert answer(connection, request.split(b" ", 1)[0].decode()) == 200
    events = server.export()
    assert [(one["source_event_id"], one["event_name"], one["message"]) for one in events] == [(f"r{n}", NAME, f"event {n}") for n in range(3)]
    assert {one["time_event_ns"] for one in events} == {"1795342502250000000"}
