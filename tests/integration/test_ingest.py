"""Posting batches: reports, repeats, codings, headers, limits of a batch."""

import gzip
import json
import os
import subprocess
import socket
import threading
import zlib

import pytest

from harness import event, ndjson, wait_until


def test_report_counts_every_event(server):
    reply = server.post(ndjson(event(n) for n in range(5)))
    assert reply.status == 200, reply
    report = reply.json
    assert (report["accepted"], report["duplicates"], report["quarantined"]) == (5, 0, 0)
    assert report["ack"] == "spool" and report["errors"] == [] and report["truncated"] is False
    assert report["position"] == 2, "after the record of the start"
    assert [one["source_event_id"] for one in server.export()] == [f"ev-{n:08d}" for n in range(5)]


def test_bad_event_is_quarantined_and_its_neighbours_are_accepted(server):
    lines = [json.dumps(event(1)), '{"id": "broken", "severity_id": "high", "message": "x"}', "{not json", json.dumps(event(2))]
    report = server.post("\n".join(lines) + "\n").json
    assert (report["accepted"], report["quarantined"]) == (2, 2)
    assert [one["index"] for one in report["errors"]] == [1, 2]
    assert "severity_id" in report["errors"][0]["detail"]
    assert report["errors"][0]["offset"] >= len(lines[0]) + 1
    kept = server.export()
    rejects = [one for one in kept if "quarantine" in one]
    assert len(rejects) == 2 and len(kept) == 4


def test_batch_without_a_good_event_is_kept_and_answered_422(server):
    reply = server.post("{broken\n{also broken\n")
    assert reply.status == 422
    assert reply.json["quarantined"] == 2 and reply.json["accepted"] == 0
    assert len(server.export()) == 2


def test_empty_body_is_refused(server):
    for body in (b"", b"\n\n"):
        reply = server.post(body)
        assert reply.status == 400 and reply.json["code"] == "empty_batch", reply


@pytest.mark.parametrize("shape", ["object", "array", "concatenated", "pretty"])
def test_application_json_takes_object_array_and_concatenated_objects(server, shape):
    events = [event(1)] if shape == "object" else [event(n) for n in range(3)]
    body = {
        "object": lambda: json.dumps(events[0]),
        "array": lambda: json.dumps(events),
        "concatenated": lambda: "".join(json.dumps(one) for one in events),
        "pretty": lambda: json.dumps(events, indent=2),
    }[shape]()
    report = server.post(body, "application/json").json
    assert report["accepted"] == len(events), report


