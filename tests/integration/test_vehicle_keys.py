"""A VIN under a key that says so is the record's claim in every format that carries keys: whatever the key's case, its words and its depth. With a
certificate of another vehicle identity.vin_mismatch decides; a gateway's event is stored under the claimed vehicle. It shows nowhere in clear."""

import json
import struct

import pytest

from certificates import Authority, tls_settings
from test_plugins import make_plugin  # noqa: F401 (a fixture)
from vin_hunt import hunt

OWN, CLAIM = "1M8GDM9AXKP042788", "1G4AH59H45G118341"
TIME = "2026-11-22T10:15:02.250Z"
CLOUD = {"specversion": "1.0", "id": "1", "source": "urn:x", "type": "t", "time": TIME}
BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "urn:x", "ce-type": "t"}
EVE = {"timestamp": "2026-11-22T10:15:02.250000+0000", "event_type": "alert", "src_ip": "192.0.2.1",
       "alert": {"signature": "s", "signature_id": 1, "gid": 1, "rev": 1, "category": "c", "severity": 2}}
NATIVE = {"event_name": "x", "severity_id": 1}


def otlp(where):
    """The claim in one place of a request: {place: [(key, value)]}; a dict is a kvlist."""
    return {"resource": [], "scope": [], "record": [], "body": None, **where}


def otlp_json(where):
    def value(thing):
        return {"kvlistValue": {"values": pairs(thing.items())}} if isinstance(thing, dict) else {"stringValue": thing}

    def pairs(items):
        return [{"key": key, "value": value(thing)} for key, thing in items]

    record = {"severityNumber": 9, "attributes": pairs(where["record"]), "body": value(where["body"] or "b")}
    return json.dumps({"resourceLogs": [{"resource": {"attributes": pairs(where["resource"])}, "scopeLogs": [
        {"scope": {"name": "s", "attributes": pairs(where["scope"])}, "logRecords": [record]}]}]}).encode()


def otlp_protobuf(where):
    def varint(n):
        return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)

    def field(number, content):
        return varint(number << 3 | 2) + varint(len(content)) + content

    def value(thing):
        return field(6, pairs(1, thing.items())) if isinstance(thing, dict) else field(1, thing.encode())

    def pairs(number, items):
        return b"".join(field(number, field(1, key.encode()) + field(2, value(thing))) for key, thing in items)

    record = b"\x10\x09" + field(5, value(where["body"] or "b")) + pairs(6, where["record"])
    scope = field(1, field(1, b"s") + pairs(3, where["scope"])) + field(2, record)
    return field(1, field(1, pairs(1, where["resource"])) + field(2, scope))


def dlt(name, text):
    """One verbose argument with a name of its own."""
    name, text = name.encode() + b"\0", text.encode() + b"\0"
    payload = struct.pack("<IHH", 0x200 | 0x800, len(text), len(name)) + name + text
    body = b"\x41\x01GW\0\0IDS\0" + payload
    return b"\x21\x00" + struct.pack(">H", 4 + len(body)) + body


