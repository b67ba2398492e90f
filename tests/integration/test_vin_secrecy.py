"""No VIN leaves the server in clear: 20 are planted in every place that a sender controls, and every output is searched for them. The spool's
bodies and the bytes in vsoc.quarantine are as received; nothing else may show one, nor a hash that a dictionary of VINs gives back."""

import base64
import gzip
import hashlib
import json
import re
import ssl
import struct
import uuid

import pytest
from cryptography import x509

import spool_reader
from certificates import Authority, tls_settings
from harness import consume, query, topics_of
from vin_hunt import dedup_key, dictionary, hunt, make_vin, plain_dedup_keys

VINS = [make_vin(n) for n in range(20)]
OWN, HEADER, CLAIMED, IN_TEXT, IN_KEY, NESTED, LOWER, IN_ID, IN_HOST, ESCAPED = VINS[:10]
IN_BYTES, IN_NAME, QUARANTINED, UNKNOWN_ID, IN_QUERY, IN_TRACE, IN_IDEMPOTENCY, IN_TYPE, IN_REQUEST_ID, IN_TOKEN = VINS[10:]
OTHERS = [vin for vin in VINS if vin != OWN]
NO_DIGIT = "WVWZZZ1JZXW000001"  # its check digit says nothing: known only because somebody claims it
PLATOON = [f"WVWZZZ1JZXW00001{n}" for n in range(10)]  # as that one: known by their keys
NAMED = "WVWZZZ1JZXW000029"  # as that one: known by the word before it
SPELLED = [f"WVWZZZ1JZXW0001{n}" for n in range(10, 21)]  # as that one: each known in another way
# No vehicle, but what the words of an event would look like in clear: the hunt itself is hunted.
CONTROL = "1M8GDM9AXKP042788"


def spread(text):
    """The text with each of the others in turn, so that none hides behind another."""
    return " ".join(text.format(vin) for vin in OTHERS)


def grouped(vin, gap="-"):
    return gap.join((vin[:3], vin[3:9], vin[9:11], vin[11:]))


def wide(vin):
    return "".join(chr(ord(c) + 0xFEE0) for c in vin)


def escaped(vin):
    return "%" + vin[0].encode().hex() + vin[1:]