def compressed(coding, data):
    if coding == "gzip":
        return gzip.compress(data)
    if coding == "gzip-members":
        half = len(data) // 2
        return gzip.compress(data[:half]) + gzip.compress(data[half:])
    if coding == "deflate":
        return zlib.compress(data)
    if coding == "zstd":
        return subprocess.run(["zstd", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


@pytest.mark.parametrize("coding", ["identity", "gzip", "gzip-members", "deflate", "zstd"])
def test_every_content_coding_is_taken(server, coding):
    body = compressed(coding, ndjson(event(n) for n in range(200)))
    reply = server.post(body, Content_Encoding=coding.partition("-")[0])
    assert reply.status == 200 and reply.json["accepted"] == 200, reply


def test_two_codings_or_an_unknown_one_are_answered_415_with_what_is_taken(server):
    for value in ("gzip, gzip", "br", "gzip, identity"):
        reply = server.post(b"{}", Content_Encoding=value)
        assert reply.status == 415 and "gzip" in reply.headers["Accept-Encoding"], reply


def test_unknown_content_type_is_answered_415_with_accept(server):
    reply = server.post(b"<x/>", "application/xml")
    assert reply.status == 415 and "application/json" in reply.headers["Accept"]


def test_format_in_the_path_wins_over_the_content_type(server):
    line = b"<34>1 2026-11-22T10:20:14.003Z tcu sshd 812 ID47 - Failed password\n"
    reply = server.post(line, "application/octet-stream", path="/v1/events/syslog")
    assert reply.status == 200 and reply.json["accepted"] == 1, reply
    assert server.export()[0]["parser_name"] == "syslog"
    assert server.post(line, path="/v1/events/nosuch").status == 404


def test_text_is_probed(server):
    line = b"CEF:0|Vendor|Product|1.0|100|Name of event|5|src=192.0.2.1 msg=hello\n"
    assert server.post(line, "text/plain").json["accepted"] == 1
    assert server.export()[0]["parser_name"] == "cef"


def test_octet_counted_syslog_with_other_formats_inside_is_probed(server):
    """What a forwarder relays: each message is one event whatever it carries, and a line end inside ends nothing."""
    messages = [
        b"<13>Nov 22 10:15:02 gw app: two\nlines", b"<13>Nov 22 10:15:02 gw CEF:0|V|P|1|100|Name|5|src=192.0.2.1",
        b'<13>1 2026-11-22T10:15:02Z gw app - - - {"event_name":"door"}', b"<13>Nov 22 10:15:02 gw LEEF:1.0|V|P|1|7|a=1",
    ]
    body = b"".join(b"%d %s" % (len(message), message) for message in messages)
    reply = server.post(body, "text/plain")
    assert (reply.status, reply.json["accepted"]) == (200, 4), reply
    events = server.export()
    assert [event["parser_name"] for event in events] == ["syslog", "cef", "vsoc_json", "leef"]
    assert events[0]["message"] == "two\nlines"
    assert {event["ecu_id"] for event in events} == {"gw"}


def test_text_that_no_parser_claims_is_quarantined(server):
    reply = server.post("this is nothing known\n", "text/plain")
    assert reply.status == 422 and reply.json["errors"][0]["code"] == "no_parser"


def test_repeat_gets_the_first_report(server):
    body = ndjson(event(n) for n in range(3))
    first = server.post(body).json
    again = server.post(body).json
    assert again.pop("duplicate") is True
    assert again == first
    assert len(server.export()) == 3


def test_repeat_is_known_after_a_restart(make_server):
    server = make_server()
    body = ndjson([event(1)]) + b"{broken\n"
    first = server.post(body, Idempotency_Key="batch-1").json
    server.kill()
    server.start()
    again = server.post(body, Idempotency_Key="batch-1").json
    assert again.pop("duplicate") is True and again == first


def test_key_with_another_body_is_a_conflict(server):
    assert server.post(ndjson([event(1)]), Idempotency_Key="k").status == 200
    reply = server.post(ndjson([event(2)]), Idempotency_Key="k")
    assert reply.status == 409 and reply.json["code"] == "key_reused" and "Retry-After" not in reply.headers


def test_same_id_twice_in_a_batch_is_a_duplicate(server):
    report = server.post(ndjson([event(1), event(2), event(1)])).json
    assert (report["accepted"], report["duplicates"]) == (2, 1)


def test_the_same_batch_on_many_connections_at_once_is_taken_once(server):
    body, replies = ndjson(event(n) for n in range(50)), []
    threads = [threading.Thread(target=lambda: replies.append(server.post(body, Idempotency_Key="race"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {reply.status for reply in replies} <= {200, 409}
    good = [reply.json for reply in replies if reply.status == 200]
    assert len({report["batch_id"] for report in good}) == 1
    assert sum(1 for report in good if "duplicate" not in report) == 1
    assert len(server.export()) == 50


def test_head_is_200_and_other_methods_are_405_with_allow(server):
    assert server.request("HEAD", "/v1/events").status == 200
    reply = server.request("GET", "/v1/events")
    assert reply.status == 405 and reply.headers["Allow"] == "POST, HEAD, OPTIONS"
    assert server.request("POST", "/nowhere", b"{}", {"Content-Type": "application/json"}).status == 404


def test_error_is_problem_json(server):
    reply = server.post(b"x", "application/xml")
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["status"] == 415 and reply.json["code"] == "unsupported_media_type" and reply.json["detail"]


def test_request_id_is_echoed_or_made(server):
    assert server.post(ndjson([event(1)]), X_Request_Id="abc-1").headers["X-Request-Id"] == "abc-1"
    assert server.post(ndjson([event(2)])).headers["X-Request-Id"]


def test_minimal_report_leaves_the_errors_out(server):
    report = server.post(ndjson([event(1)]) + b"{broken\n", Prefer="return=minimal").json
    assert report["quarantined"] == 1 and "errors" not in report


def test_headers_speak_for_records_that_say_nothing(server):
    line = b"<34>1 - - - - - - hello\n"
    headers = {"VSOC_Vehicle": "1M8GDM9AXKP042788", "VSOC_ECU": "TCU", "VSOC_Software": "sw-7", "VSOC_Replay": "true"}
    assert server.post(line, "text/plain", VSOC_Sent="2026-11-22T10:15:02Z", **headers).status == 200
    one = server.export()[0]
    assert one["ecu_id"] == "TCU" and one["sw_baseline"] == "sw-7" and one["replay"] is True and len(one["vehicle_pid"]) == 64
    assert one["time_sent"].startswith("2026-11-22T10:15:02")


@pytest.mark.parametrize("header, value", [("VSOC_Vehicle", "NOTAVIN"), ("VSOC_Sent", "yesterday"), ("VSOC_Ack", "everything")])
def test_bad_header_is_named(server, header, value):
    reply = server.post(ndjson([event(1)]), **{header: value})
    assert reply.status == 400 and header.replace("_", "-") in reply.json["detail"]


def test_ack_of_a_sink_that_is_off_is_refused(server):
    reply = server.post(ndjson([event(1)]), VSOC_Ack="kafka")
    assert reply.status == 400 and reply.json["code"] == "ack_unavailable"


def test_vin_never_leaves_the_server(server):
    server.post(ndjson([event(1)]))
    assert b"1M8GDM9AXKP042788" not in server.run("spool", "export", server.spool_dir).stdout
    assert "1M8GDM9AXKP042788" not in server.log()


def test_chunked_body_of_many_pieces_is_one_batch(server):
    events = [event(n) for n in range(3000)]
    pieces = iter([ndjson(events[n : n + 7]) for n in range(0, len(events), 7)])
    reply = server.request("POST", "/v1/events", pieces, {"Content-Type": "application/x-ndjson"})  # an iterator is sent chunked
    assert reply.status == 200 and reply.json["accepted"] == 3000, reply


def test_limits_of_a_batch_each_have_their_answer(make_server):
    server = make_server({"limits": {"batch_events": 10, "event_bytes": "1KiB", "body_bytes": "64KiB", "inflated_bytes": "1MiB"}})
    reply = server.post(ndjson(event(n) for n in range(11)))
    assert reply.status == 413 and reply.json["code"] == "batch_events" and "10" in reply.json["detail"]
    reply = server.post(ndjson([event(1, message="x" * 2000), event(2)]))
    assert reply.json["errors"][0]["code"] == "event_too_large" and reply.json["accepted"] == 1
    reply = server.post(b"x" * 70000)
    assert reply.status == 413 and reply.json["code"] == "body_too_large"
    reply = server.post(gzip.compress(b'{"message":"' + b"x" * 2000000 + b'"}'), Content_Encoding="gzip")
    assert reply.status == 413 and reply.json["code"] in ("inflated_bytes", "inflate_ratio")
    assert server.export()[0]["quarantine"]["code"] == "event_too_large"


def test_batch_that_no_spool_of_this_size_can_hold_is_413_batch_too_large(make_server):
    """Body and events together count; there is no Retry-After, for it never fits."""
    server = make_server({"spool": {"segment_bytes": "1MiB", "max_bytes": "2MiB"}, "evidence": {"retention": "0s"}})
    reply = server.post(ndjson(event(n, message="%064x" % (n * 7919) * 8) for n in range(4000)))
    assert (reply.status, reply.json["code"]) == (413, "batch_too_large") and "Retry-After" not in reply.headers, reply
    assert server.post(ndjson([event(1)])).status == 200


def test_quota_of_a_sender_is_answered_429_with_retry_after(make_server):
    server = make_server({"limits": {"sender_events_per_second": 1, "sender_burst": 5}})
    assert server.post(ndjson(event(n) for n in range(20))).status == 200
    reply = server.post(ndjson([event(99)]))
    assert reply.status == 429 and int(reply.headers["Retry-After"]) >= 1
    assert server.metric("vsocd_refusals_total", 'reason="quota"') == 1


def test_memory_limit_is_answered_503_with_retry_after(make_server):
    server = make_server({"limits": {"memory": "2MiB", "body_bytes": "1MiB"}})
    head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 1048576\r\n\r\n"
    def connect(address):
        return socket.create_connection(("127.0.0.1", server.port), 10, (address, 0))

    with connect("127.0.0.2") as one, connect("127.0.0.3") as two:
        for holder in (one, two):
            holder.sendall(head)
            assert holder.recv(100).startswith(b"HTTP/1.1 100")
            holder.sendall(b" " * 1048575)
        wait_until(lambda: server.metric("vsocd_memory_in_flight_bytes") == 2 << 20, what="both bodies being held")
        reply = server.post(ndjson([event(1)]))
        assert reply.status == 503 and reply.json["code"] == "memory" and reply.headers["Retry-After"]
    wait_until(lambda: server.post(ndjson([event(1)])).status == 200, what="the memory coming back")
    wait_until(lambda: server.metric("vsocd_memory_in_flight_bytes") == 0, what="all of it")


def test_full_spool_is_answered_503_and_readiness_goes_red(make_server):
    server = make_server(
        {
            "spool": {"segment_bytes": "1MiB", "max_bytes": "4MiB", "reserve_bytes": 0},
            "evidence": {"max_bytes": "1MiB"},
            "sinks": {"kafka": {"enabled": True, "properties": {"bootstrap.servers": "127.0.0.1:1"}}},  # nobody there
            "timeouts": {"drain": "1s"},
        }
    )
    statuses = [server.post(ndjson(event(n * 1000 + k, message="y%d" % (n * 7919 + k) * 40) for k in range(400))).status for n in range(30)]
    assert statuses[0] == 200 and 503 in statuses
    reply = server.post(ndjson([event(1)]))
    assert reply.status == 503 and reply.json["code"] == "spool_full" and reply.headers["Retry-After"]
    assert server.get("/readyz").status == 503


def test_batch_over_a_segment_that_finds_no_room_is_told_its_size_while_others_are_accepted(make_server):
    server = make_server({"spool": {"segment_bytes": "1MiB", "max_bytes": "3MiB", "reserve_bytes": 0},
                          "evidence": {"max_bytes": "1MiB", "retention": "90d"}})

    def large(n):
        return ndjson({**event(1000 * n + k), "message": os.urandom(1000).hex()} for k in range(400))

    assert server.post(large(1)).status == 200
    reply = server.post(large(2))
    assert (reply.status, reply.json["code"]) == (503, "spool_full")
    assert "a batch of this size" in reply.json["detail"] and "sinks" not in reply.json["detail"]
    assert server.post(ndjson([event(1)])).status == 200