def cases(vin):
    """(name, path, content type, body, headers): one event each."""
    def one(name, path, body, kind="application/json", headers=()):
        return name, path, kind, body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode(), dict(headers)

    for key in ("VIN", "vehicleVIN", "Vehicle_Vin"):
        yield one(f"cef {key}", "/v1/events/cef", f"CEF:0|V|P|1|C|N|5|{key}={vin} msg=m", "text/plain")
    yield one("cef label", "/v1/events/cef", f"CEF:0|V|P|1|C|N|5|cs1Label=Vehicle VIN cs1={vin}", "text/plain")
    yield one("leef 1", "/v1/events/leef", f"LEEF:1.0|V|P|1|E|sev=3\tVIN={vin}", "text/plain")
    yield one("leef 2", "/v1/events/leef", f"LEEF:2.0|V|P|1|E|^|sev=3^car.Vin={vin}", "text/plain")
    yield one("eve", "/v1/events/eve", {**EVE, "VIN": vin})
    yield one("eve deeper", "/v1/events/eve", {**EVE, "http": {"vehicle": [{"Vin": vin}]}})
    yield one("hec event", "/services/collector/event", {"event": {"a": {"b": {"VIN": vin}}, "message": "m"}})
    yield one("hec native event", "/services/collector/event", {"event": {**NATIVE, "Vin": vin}})
    yield one("hec fields", "/services/collector/event", {"event": "m", "fields": {"Vehicle_VIN": vin}})
    yield one("hec raw, of JSON", "/services/collector/raw", {**NATIVE, "a": {"VIN": vin}}, "text/plain")
    yield one("hec raw, of CEF", "/services/collector/raw", f"CEF:0|V|P|1|C|N|5|VIN={vin}", "text/plain")
    yield one("cloudevents", "/v1/events", {**CLOUD, "data": {"a": {"VIN": vin}}}, "application/cloudevents+json")
    yield one("cloudevents, extension", "/v1/events", {**CLOUD, "vehiclevin": vin, "data": {"a": 1}}, "application/cloudevents+json")
    yield one("cloudevents batch", "/v1/events", [{**CLOUD, "data": {"a": {"Vin": vin}}}], "application/cloudevents-batch+json")
    yield one("cloudevents binary", "/v1/events", {"a": {"VIN": vin}}, headers=BINARY)
    yield one("cloudevents binary, extension", "/v1/events", {"a": 1}, headers={**BINARY, "ce-vehiclevin": vin})
    places = {"attribute": {"record": [("vehicle.VIN", vin)]}, "nested": {"record": [("a", {"b": {"Vin": vin}})]}, "resource": {"resource": [("vehicle.VIN", vin)]},
              "scope": {"scope": [("VIN", vin)]}, "body": {"body": {"a": {"VIN": vin}}}, "native body": {"body": {"event_name": "x", "Vin": vin}}}
    for place, where in places.items():
        yield one(f"otlp json {place}", "/v1/logs", otlp_json(otlp(where)))
        yield one(f"otlp protobuf {place}", "/v1/logs", otlp_protobuf(otlp(where)), "application/x-protobuf")
    for name, data in (("VIN", "[veh@1 VIN=\"{}\"]"), ("words", "[a@1 b=\"1\"][veh@1 vehicleVin=\"{}\"]")):
        yield one(f"syslog {name}", "/v1/events/syslog", f"<14>1 {TIME} gw app 1 - {data.format(vin)} m", "text/plain")
    yield one("syslog of CEF", "/v1/events/syslog", f"<14>Nov 29 12:00:00 gw tag: CEF:0|V|P|1|C|N|5|Vin={vin}", "text/plain")
    yield one("syslog of JSON", "/v1/events/syslog", f"<14>Nov 29 12:00:00 gw tag: {json.dumps({'event_name': 'x', 'a': {'VIN': vin}})}", "text/plain")
    yield one("auditd", "/v1/events/auditd", f"type=USER_CMD msg=audit(1700000000.123:45): pid=1 uid=0 VIN={vin}\n", "text/plain")
    yield one("auditd, msg", "/v1/events/auditd", f"type=USER_CMD msg=audit(1700000000.123:45): pid=1 uid=0 msg='op=x vin=\"{vin}\" res=failed'\n", "text/plain")
    yield one("native", "/v1/events", {**NATIVE, "VIN": vin})
    yield one("native attributes", "/v1/events", {**NATIVE, "attributes": {"Vehicle": {"vehicleIdentificationNumber": vin.lower()}}})
    yield one("native, escaped", "/v1/events", json.dumps({**NATIVE, "a": {"VIN": vin}}).replace("VIN", "\\u0056IN"))
    yield one("json", "/v1/events/json", {"message": "m", "car": [{"x": {"VIN": vin}}]})
    yield one("json, ECS", "/v1/events/json", {"@timestamp": TIME, "ecs": {"version": "8.0"}, "event": {"action": "a"}, "labels": {"vehicle_VIN": vin}})
    yield one("logcat", "/v1/events/logcat", "11-22 10:20:42.250   812   840 W diagd   : type=1400 audit(0.0:4711): avc: denied { write } for name=\"can0\" "
              f"scontext=u:r:diagd:s0 tcontext=u:object_r:sysfs_net:s0 tclass=file permissive=0 VIN={vin}\n", "text/plain")
    yield one("dlt", "/v1/events/dlt", dlt("VIN", vin), "application/vnd.covesa.dlt")
    yield one("plug-in", "/v1/events/outside", {"a": {"VIN": vin}}, "text/plain")


