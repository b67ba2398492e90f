"""POST /v1/logs: what OpenTelemetry's clients see, in both encodings, read with the official classes."""

import gzip
import json
import random

import pytest

import otlp

ROUTE = "/v1/logs"
TYPES = {"json": "application/json", "protobuf": "application/x-protobuf"}


@pytest.fixture(scope="module")
def messages():
    return otlp.Messages()


@pytest.fixture(params=TYPES)
def client(request, messages):
    return Client(messages, request.param)


class Client:
    def __init__(self, messages, encoding):
        self.messages, self.encoding, self.type = messages, encoding, TYPES[encoding]

    def encode(self, request):
        return self.messages.to_json(request) if self.encoding == "json" else request.SerializeToString()

    def decode(self, kind, reply):
        assert reply.headers["Content-Type"] == self.type
        message = kind()
        if self.encoding == "json":
            return self.messages.json_format.Parse(reply.body, message)
        message.ParseFromString(reply.body)
        return message

    def post(self, server, body, **headers):
        return server.post(body, self.type, ROUTE, **headers)

    def status(self, reply):
        return self.decode(self.messages.Status, reply)


def request_of(messages, *texts):
    request = messages.Request()
    scope = request.resource_logs.add().scope_logs.add()
    for text in texts:
        scope.log_records.add().body.string_value = text
    return request


def test_a_request_that_is_taken_whole_is_answered_without_partial_success(server, messages, client):
    request = otlp.any_request(messages, random.Random(3))
    request.MergeFrom(request_of(messages, "one"))
    reply = client.post(server, client.encode(request))
    assert reply.status == 200 and not client.decode(messages.Response, reply).HasField("partial_success"), reply
    assert len(server.export()) == len(otlp.expected_events(request))
    assert server.metric("vsocd_events_total", 'format="otlp"', 'result="accepted"') == len(otlp.expected_events(request))


def test_a_request_without_records_is_a_success_and_stores_nothing(server, messages, client):
    empty = messages.Request()
    empty.resource_logs.add().scope_logs.add()
    for body in {client.encode(messages.Request()), client.encode(empty), b""}:
        for _ in range(2):
            reply = client.post(server, body)
            assert reply.status == 200 and not client.decode(messages.Response, reply).HasField("partial_success")
    assert server.export() == []


def test_records_that_are_quarantined_are_counted_in_partial_success(server, messages, client):
    request = request_of(messages, "good", "bad", "good")
    pair = request.resource_logs[0].scope_logs[0].log_records[1].attributes.add()
    pair.key, pair.value.string_value = "vehicle.vin", "no VIN"
    for _ in range(2):
        reply = client.post(server, client.encode(request))
        partial = client.decode(messages.Response, reply).partial_success
        assert reply.status == 200 and partial.rejected_log_records == 1
        assert "bad_vin" in partial.error_message and '"index":1' in partial.error_message
    assert len(server.export()) == 3


def test_a_request_that_no_record_can_be_read_of_is_a_bad_request(server, messages, client):
    reply = client.post(server, client.encode(request_of(messages, "text"))[:-4])
    status = client.status(reply)
    assert reply.status == 400 and status.code == 3 and "malformed" in status.message
    assert [one["quarantine"]["code"] for one in server.export()] == ["malformed"]


def test_content_may_be_compressed(server, messages, client):
    reply = client.post(server, gzip.compress(client.encode(request_of(messages, "text"))), Content_Encoding="gzip")
    assert reply.status == 200 and server.export()[0]["message"] == "text"
    reply = client.post(server, b"no gzip", Content_Encoding="gzip")
    assert reply.status == 400 and "bad_encoding" in client.status(reply).message