def native():
    vin = IN_TEXT
    texts = {
        "message": spread("vehicle {0}") + f" /v/{escaped(ESCAPED)} {OWN.lower()}",
        "event_name": f"SEV_{IN_NAME}", "ecu_id": f"ecu-{IN_HOST}", "id": f"{IN_ID}-1", "sw_baseline": f"sw {vin}", "model_code": vin,
        "vehicle_type_id": vin, "rule_id": f"r:{vin}", "rule_version": vin, "signature_ref": vin, "severity_source": vin, "bus_id": vin,
        "power_state": vin, "retention_class": vin, "legal_basis": vin, "ecu_sw_version": vin, "sensor_kind": f"can {vin}",
        "cve": [f"CVE {vin}"], "cwe": [vin], "process_name": vin, "process_executable": f"/opt/{vin}/x", "process_command_line": f"x {vin}",
        "user_name": vin, "user_id": vin, "file_path": f"/data/{vin}.log", "event_category": f"c {vin}",
    }
    nested = {IN_KEY: {"deep": [{"vehicle.VIN": NESTED, "x": f"\n{LOWER.lower()}"}]}, "hex": IN_BYTES.encode().hex(),
              "spaced": " ".join(f"{b:02X}" for b in b"\x62\xf1\x90" + IN_BYTES.encode()), "base64": base64.b64encode(b"vin=" + IN_BYTES.encode()).decode(),
              "json": json.dumps({"vin": IN_TEXT}), "n": 12345678901234567}
    one = {"severity_id": 3, **texts, "attributes": nested, "context_raw": base64.b64encode(b"\x01\x11" + IN_BYTES.encode() + b"\0").decode()}
    yield one
    yield {"event_name": "x", "severity_id": 1, "VIN": CLAIMED}
    yield {"event_name": "x", "severity_id": 1, "attributes": {"Vehicle": {"vehicleIdentificationNumber": CLAIMED.lower()}}}
    yield {"event_name": "x", "severity_id": 1, "time": f"soon {IN_TEXT}"}
    yield {"event_name": "x", "severity_id": 1, "peer": {"vin": NO_DIGIT}, "vin": OWN, "message": f"met {NO_DIGIT} and {NO_DIGIT.lower()}"}
    yield {"event_name": "x", "severity_id": 1, "vin": OWN, "platoon": [{"vin": vin} for vin in PLATOON[:7]], "peerVINs": PLATOON[7:9], "fin": PLATOON[9]}
    yield {"event_name": "x", "severity_id": 1, "message": f"met VIN={NAMED} today", "note": json.dumps({"vin": NAMED})}
    yield {"event_name": "x", "severity_id": 1, "message": f"VIN is {SPELLED[0]}, VIN: {SPELLED[1]}, vin = {SPELLED[2]} a=1&VIN%3D{SPELLED[3]}"}
    yield {"event_name": "x", "severity_id": 1, "vin2": SPELLED[4], "a": {"vin_1": SPELLED[4], "vehicle": {"id": SPELLED[5]}, "vehicle.id": SPELLED[6]}}
    yield {"event_name": "x", "severity_id": 1, "peer": {"vin": {"value": SPELLED[7]}}, "message": f"met {SPELLED[7]}, x{grouped(SPELLED[7])}y"}
    yield {"event_name": "x", "severity_id": 1, "car.vin": grouped(SPELLED[8], " "), "message": f"met {SPELLED[8]}", "fin": wide(SPELLED[9])}
    yield {"event_name": "x", "severity_id": 1, "message": f"VIN: {grouped(SPELLED[10])}", "host": wide(IN_HOST), "user_name": f"{wide(IN_TEXT[:9])}{IN_TEXT[9:]}"}
    for gap in "-. _":
        yield {"event_name": f"g {grouped(IN_NAME, gap)}", "severity_id": 1, "message": f"met {grouped(IN_TEXT, gap)} and {grouped(OWN.lower(), gap)}",
               "note": f"x{grouped(CLAIMED, gap)}y", "vin": CLAIMED}
    yield {"event_name": "x", "severity_id": QUARANTINED}
    yield {"event_name": "x", "severity_id": 1, f"severtiy_{QUARANTINED}": 1, "confidence": f"{QUARANTINED}"}
    yield {"event_name": "x", "severity_id": 1, "vin": f"{QUARANTINED}Z"}


def dlt_message(payload, arguments=1):
    body = b"\x41" + bytes([arguments]) + b"GW\0\0IDS\0" + payload
    return b"\x21\x00" + struct.pack(">H", 4 + len(body)) + body


def dlt():
    text = f"speed {IN_TEXT}\0".encode()
    return dlt_message(struct.pack("<IH", 0x200, len(text)) + text) + dlt_message(struct.pack("<IH", 0x400, 17) + IN_BYTES.encode())


def otlp_json():
    value = lambda text: {"stringValue": text}
    record = {"timeUnixNano": "1795342502250000000", "severityNumber": 9, "body": value(f"b {IN_TEXT}"), "attributes": [
        {"key": "vehicle.VIN", "value": value(CLAIMED)}, {"key": f"k.{IN_KEY}", "value": {"bytesValue": base64.b64encode(IN_BYTES.encode()).decode()}},
        {"key": "list", "value": {"arrayValue": {"values": [value(IN_TEXT), {"kvlistValue": {"values": [{"key": IN_KEY, "value": value(LOWER.lower())}]}}]}}}]}
    by_map = {"body": {"kvlistValue": {"values": [{"key": "VIN", "value": value(CLAIMED)}, {"key": "event_name", "value": value("X")},
                                                  {"key": "severity_id", "value": {"intValue": "3"}}]}}}
    return {"resourceLogs": [{"resource": {"attributes": [{"key": "vehicle.id", "value": value(IN_TEXT)}, {"key": "host.name", "value": value(IN_HOST)}]},
                              "scopeLogs": [{"scope": {"name": f"scope {IN_NAME}"}, "logRecords": [record, by_map]}]}]}