@pytest.fixture
def served(make_server, make_plugin, tmp_path):  # noqa: F811
    """serve(policy) → server and the contexts of a vehicle and of a gateway."""
    def serve(policy):
        authority = Authority(tmp_path / "ca")
        plugin = make_plugin(AT_PARSE="EVENT_SET(&event,attributes,record)")
        server = make_server({**tls_settings(authority), "identity": {"vin_mismatch": policy, "senders_file": authority.sender()},
                              "ingest": {"plugins": [str(plugin)]}})
        return server, authority.context(authority.vehicle(OWN)), authority.context(authority.gateway())

    return serve


def send(server, context, case):
    _, path, kind, body, headers = case
    return server.request("POST", path, body, {"Content-Type": kind, **headers}, context=context)


def pids_of(server, context):
    """Pseudonyms of both vehicles, as the server makes them for native events of a gateway."""
    for vin in (OWN, CLAIM):
        assert send(server, context, ("", "/v1/events", "application/json", json.dumps({**NATIVE, "vin": vin}).encode(), {})).status == 200
    own, claim = (one["vehicle_pid"] for one in server.export())
    assert own != claim
    return own, claim


def in_clear(server):
    """The claim wherever it shows behind the server, the evidence's bytes left out."""
    found = []
    for one in server.export():
        one.get("quarantine", {}).pop("raw", None)
        found += hunt(json.dumps(one).encode(), [CLAIM])
    return found + hunt(server.log_path.read_bytes(), [CLAIM])


def wrong(names, rows, right):
    assert len(names) == len(rows), (len(names), len(rows))
    return [(name, row) for name, row in zip(names, rows) if not right(row)]


def test_a_claim_in_any_format_is_refused_where_that_is_the_policy(served):
    server, vehicle, _ = served("reject")
    replies = [(case[0], send(server, vehicle, case)) for case in cases(CLAIM)]
    assert not [(name, reply) for name, reply in replies if reply.status != 403 or b"vehicle than the certificate" not in reply.body]
    assert not [(name, reply) for name, reply in replies if hunt(reply.body, [CLAIM])]
    assert server.export() == []
    # The certificate's own vehicle passes in each of them.
    replies = [(case[0], send(server, vehicle, case)) for case in cases(OWN)]
    assert not [(name, reply) for name, reply in replies if reply.status != 200]


def test_a_claim_in_any_format_is_quarantined_where_that_is_the_policy(served):
    server, vehicle, _ = served("quarantine")
    names = [case[0] for case in cases(CLAIM)]
    replies = [send(server, vehicle, case) for case in cases(CLAIM)]
    assert not [reply for reply in replies if hunt(reply.body, [CLAIM])]
    assert not wrong(names, server.export(), lambda row: row.get("quarantine", {}).get("code") == "vin_mismatch")
    assert not in_clear(server)


def test_a_claim_in_any_format_is_flagged_where_that_is_the_policy(served):
    server, vehicle, gateway = served("flag")
    own, claim = pids_of(server, gateway)
    names = [case[0] for case in cases(CLAIM)]
    replies = [send(server, vehicle, case) for case in cases(CLAIM)]
    assert not [(name, reply) for name, reply in zip(names, replies) if reply.status != 200]
    assert not wrong(names, server.export()[2:], lambda row: (row.get("vehicle_pid"), row.get("claimed_vehicle_pid")) == (own, claim))
    assert not in_clear(server)


def test_a_claim_in_any_format_is_the_vehicle_of_a_gateways_event(served):
    server, _, gateway = served("quarantine")
    _, claim = pids_of(server, gateway)
    names = [case[0] for case in cases(CLAIM)]
    replies = [send(server, gateway, case) for case in cases(CLAIM)]
    assert not [(name, reply) for name, reply in zip(names, replies) if reply.status != 200]
    assert not wrong(names, server.export()[2:], lambda row: row.get("vehicle_pid") == claim and "claimed_vehicle_pid" not in row)
    assert not in_clear(server)
