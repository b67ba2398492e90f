"""CloudEvents over HTTP: the three modes, what tells batches apart, and what is refused."""

import base64
import json

REQUIRED = {"specversion": "1.0", "id": "A-1", "source": "/gw", "type": "com.example.t"}
STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
HEADERS = {f"ce-{name}": value for name, value in REQUIRED.items()}


def kept(server):
    return {one["source_event_id"]: one for one in server.export()}


def test_each_mode_gives_the_same_event(server):
    data = {"message": "door", "sev_id": 103}
    for path in ("/v1/events", "/v1/events/cloudevents"):
        one = REQUIRED | {"source": path, "data": data}
        reply = server.post(json.dumps(one | {"id": "s"}), STRUCTURED + "; charset=utf-8", path=path)
        assert reply.status == 200 and reply.json["accepted"] == 1, reply
        reply = server.post(json.dumps([one | {"id": "b"}, one | {"id": "c"}]), BATCH, path=path)
        assert reply.status == 200 and reply.json["accepted"] == 2, reply
        reply = server.post(json.dumps(data), "application/json", path=path,
                            **HEADERS | {"ce-source": path, "ce-id": "h"})
        assert reply.status == 200 and reply.json["accepted"] == 1, reply
        events = kept(server)
        for name in "sbch":
            event = events[f"{path} {name}"]
            assert event["parser_name"] == "vsoc_json" and event["message"] == "door", (name, path, event)
            assert event["attributes"].get("cloudevents", {}).get("type") == "com.example.t", (name, event)


def test_binary_data_may_be_of_any_format_or_nothing(server):
    qsev = bytes.fromhex("1000408001000300")
    for number, (kind, body, parser) in enumerate((
            ("text/plain", b"<13>Oct 11 22:14:15 h tag: text\n", "syslog"),
            ("application/vnd.autosar.idsm; framing=u16", b"\0\x08" + qsev, "qsev"),
            ("application/octet-stream", qsev, "qsev"),
            ("image/png", b"\x89PNG", None),
            ("application/json", b"", None))):
        reply = server.post(body, kind, **(HEADERS | {"ce-id": str(number)}))
        assert reply.status == 200 and reply.json["accepted"] == 1, reply
        event = kept(server)[f"/gw {number}"]
        if parser:
            assert event["parser_name"] == parser
        else:
            assert event["attributes"]["datacontenttype"] == kind
    assert kept(server)["/gw 3"]["context_raw"] == base64.b64encode(b"\x89PNG").decode()


def test_same_data_under_another_id_are_another_batch(server):
    first = server.post("{}", "application/json", **HEADERS).json
    again = server.post("{}", "application/json", **HEADERS).json
    other = server.post("{}", "application/json", **(HEADERS | {"ce-id": "A-2"})).json
    assert again["duplicate"] is True and again["batch_id"] == first["batch_id"]
    assert "duplicate" not in other and other["accepted"] == 1
    assert sorted(kept(server)) == ["/gw A-1", "/gw A-2"]


def test_an_empty_batch_is_taken(server):
    reply = server.post("[]", BATCH)
    assert reply.status == 200 and (reply.json["accepted"], reply.json["quarantined"]) == (0, 0), reply
    assert "batch_id" not in reply.json and "position" not in reply.json and server.export() == []
    assert server.post("[]", STRUCTURED).json["code"] == "empty_batch"
    reply = server.post("[", BATCH)
    assert reply.status == 422 and reply.json["quarantined"] == 1, reply
    assert server.post(json.dumps(REQUIRED), STRUCTURED).status == 200


def test_an_event_that_is_none_is_quarantined(server):
    reply = server.post("{}", "application/json", **{name: HEADERS[name] for name in ("ce-specversion", "ce-id", "ce-type")})
    assert reply.status == 422 and reply.json["errors"][0]["code"] == "missing_field", reply
    reply = server.post("{}", "application/json", **(HEADERS | {"ce-subject": "%ff"}))
    assert reply.status == 422 and reply.json["errors"][0]["code"] == "invalid_utf8", reply


def test_other_forms_and_too_many_attributes_are_refused(make_server):
    server = make_server({"limits": {"header_count": 200, "header_bytes": "64KiB"}})
    reply = server.post("<event/>", "application/cloudevents+xml", **HEADERS)
    assert reply.status == 415 and STRUCTURED in reply.headers["Accept"], reply
    for headers in ({f"ce-x{n}": "1" for n in range(60)}, {"ce-x": "y" * 9000, "ce-z": "y" * 7400}):
        reply = server.post("{}", "application/json", **(HEADERS | headers))
        assert reply.status == 431 and reply.json["code"] == "too_many_attributes", reply
    reply = server.post("{}", "application/json", **(HEADERS | {f"ce-x{n}": "1" for n in range(59)}))
    assert reply.status == 200, reply