LINES = {
    "syslog": [
        f"<14>1 2026-04-27T15:46:41Z {IN_HOST} app{IN_ID[:4]} - {IN_ID} [veh@1 VIN=\"{CLAIMED}\" n=\"{IN_TEXT}\"] m {IN_TEXT}",
        f"<14>1 2026-04-27T15:46:41Z gw app 1 - [veh@1 vin=\"{CLAIMED}\"]x",
        f"<14>Nov 29 12:00:00 {IN_HOST} tag[1]: said {LOWER.lower()} {escaped(ESCAPED)}",
        f"<14>Nov 29 12:00:00 gw tag: no frame from vin: {NAMED}",
        f"<14>Nov 29 12:00:00 gw tag: CEF:0|V|P|1|C|N|5|VIN={CLAIMED} msg=x {IN_TEXT}",
    ],
    "cef": [
        f"CEF:0|V|P|1|{UNKNOWN_ID}|{IN_NAME}|5|VIN={CLAIMED} msg=m {IN_TEXT} cs1Label=Vehicle VIN cs1={CLAIMED} {IN_KEY}=k shost={IN_HOST} duser={IN_TEXT}",
        f"CEF:0|V|P|1|C|N|5|cs2Label={IN_KEY} cs2=x cs3Label=note cs3={ESCAPED[:8]}\\={ESCAPED}",
        f"CEF:x|{QUARANTINED}",
    ],
    "leef": [f"LEEF:1.0|V|P|1|{UNKNOWN_ID}|VIN={CLAIMED}\tmsg={IN_TEXT}\t{IN_KEY}=v\tidentHostName={IN_HOST}", f"LEEF:9|{QUARANTINED}"],
    "auditd": [
        f"type=AVC msg=audit(1700000000.123:45): avc:  denied  {{ read }} for  pid=1 comm=\"{IN_NAME}\" name={IN_BYTES.encode().hex().upper()} vin={CLAIMED}",
        f"node={IN_HOST} type=EXECVE msg=audit(1700000000.123:46): argc=2 a0=\"ls\" a1={IN_BYTES.encode().hex().upper()}",
        f"type=USER_LOGIN msg=audit(1700000000.123:47): pid=1 uid=0 msg='op=login acct=\"{IN_TEXT}\" exe=\"/x/{IN_TEXT}\" hostname={IN_HOST} res=failed'",
    ],
    "candump": [f"(1700000000.000000) can0 123##1{(IN_BYTES.encode() + bytes(3)).hex().upper()}", f"(1700000000.000000) c{IN_HOST[:12]} 1#zz{QUARANTINED}"],
    "eve": [
        json.dumps({"timestamp": "2026-11-22T10:15:02.250000+0000", "event_type": "alert", "src_ip": "192.0.2.1", "VIN": CLAIMED, "host": IN_HOST,
                    "alert": {"signature": f"sig {IN_TEXT}", "signature_id": 1, "gid": 1, "rev": 1, "category": IN_NAME, "severity": 2,
                              "metadata": {IN_KEY: [IN_TEXT]}}, "http": {"url": f"/a?v={escaped(ESCAPED)}", "vehicle": {"Vin": CLAIMED}}}),
        json.dumps({"timestamp": QUARANTINED, "event_type": f"t {QUARANTINED}"}),
    ],
}
HEC = [
    {"time": 1795342502, "host": IN_HOST, "source": f"s:{IN_TEXT}", "sourcetype": IN_NAME, "index": IN_TEXT, "event": {"VIN": CLAIMED, "message": IN_TEXT, IN_KEY: 1}},
    {"event": f"text {IN_TEXT}", "fields": {"Vehicle_VIN": CLAIMED, "n": IN_TEXT, IN_KEY: "k"}},
    {"event": {"event_name": "x", "severity_id": 3, "a": {"b": {"VIN": CLAIMED}}}},
]
CLOUD = {"specversion": "1.0", "id": f"c-{IN_ID}", "source": f"urn:x:{IN_TEXT}", "type": f"t.{IN_NAME}", "subject": f"s {IN_TEXT}", "vin": CLAIMED,
         "note": IN_TEXT, "data": {"event_name": "x", "severity_id": 3, "peer": {"Vin": NESTED}, IN_KEY: IN_TEXT}}


def twice(key):
    """A record whose refusal names the key."""
    return f'{{"event_name":"e","severity_id":1,"{key}":1,"{key}":2}}\n'.encode()


