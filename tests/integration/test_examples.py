"""Records, requests and keys that other people's programs sent and that were once misread: the answer, and the columns of the event."""

import gzip
import json

import pytest
from harness import Vsocd

VIN = "1M8GDM9AXKP042788"
RFC5424 = "<14>1 2026-04-27T15:46:41Z gw app 1 - "
DENIED = 'type=1400 audit(0.0:45): avc: denied { read } for comm="a" scontext=u:r:a:s0 tcontext=u:r:b:s0 tclass=file permissive=0'
APPARMOR = 'audit: type=1400 audit(1700000000.123:45): apparmor="DENIED" operation="open"'
BLOCKED = {"event_name": "avc", "event_category": "mandatory_access_control", "disposition": "blocked", "severity_id": 3}
SSHD = {"process_name": "sshd", "process_pid": 123, "user_name": "root", "src_ip": "192.0.2.1", "src_port": 22, "event_category": "authentication"}
NATIVE = '{"event_name":"x","severity_id":3}\n'
X = {"event_name": "x", "severity_id": 3}
SYSLOG, CEF, LEEF = "/v1/events/syslog", "/v1/events/cef", "/v1/events/leef"
VEHICLE = "vehicle"  # the event has the pseudonym of VIN


def otlp(**record):
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})


def native(**more):
    return json.dumps({"event_name": "x", **more})


HEADER = {"ecu_id": "gw", "time_event": "2026-04-27T15:46:41.000000Z", "note": "bad_header"}
SAID = {**HEADER, "message": "x", VEHICLE: True}
TWO = {"src_ip": "192.0.2.1", "dst_ip": "192.0.2.2", "severity_source": "5", "note": "other_delimiter"}