def test_limits_hold_after_inflating_too(make_server, messages, client):
    server = make_server({"limits": {"body_bytes": "64KiB", "inflated_bytes": "128KiB", "event_bytes": "32KiB"}})
    body = client.encode(request_of(messages, *("x" * 1000 for _ in range(200))))
    for answer in (client.post(server, gzip.compress(body), Content_Encoding="gzip"), client.post(server, body),
                   server.request("POST", ROUTE, iter([body]), {"Content-Type": client.type})):
        assert answer.status == 413 and client.status(answer).code == 8, answer
    assert server.export() == []


def test_only_what_may_be_sent_again_is_answered_so(make_server, messages, client):
    server = make_server({"limits": {"sender_events_per_second": 1, "sender_burst": 1}})
    body = client.encode(request_of(messages, "a", "b", "c"))
    assert client.post(server, body).status == 200
    reply = client.post(server, body + (b" " if client.encoding == "json" else b""))
    assert reply.status == 429 and int(reply.headers["Retry-After"]) >= 1 and client.status(reply).code == 8


def test_errors_of_the_request_are_statuses(server, messages, client):
    body = client.encode(request_of(messages, "text"))
    reply = client.post(server, body, VSOC_Ack="nobody")
    assert reply.status == 400 and client.status(reply).message.startswith("bad_ack: ")
    reply = server.request("PUT", ROUTE, body, {"Content-Type": client.type})
    assert reply.status == 405 and reply.headers["Allow"] == "POST, HEAD, OPTIONS" and client.status(reply).code == 12
    assert client.post(server, body, Content_Encoding="br").status == 415
    assert server.request("HEAD", ROUTE, headers={"Content-Type": client.type}).status == 200


def test_another_content_type_is_refused(server, messages):
    reply = server.post(b"{}", "text/plain", ROUTE)
    assert reply.status == 415 and "application/x-protobuf" in reply.headers["Accept"]
    status = messages.Status()
    status.ParseFromString(reply.body)
    assert status.code == 3


@pytest.mark.parametrize("kind, answer", [
    ("application/protobuf", "application/protobuf"), ("application/protobuf; v=1", "application/protobuf"),
    ("application/vnd.google.protobuf", "application/x-protobuf"), ("Application/X-Protobuf", "application/x-protobuf")])
def test_protobuf_has_several_names(server, messages, kind, answer):
    reply = server.post(request_of(messages, "one").SerializeToString(), kind, ROUTE)
    assert reply.status == 200 and reply.headers["Content-Type"] == answer
    assert [event["message"] for event in server.export()] == ["one"]
    reply = server.request("PUT", ROUTE, b"x", {"Content-Type": kind})
    assert reply.status == 405 and reply.headers["Content-Type"] == answer


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/json; charset=utf-8"])
def test_requests_may_come_one_a_line(server, messages, kind):
    body = messages.to_json(request_of(messages, "one")) + b"\n" + messages.to_json(request_of(messages, "two")) + b"\n"
    reply = server.post(body, kind, ROUTE)
    assert reply.status == 200 and reply.headers["Content-Type"] == "application/json"
    assert [event["message"] for event in server.export()] == ["one", "two"]


def test_a_resource_names_the_vehicle_of_all_its_records(server, messages, client):
    request = request_of(messages, "one", "two")
    pair = request.resource_logs[0].resource.attributes.add()
    pair.key, pair.value.string_value = "vsoc.vin", otlp.VIN
    assert client.post(server, client.encode(request)).status == 200
    first, second = server.export()
    assert first["vehicle_pid"] == second["vehicle_pid"] and first["wmi"] == otlp.VIN[:3]
    assert otlp.VIN not in json.dumps([first, second])


def test_the_native_route_takes_requests_too(server, messages):
    request = request_of(messages, "one", "two")
    for body, kind, path in ((request.SerializeToString(), "application/x-protobuf", "/v1/events"),
                             (messages.to_json(request), "application/json", "/v1/events/otlp"),
                             (messages.to_json(request, indent=1), "text/plain", "/v1/events")):
        reply = server.post(body, kind, path)
        assert reply.status == 200 and reply.json["accepted"] == 2, reply