def requests():
    """(path, content type, body, headers)"""
    lines = lambda name: "".join(line + "\n" for line in LINES[name]).encode()
    yield "/v1/events", "application/x-ndjson", "".join(json.dumps(one) + "\n" for one in native()).encode(), {}
    yield "/v1/events", "application/x-ndjson", b'{"event_name":"e","severity_id":1,"message":"\\u0031' + ESCAPED[1:].encode() + b'"}\n', {}
    yield "/v1/events", "application/x-ndjson", b'{"event_name":"e","severity_id":1,"a":{"\\u0076IN":"\\u0031' + CLAIMED[1:].encode() + b'"}}\n', {}
    yield "/v1/events", "application/x-ndjson", f"{{broken {QUARANTINED}\n".encode(), {}
    yield "/v1/events", "application/x-ndjson", twice(QUARANTINED), {}
    for name in LINES:
        yield f"/v1/events/{name}", "text/plain", lines(name), {}
    yield "/v1/events/dlt", "application/vnd.covesa.dlt", dlt() + QUARANTINED.encode(), {}
    yield "/v1/events/qsev", "application/vnd.autosar.idsm", bytes.fromhex("1100000067000100") + b"\x12v" + IN_BYTES.encode(), {}
    yield "/v1/events", "application/cloudevents+json", json.dumps(CLOUD).encode(), {}
    yield "/v1/events", "application/cloudevents-batch+json", json.dumps([CLOUD | {"id": "2", "data_base64": base64.b64encode(IN_BYTES.encode()).decode()} ]).encode(), {}
    yield "/v1/events", "application/json", json.dumps({"event_name": "x", "severity_id": 1}).encode(), {
        "ce-specversion": "1.0", "ce-id": f"h-{IN_ID}", "ce-source": f"urn:{IN_TEXT}", "ce-type": IN_NAME, "ce-subject": IN_TEXT, "ce-note": IN_TEXT}
    yield "/services/collector/event", "application/json", "".join(map(json.dumps, HEC)).encode(), {}
    yield f"/services/collector/raw?host={IN_QUERY}&source={IN_QUERY}&sourcetype={IN_QUERY}", "text/plain", f"raw {IN_TEXT}\nVIN={CLAIMED}\n".encode(), {
        "X-Splunk-Request-Channel": str(uuid.uuid4())}
    yield "/v1/logs", "application/json", json.dumps(otlp_json()).encode(), {}


HEADERS = {
    "Idempotency-Key": f"key-{IN_IDEMPOTENCY}-{{0}}", "traceparent": f"00-{IN_TRACE}-01", "X-Request-Id": f"req-{IN_REQUEST_ID}", "VSOC-ECU": f"e {IN_HOST}",
    "VSOC-Software": f"sw {IN_TEXT}", "User-Agent": f"ua {IN_TEXT}", "Prefer": IN_TEXT, "Referer": IN_TEXT,
}
# Each is refused; what is logged of it must not tell.
REFUSED = [
    (f"/v1/events/{IN_QUERY}", {}), (f"/{IN_QUERY}?vin={IN_QUERY}", {}), ("/v1/events", {"Content-Encoding": IN_TYPE}), ("/v1/events", {"Content-Type": f"a/{IN_TYPE}"}),
    ("/v1/events", {"VSOC-Vehicle": f"{HEADER}9"}), ("/v1/events", {"VSOC-Ack": HEADER}), ("/v1/events", {"VSOC-Sent": HEADER}),
    ("/v1/events", {"Idempotency-Key": f"{IN_IDEMPOTENCY}\t"}), ("/v1/events", {"Authorization": f"Bearer {IN_TOKEN}"}),
]