# (name, path, body, expected status, columns of its event or the code of its refusal); the content type follows from the path or stands behind.
CASES = [
    ("cef VIN", CEF, f"CEF:0|V|P|1|C|N|5|VIN={VIN}", 200, {VEHICLE: True}),
    ("native VIN", "/v1/events/vsoc_json", native(VIN=VIN), 200, {VEHICLE: True}),
    ("otlp attribute", "/v1/logs", otlp(body={"stringValue": "b"}, attributes=[{"key": "vehicle.VIN", "value": {"stringValue": VIN}}]), 200, {VEHICLE: True}),
    ("otlp map", "/v1/logs", otlp(body={"kvlistValue": {"values": [
        {"key": "vin", "value": {"stringValue": VIN}}, {"key": "event_name", "value": {"stringValue": "CAN_ID_UNKNOWN"}},
        {"key": "severity_id", "value": {"intValue": "3"}}]}}), 200, {VEHICLE: True, "event_name": "CAN_ID_UNKNOWN", "severity_id": 3}),
    ("no blank behind the data", SYSLOG, RFC5424 + f'[veh@1 vin="{VIN}"]x', 200, SAID),
    ("no STRUCTURED-DATA", SYSLOG, RFC5424.rstrip(), 200, HEADER),
    ("long MSGID", SYSLOG, f'<14>1 2026-04-27T15:46:41Z gw app 1 {"M" * 33} [veh@1 vin="{VIN}"] x', 200, SAID),
    ("long APP-NAME", SYSLOG, f'<14>1 2026-04-27T15:46:41Z gw {"A" * 49} 1 - [veh@1 vin="{VIN}"] x', 200, SAID),
    ("long PARAM-NAME", SYSLOG, RFC5424 + f'[veh@1 {"p" * 33}="1" vin="{VIN}"] x', 200, SAID),
    ("long SD-ID", SYSLOG, RFC5424 + f'[{"s" * 33} vin="{VIN}"] x', 200, SAID),
    ("time without zone", SYSLOG, f'<14>1 2026-04-27T15:46:41 gw app 1 - [veh@1 vin="{VIN}"] x', 200, SAID),
    ("two blanks", SYSLOG, f'<14>1 2026-04-27T15:46:41Z gw  1 - [veh@1 vin="{VIN}"] x', 200, SAID),
    ("blank behind =", SYSLOG, RFC5424 + f'[veh@1 vin= "{VIN}"] x', 200, SAID),
    ("SD-ID alone", SYSLOG, RFC5424 + "[job-1234] failed", 200, {"message": "failed", "attributes": {"structured_data": "job-1234"}}),
    ("old OTLP names", "/v1/logs", '{"resourceLogs":[{"instrumentationLibraryLogs":[{"logRecords":[{"body":{"stringValue":"b"}}]}]}]}', 200, {"message": "b"}),
    ("traceId without hex", "/v1/logs", otlp(traceId="zz", body={"stringValue": "b"}), 200, {"note": "bad_id", "attributes": {"trace_id": "zz"}}),
    ("zstd window", "/v1/events", bytes.fromhex("28b52ffd0070010000"), 400, "zstd_window", {"Content_Encoding": "zstd"}),
    ("gzip that no header names", "/v1/events", gzip.compress(NATIVE.encode()), 415, "undeclared_encoding"),
    ("denial behind a header", SYSLOG, "<14>Nov 29 12:00:00 tcu kernel: " + DENIED, 200, {**BLOCKED, "ecu_id": "tcu"}),
    ("denial by name", "/v1/events/auditd", DENIED, 200, BLOCKED),
    ("logcat threadtime", "/v1/events/logcat", "11-29 12:00:00.123  1234  1250 W app     : " + DENIED, 200, BLOCKED),
    ("logcat guessed", "/v1/events", "11-29 12:00:00.124  1234  1250 W app     : " + DENIED, 200, BLOCKED),
    ("BusyBox", SYSLOG, "Nov 29 12:00:00 tcu kern.warn kernel: [  12.3] " + APPARMOR, 200, {**BLOCKED, "ecu_id": "tcu"}),
    ("BusyBox sshd", SYSLOG, "Nov 29 12:00:00 tcu auth.info sshd[123]: Failed password for root from 192.0.2.1 port 22 ssh2", 200, SSHD),
    ("journald", SYSLOG, 'Nov 29 12:00:00 gw audit[123]: AVC avc:  denied  { read } for  pid=123 comm="x" scontext=a:b:c:s0 tcontext=d:e:f:s0 tclass=file permissive=0',
     200, {**BLOCKED, "ecu_id": "gw"}),
    ("dmesg", "/v1/events", "[   12.345678] " + APPARMOR, 200, BLOCKED),
    ("key twice in EVE", "/v1/events/eve", '{"timestamp":"2026-11-22T10:15:02.250000+0000","event_type":"tls","src_ip":"192.0.2.1","tls":{"subject":"CN=a","subject":"CN=a"}}',
     200, {"note": "duplicate_key", "src_ip": "192.0.2.1"}),
    ("key twice in HEC", "/services/collector/event", '{"event":{"a":1,"a":2}}', 200, {"note": "duplicate_key"}),
    ("BOM", "/v1/events", b"\xef\xbb\xbfCEF:0|V|P|1|C|N|5|src=192.0.2.7", 200, {"parser_name": "cef", "src_ip": "192.0.2.7"}),
    ("blank lines first", "/v1/events", "\r\n\n \nCEF:0|V|P|1|C|N|5|src=192.0.2.8", 200, {"parser_name": "cef", "src_ip": "192.0.2.8"}),
    ("comments before candump", "/v1/events", "# log\n(1700000000.000000) can0 123#1122\n", 200, {"parser_name": "candump", "can_id": 0x123}),
    ("head of [ that is no JSON", "/v1/events", "[   12.345678] " + APPARMOR + "\n[   12.345679] " + APPARMOR, 200, BLOCKED),
    ("NULs and Ctrl-Z last", "/v1/events", NATIVE.encode() + b"\0\0\x1a", 200, X),
    ("application/jsonl", "/v1/events", NATIVE + "\n", 200, X, {"Content_Type": "application/jsonl"}),
    ("application/x-jsonlines", "/v1/events", NATIVE + "\n\n", 200, X, {"Content_Type": "application/x-jsonlines"}),
    ("LEEF with #011", LEEF, "LEEF:1.0|V|P|1|E|src=192.0.2.1#011dst=192.0.2.2#011sev=5", 200, TWO),
    ("LEEF with |", LEEF, "LEEF:1.0|V|P|1|E|src=192.0.2.1|dst=192.0.2.2|sev=5", 200, TWO),
    ("LEEF with blanks", LEEF, "LEEF:1.0|V|P|1|E|src=192.0.2.1 dst=192.0.2.2 sev=5", 200, TWO),
    ("CEF twice", CEF, "CEF:CEF:0|V|P|1|C|N|5|src=192.0.2.1", 200, {"src_ip": "192.0.2.1"}),
    ("CEF 2", CEF, "CEF:2|V|P|1|C|N|5|src=192.0.2.1", 200, {"src_ip": "192.0.2.1", "note": "unknown_version"}),
    ("empty start", CEF, "CEF:0|V|P|1|C|N|5|start= spt= src=192.0.2.1", 200, {"src_ip": "192.0.2.1", "parse_status": "ok"}),
    ("year behind the time", SYSLOG, "<14>Jan 28 06:43:28 2017 SW01 %LINK-3: down", 200, {"ecu_id": "SW01", "time_event": "2017-01-28T06:43:28.000000Z"}),
    ("UCSM", SYSLOG, "<165>: Nov 20 10:15:02 UTC : %UCSM-6-AUDIT: x", 200, {"ecu_id": None, "message": "x"}),
    ("year first", SYSLOG, "<189>: 2025 Mar 13 17:07:57 UTC: %X-5-Y: z", 200, {"ecu_id": None, "time_event": "2025-03-13T17:07:57.000000Z"}),
    ("ASA", SYSLOG, "<166>:Nov 20 10:15:02 UTC: %ASA-6-302013: Built", 200, {"ecu_id": None, "message": "Built"}),
    ("protocol 6", CEF, "CEF:0|V|P|1|C|N|5|proto=6 src=2001:DB8:0:0::1", 200, {"transport": "tcp", "src_ip": "2001:db8::1"}),
    ("protocol 17", CEF, "CEF:0|V|P|1|C|N|5|proto=17", 200, {"transport": "udp"}),
    ("tcp/https", CEF, "CEF:0|V|P|1|C|N|5|proto=tcp/https", 200, {"transport": "tcp"}),
    ("time without zone in CEF", CEF, "CEF:0|V|P|1|C|N|5|rt=2023-06-09T14:16:15.212418", 200, {"time_event": "2023-06-09T14:16:15.212418Z", "time_quality": "inferred"}),
    ("ctime in CEF", CEF, "CEF:0|V|P|1|C|N|5|rt=Mon Aug  1 03:34:23 2022", 200, {"time_event": "2022-08-01T03:34:23.000000Z"}),
    ("date", "/v1/events/vsoc_json", native(date=1700000000.25), 200, {"time_event": "2023-11-14T22:13:20.250000Z"}),
    ("timestamp", "/v1/events/vsoc_json", native(timestamp="2026-11-22T10:15:02.250Z"), 200, {"time_event": "2026-11-22T10:15:02.250000Z"}),
    ("@timestamp", "/v1/events/vsoc_json", native(**{"@timestamp": "2026-11-22T10:15:02.250Z"}), 200, {"time_event": "2026-11-22T10:15:02.250000Z"}),
    ("ProtoJSON", "/v1/logs", '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":"SEVERITY_NUMBER_ERROR","attributes":[{"key":"i","value":{"intValue":1e3}},'
     '{"key":"b","value":{"bytesValue":"-_8"}}],"body":{"stringValue":"x"}}]}]}]}', 200, {"severity_source": "17", "attributes": {"i": 1000, "b": "+/8="}}),
    ("netfilter", SYSLOG, "<4>Nov 29 12:00:00 gw kernel: IN=eth0 OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=40 PROTO=TCP SPT=1234 DPT=22", 200,
     {"src_ip": "192.0.2.1", "dst_ip": "192.0.2.2", "transport": "tcp", "src_port": 1234, "dst_port": 22}),
    ("candump of a terminal", "/v1/events/candump", "  can0  7E8   [4]  03 7F 27 35\n", 200, {"bus_id": "can0", "can_id": 0x7E8, "uds_sid": 0x27, "uds_nrc": 0x35}),
    ("1e400", "/v1/events/vsoc_json", '{"event_name":"x","attributes":{"a":1e400}}', 200, {"note": "huge_number", "attributes": {"a": "1e400"}}),
    ("ECS", "/v1/events", json.dumps({"@timestamp": "2026-11-22T10:15:02Z", "ecs": {"version": "8.11"}, "event": {"kind": "alert", "action": "a"},
                                      "source": {"ip": "192.0.2.1"}, "message": "m"}), 200, {"event_name": "a", "src_ip": "192.0.2.1", "message": "m"},
     {"Content_Type": "application/json"}),
    ("any object", "/v1/events/json", '{"hello":1}', 200, {"attributes": {"hello": 1}}),
    ("key with a typo", "/v1/events/vsoc_json", native(severtiy_id=5), 200, {"note": "unknown_key"}),
    ("labels of CEF", CEF, "CEF:0|ExampleMotive|CANGuard|2.4|301|Message authentication failed|9|cs1=can0 cs1Label=bus cs2=E1 cs2Label=ecu", 200,
     {"event_category": "message_authentication", "bus_id": "can0", "ecu_id": "E1"}),
    ("UDS in words", SYSLOG, "<14>Nov 29 12:00:00 gw diag: 0x27 refused, NRC 0x35", 200, {"uds_sid": 0x27, "uds_nrc": 0x35}),
    ("arguments", "/v1/events/auditd", 'type=EXECVE msg=audit(1700000000.123:46): argc=2 a0="ls" a1=2F746D702F6120\n', 200, {"process_command_line": "ls /tmp/a "}),
]
TYPES = {"/v1/logs": "application/json", "/services/collector/event": "application/json", "/v1/events/eve": "application/json",
         "/v1/events/vsoc_json": "application/json", "/v1/events/json": "application/json"}