@pytest.fixture
def served(make_server, services, database, tmp_path):
    """What was sent: the server, its topics, its files and all answers."""
    prefix = f"v{uuid.uuid4().hex[:8]}"
    topics = topics_of(prefix)
    authority = Authority(tmp_path / "ca")
    listed = authority.folder / "senders"
    listed.write_text("".join(open(authority.sender(dns=dns), encoding="utf-8").read() for dns in ("gateway.demo", "named.demo")).replace("gateway-1", "gateway-2", 1))
    server = make_server({
        **tls_settings(authority, client_auth="optional"),
        "identity": {"vin_mismatch": "flag", "senders_file": str(listed), "tokens_file": str(tmp_path / "tokens")},
        "sinks": {
            "kafka": {"enabled": True, "topics": topics, "properties": {"bootstrap.servers": services.bootstrap}},
            "postgres": {"enabled": True, "dsn": database}, "file": {"enabled": True, "path": str(tmp_path / "out.ndjson")},
        },
    }, start=False)
    token = server.run("token", "new", "--file", tmp_path / "tokens", "--tenant", "demo", "--id", "of-vehicle").stdout.decode().strip()
    # `token new` makes no such id, but an editor may.
    (tmp_path / "tokens").write_text((tmp_path / "tokens").read_text().replace("of-vehicle", f"of-{IN_TOKEN}"))
    token = token.replace("of-vehicle", f"of-{IN_TOKEN}")
    server.start()
    senders = {
        "vehicle": authority.context(authority.vehicle(OWN)), "gateway": authority.context(authority.gateway()),
        "stranger": authority.context(authority.issue("stranger", f"gw {IN_NAME}", organization=f"o {IN_NAME}")),
        "named": authority.context(authority.issue("named", f"gw of {IN_NAME}", san=[x509.DNSName("named.demo")])), "none": authority.context(),
    }
    answers = []

    def send(who, path, kind, body, headers):
        try:
            answers.append((who, path, server.request("POST", path, body, {"Content-Type": kind, **headers}, context=senders[who])))
        except OSError as error:  # no certificate, or one that is refused: the alert is the answer
            answers.append((who, path, repr(error)))
        return answers[-1][2]

    for number, (path, kind, body, headers) in enumerate(requests()):
        for who in ("vehicle", "gateway"):
            reply = send(who, path, kind, body, headers)
            assert reply.status in (200, 422), (path, kind, reply)
        named = {key: value.format(number) for key, value in HEADERS.items()}
        more = {"VSOC-Vehicle": HEADER} if "services" not in path else {}
        kind = f"{kind}; note={IN_TYPE}"
        first = send("gateway", path, kind, gzip.compress(body), {**headers, **named, **more, "Content-Encoding": "gzip"})
        again = send("gateway", path, kind, gzip.compress(body), {**headers, **named, **more, "Content-Encoding": "gzip"})
        assert first.status in (200, 422) and again.status in (200, 409, 422), (path, kind, first, again)
    # Its own vehicle, where only who knows it can see it: inside words, with letters for digits.
    own = json.dumps({"event_name": "x", "severity_id": 1, "message": f"x{OWN}y {OWN.replace('0', 'O')} {OWN}{OWN}", "host": f"h{OWN.lower()}"}).encode()
    assert send("vehicle", "/v1/events", "application/json", own, {}).status == 200
    assert send("vehicle", "/v1/events", "application/x-ndjson", twice(f"x{OWN}y"), {}).status == 422
    # Each vehicle that a request or record names, inside a word, in a record that is stored under another or under it.
    hidden = lambda vin, claim: json.dumps({"event_name": "x", "severity_id": 1, "vin": claim, "message": f"x{vin}y"}).encode()
    assert send("vehicle", "/v1/events", "application/json", hidden(OWN, CLAIMED), {}).status == 200
    assert send("gateway", "/v1/events", "application/json", hidden(HEADER, CLAIMED), {"VSOC-Vehicle": HEADER}).status == 200
    assert send("gateway", "/v1/events", "application/json", hidden(CLAIMED, CLAIMED), {}).status == 200
    # The same in what a batch says of itself.
    plain = json.dumps({"event_name": "x", "severity_id": 1}).encode()
    assert send("named", "/v1/events", "application/json", plain, {}).status == 200
    assert send("none", "/v1/events", "application/json", plain, {"Authorization": f"Bearer {token}"}).status == 200
    assert send("vehicle", "/v1/events", f"application/json; x=a{OWN}b", plain, {"Idempotency-Key": f"k{OWN}k"}).status == 200
    assert send("gateway", "/v1/events", f"application/json; x=a{HEADER}b", plain, {"VSOC-Vehicle": HEADER, "Idempotency-Key": f"k{HEADER}k"}).status == 200
    for path, headers in REFUSED:
        assert send("gateway", path, headers.get("Content-Type", "application/json"), b"{}", headers).status >= 400
    send("stranger", "/v1/events", "application/json", b"{}", {})
    send("none", "/v1/events", "application/json", b"{}", {})
    server.get(f"/{IN_QUERY}", {"X-Request-Id": IN_REQUEST_ID, "Authorization": f"Bearer {IN_TOKEN}"})
    server.get(f"/api/v1/catalog/unknown?tenant={IN_QUERY}")
    server.wait_for_sinks()
    return server, services, database, topics, answers, tmp_path / "out.ndjson"


def tables(dsn):
    """{table.column: value} of every row, hashes as bytes."""
    names = [row[0] for row in query(dsn, "select relname from pg_class where relnamespace = 'vsoc'::regnamespace and relkind in ('r', 'p', 'v') and (relkind = 'p' or not relispartition)")]
    for name in names:
        columns = [row[0] for row in query(dsn, "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped", f"vsoc.{name}")]
        shown = [f'"{column}"' for column in columns if (name, column) not in (("quarantine", "raw"), ("tenant_quarantine", "raw"))]
        for row in query(dsn, f"select {', '.join(shown)} from vsoc.{name}"):
            for column, value in zip(shown, row):
                if value is not None:
                    yield f"vsoc.{name}.{column}", bytes(value) if isinstance(value, (memoryview, bytes)) else json.dumps(value, default=str, ensure_ascii=False).encode()


def messages(bootstrap, topics):
    for topic in topics.values():
        for message in consume(bootstrap, topic) if topic.rsplit(".", 1)[1] != "findings" else ():
            yield f"{topic} key", message.key() or b""
            yield f"{topic} value", message.value() or b""
            for name, value in message.headers() or ():
                yield f"{topic} header {name}", (value or b"")


def outputs(served):
    """(where, bytes) of everything that somebody else than the sender may see."""
    server, services, database, topics, answers, file = served
    yield from tables(database)
    yield from messages(services.bootstrap, topics)
    yield "log", server.log_path.read_bytes()
    for path in ("/metrics", "/api/v1/catalog/unknown", "/readyz?verbose", "/livez", "/startupz", "/version"):
        yield path, server.get(path).body
    for part in file.parent.glob("out.ndjson*"):
        yield part.name, part.read_bytes()
    data = server.spool_dir.parent
    for path in data.rglob("*"):
        if path.is_file() and "spool" not in path.relative_to(data).parts and path.name != "vin.keys":
            yield str(path.relative_to(data)), path.read_bytes()
    yield "spool cursors", (server.spool_dir / "cursors").read_bytes()
    yield "spool list", server.run("spool", "list", server.spool_dir).stdout
    yield "spool verify", server.run("spool", "verify", server.spool_dir).stdout
    for one in server.export():
        one.get("quarantine", {}).pop("raw", None)
        yield "spool export", json.dumps(one, ensure_ascii=False).encode()
    for _, record in spool_reader.read_spool(server.spool_dir):
        yield "spool texts", json.dumps(record.texts, ensure_ascii=False).encode()
    # Reports are kept, and given to whoever sends the batch again. A refusal repeats to its sender what it sent, to nobody else.
    for who, path, reply in answers:
        if not isinstance(reply, str) and reply.status in (200, 422):
            yield f"report to {who} on {path.partition('?')[0][:20]}", reply.body


def test_hunt_finds_what_is_hidden():
    plants = [CONTROL, CONTROL.lower(), "x" + CONTROL + "y", CONTROL.encode().hex(), CONTROL.replace("0", "O"), "%31" + CONTROL[1:], "\\u0031" + CONTROL[1:],
              " ".join(f"{b:02X}" for b in CONTROL.encode()), grouped(CONTROL), grouped(CONTROL, " "), wide(CONTROL), json.dumps(wide(CONTROL)), *(base64.b64encode(b"abc"[:n] + CONTROL.encode()).decode() for n in range(4))]
    for plant in plants:
        assert hunt(f"before {plant} after".encode(), [CONTROL]), plant
    assert not hunt(f"before {CONTROL[:-1]} after".encode(), [CONTROL])
    assert len({*VINS}) == 20