@pytest.fixture(scope="module")
def answers(build, tmp_path_factory):
    """{name: (status, code, event or None)}, and all that the server wrote."""
    folder = tmp_path_factory.mktemp("examples")
    output = folder / "events.ndjson"
    server = Vsocd(build, folder, {"sinks": {"file": {"enabled": True, "path": str(output)}}})
    server.start()
    found = {}
    for name, path, body, _, _, *headers in CASES:
        seen = output.stat().st_size if output.exists() else 0
        named = dict(*headers)
        reply = server.post(body, named.pop("Content_Type", TYPES.get(path, "text/plain")), path, **named)
        server.wait_for_sinks()
        rows = [json.loads(line) for line in output.read_bytes()[seen:].splitlines()] if output.exists() else []
        code = reply.json["code"] if reply.status in (400, 415) else None
        found[name] = reply.status, code, rows[-1] if rows else None
    server.stop_for_good()
    return found, output.read_bytes() + server.log_path.read_bytes()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_record_has_its_columns(answers, case):
    name, _, _, status, columns = case[:5]
    answered, code, row = answers[0][name]
    assert answered == status
    if isinstance(columns, str):
        assert (code, row) == (columns, None)
        return
    for column, value in columns.items():
        if column == VEHICLE:
            assert row["vehicle_pid"] == answers[0]["native VIN"][2]["vehicle_pid"]
        elif column == "note":
            assert value in [note["code"] for note in row["parse_notes"]]
        elif column == "attributes":
            assert value.items() <= row["attributes"].items()
        else:
            assert row.get(column) == value, (column, row)


def test_no_vin_stands_in_clear(answers):
    assert VIN.encode() not in answers[1]