def test_no_vin_leaves_the_server(served):
    _, _, database, _, _, _ = served
    counts = query(database, "select count(*), count(vehicle_pid), count(claimed_vehicle_pid) from vsoc.events")[0]
    assert counts[0] > 60 and counts[1] > 50 and counts[2] > 10, counts
    assert query(database, "select count(*) from vsoc.quarantine")[0][0] > 5
    seen, leaks = 0, {}
    for where, data in outputs(served):
        seen += 1
        for vin, how, around in hunt(data, [*VINS, NO_DIGIT, *PLATOON, NAMED, *SPELLED]):
            leaks.setdefault((where, how), f"{vin}: …{around.decode(errors='replace')}…")
    assert seen > 1000
    assert not leaks, "\n".join(f"{where}, {how}: {around}" for (where, how), around in leaks.items())


def test_no_hash_gives_a_vin_back(served, tmp_path):
    _, _, database, _, _, _ = served
    tenants = [row[0] for row in query(database, "select distinct tenant_id from vsoc.batches")] + ["default", ""]
    pids = [bytes(row[0]) for row in query(database, "select distinct vehicle_pid from vsoc.events where vehicle_pid is not null")] + [b""]
    ids = [f"{prefix}{vin}{suffix}" for vin in VINS for prefix in ("", "c-", "h-") for suffix in ("", "-1")]
    keys = [HEADERS["Idempotency-Key"].format(number) for number in range(40)]
    tried = dictionary(VINS, tenants, [lambda vin: f"key-{vin}", lambda vin: f"{vin}-1", *(lambda vin, key=key: key for key in keys)])
    # As batch keys were made before they had a key.
    for tenant in tenants:
        for sender in [*VINS, "CN=fleet gateway,O=demo", "O=demo,CN=fleet gateway"]:
            for key in keys:
                tried[hashlib.sha256(f"{tenant}\0{sender}\0k{key}".encode()).digest()] = (sender, "batch key", key)
    tried.update(plain_dedup_keys(pids, ids, tenants))
    short = {digest[:16]: what for digest, what in tried.items()}
    hashes = 0
    for where, data in tables(database):
        if len(data) in (16, 20, 32, 64) and where.rsplit(".", 1)[1].strip('"') not in ("event_uid", "batch_uid"):
            hashes += 1
            assert data not in tried and data[:16] not in short, (where, tried.get(data), short.get(data[:16]))
    assert hashes > 200
    # Who has the key can make them: the guesses above fail for the lack of it, not for a wrong message.
    secret = bytes.fromhex(re.search(r"^1 ([0-9a-f]{64})", key_file(served[0], tmp_path).read_text(), re.M)[1])
    with_key = {dedup_key(secret, pid, event_id, tenant) for pid in pids for event_id in ids for tenant in tenants}
    assert with_key & {bytes(row[0]) for row in query(database, "select dedup_key from vsoc.events")}


def key_file(server, tmp_path):
    return tmp_path / server.folder.name / "vin.keys"


def test_a_repeat_is_known_over_a_restart_and_an_added_key(served, tmp_path):
    server, _, database, _, _, _ = served
    before = query(database, "select count(*) from vsoc.batches")[0][0]
    server.terminate()
    keys = key_file(server, tmp_path)
    keys.write_text(keys.read_text() + "2 " + "22" * 32 + "\n")
    server.start()
    path, kind, body, headers = next(iter(requests()))
    context = ssl.create_default_context(cafile=str(tmp_path / "ca" / "ca.crt"))
    context.load_cert_chain(str(tmp_path / "ca" / f"{OWN}.crt"), str(tmp_path / "ca" / f"{OWN}.key"))
    reply = server.request("POST", path, body, {"Content-Type": kind, **headers}, context=context)
    assert reply.status == 200 and reply.json["duplicate"] is True, reply
    server.wait_for_sinks()
    assert query(database, "select count(*) from vsoc.batches")[0][0] == before
    senders = [row[0] for row in query(database, "select distinct sender from vsoc.batches")]
    assert any(sender.startswith("veh:") and len(sender) == 68 for sender in senders), senders
