"""Splunk's HTTP Event Collector routes: what its clients post, what they are told, and acknowledgements that mean durable."""

import gzip
import http.client
import itertools
import json
import os
import signal
import threading

import pytest

from harness import wait_until

CHANNEL = "0aeeac95-ac74-4aa9-b30d-6c4c0ac581ba"
COLLECTOR = "/services/collector"


def post(server, body, path="/event", channel=None, **headers):
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    if channel:
        named["X-Splunk-Request-Channel"] = channel
    if isinstance(body, str):
        body = body.encode()
    return server.request("POST", COLLECTOR + path, body, named)


def ask(server, ids, channel=CHANNEL, **headers):
    return post(server, json.dumps({"acks": ids}), "/ack", channel, **headers)


def objects(*events, **metadata):
    return "".join(json.dumps({"event": one, **metadata}) for one in events)


@pytest.mark.parametrize("path", ["", "/event", "/event/1.0"])
def test_objects_become_events(server, path):
    body = objects("first", {"event_name": "second"}, host="gw", time=1795342502.25)
    reply = post(server, body, path)
    assert (reply.status, reply.json, reply.headers["Content-Type"]) == (200, {"text": "Success", "code": 0}, "application/json")
    first, second = server.export()
    assert (first["message"], second["event_name"]) == ("first", "second")
    assert {one["ecu_id"] for one in (first, second)} == {"gw"}
    assert first["time_event_ns"] == "1795342502250000000"


@pytest.mark.parametrize("path", ["/raw", "/raw/1.0"])
def test_raw_lines_become_events_with_the_metadata_of_the_query(server, path):
    body = "plain line\n<34>1 2026-11-22T10:15:02Z gw su - ID47 - failed\r\n\nCEF:0|v|p|1|9|Name|10|src=10.0.0.1\n"
    reply = post(server, body, path + "?host=tcu%201&sourcetype=mixed&source=%FFx&index=main&time=1795342502.25")
    assert reply.json == {"text": "Success", "code": 0}
    plain, syslog, cef = server.export()
    assert (plain["message"], plain["ecu_id"], plain["time_event_ns"]) == ("plain line", "tcu 1", "1795342502250000000")
    assert plain["attributes"] == {"source": "\ufffdx", "sourcetype": "mixed", "index": "main"}
    assert (syslog["parser_name"], syslog["ecu_id"]) == ("syslog", "gw")
    assert syslog["attributes"]["hec_raw"]["host"] == "tcu 1"
    assert (cef["parser_name"], cef["ecu_id"], cef["src_ip"]) == ("cef", "tcu 1", "10.0.0.1")
    assert [int(one["raw_offset"]) for one in (plain, syslog, cef)] == [0, 11, body.index("CEF")]


def test_query_is_part_of_what_makes_a_batch_the_same(server):
    for host in ("a", "b", "a"):
        assert post(server, "line\n", f"/raw?host={host}").status == 200
    assert [one["ecu_id"] for one in server.export()] == ["a", "b"]


def test_no_value_of_the_query_looks_like_two(server):
    for query in ("host=a%00%3fsource:b", "host=a&source=b"):
        assert post(server, "line\n", "/raw?" + query).status == 200
    assert len(server.export()) == 2


def test_bodies_may_be_compressed_and_of_any_type(server):
    body = gzip.compress(objects("zipped").encode())
    assert post(server, body, Content_Encoding="gzip", Content_Type="application/x-www-form-urlencoded").status == 200
    assert server.export()[0]["message"] == "zipped"


REFUSED = [
    ("/event", "", 400, 5, None),
    ("/raw", "\n", 400, 5, None),
    ("/event", "{broken", 400, 6, 0),
    ("/event", objects(None), 400, 12, 0),
    ("/event", '{"time":1}', 400, 12, 0),
    ("/event", objects(""), 400, 13, 0),
    ("/event", '{"event":"x","fields":{"vin":"a","vin":"b"}}', 400, 6, 0),
]


def test_refusals_have_their_numbers(server):
    for path, body, status, code, number in REFUSED:
        reply = post(server, body, path)
        assert (reply.status, reply.json["code"], reply.json.get("invalid-event-number")) == (status, code, number), body


def test_one_good_event_makes_a_success_and_the_others_are_quarantined(server):
    assert post(server, objects("good", "") + "{broken").json["code"] == 0
    good, *rejects = server.export()
    assert good["message"] == "good" and len(rejects) == 2


WRONG = [
    ({"Content-Encoding": "br"}, "/event", 415, 6),
    ({"X-Splunk-Request-Channel": "a b"}, "/event", 400, 11),
    ({"X-Splunk-Request-Channel": "x" * 129}, "/event", 400, 11),
    ({}, "/event?channel=", 400, 11),
    ({}, "/raw?host=%zz", 400, 6),
    ({}, "/ack", 400, 10),
]


def test_requests_that_are_wrong_are_told_so(server):
    for headers, path, status, code in WRONG:
        reply = server.request("POST", COLLECTOR + path, objects("x"), headers)
        assert (reply.status, reply.json["code"]) == (status, code) and reply.json["detail"]


def test_other_methods_and_paths(server):
    assert server.request("GET", COLLECTOR + "/event").headers["Allow"] == "POST, HEAD, OPTIONS"
    assert server.request("POST", COLLECTOR + "/health", b"").headers["Allow"] == "GET, HEAD, OPTIONS"
    assert server.request("HEAD", COLLECTOR).status == 200
    assert server.request("POST", COLLECTOR + "/nothing", b"").status == 404


def test_health_says_that_batches_are_taken(server):
    for path in ("/health", "/health/1.0"):
        reply = server.request("GET", COLLECTOR + path)
        assert (reply.status, reply.json["code"]) == (200, 17)


def test_health_is_red_while_the_spool_is_full(make_server):
    server = make_server({
        "spool": {"segment_bytes": "1MiB", "max_bytes": "4MiB"},
        "evidence": {"max_bytes": "2MiB", "retention": "90d"},
        "sinks": {"postgres": {"enabled": True, "dsn": "host=127.0.0.1 port=1 dbname=none connect_timeout=1"}},
    }, start=False)
    server.migrated = True
    server.start()

    def is_full():
        return post(server, objects(os.urandom(300000).hex())).status == 503

    wait_until(is_full, what="the spool getting full", interval=0)
    assert post(server, objects("one more")).json["code"] == 9
    reply = server.request("GET", COLLECTOR + "/health")
    assert (reply.status, reply.json["code"]) == (503, 18) and int(reply.headers["Retry-After"]) > 0
    assert server.request("HEAD", COLLECTOR + "/health").status == 503


def test_tokens_are_asked_for_with_splunks_numbers(make_server, tmp_path):
    server = make_server({"identity": {"tokens_file": str(tmp_path / "tokens")}}, start=False)

    def token(*options):
        words = ("token", "new", "--file", tmp_path / "tokens", "--tenant", "demo", *options)
        return server.run(*words).stdout.decode().strip()

    good, old, other = token(), token("--id", "old"), token("--formats", "syslog")
    server.run("token", "revoke", "--file", tmp_path / "tokens", "--id", "old")
    server.start()
    for authorization, status, code in (
        ("Splunk " + good, 200, 0),
        ("Splunk " + old, 403, 1),
        (None, 401, 2),
        ("Digest x", 401, 3),
        ("Splunk 0aeeac95-ac74-4aa9-b30d-6c4c0ac581ba", 403, 4),
        ("Splunk " + other, 403, 4),
    ):
        headers = {"Authorization": authorization} if authorization else {}
        for path in ("/event", "/raw"):
            reply = post(server, objects("x"), path, **headers)
            assert (reply.status, reply.json["code"]) == (status, code), authorization
    assert ask(server, [1]).json["code"] == 2
    reply = post(server, objects("x"), "/event?token=" + good)
    assert (reply.status, reply.json["code"]) == (400, 16)
    assert server.request("GET", COLLECTOR + "/health").status == 200


def test_acknowledgement_means_durable_and_outlives_a_restart(server):
    first = post(server, objects("a"), channel=CHANNEL).json
    second = post(server, "b\n", "/raw?channel=" + CHANNEL).json
    ids = [first["ackId"], second["ackId"]]
    assert len(set(ids)) == 2 and max(ids) < 2**53 and first["text"] == "Success"
    assert "ackId" not in post(server, objects("c")).json
    assert post(server, objects("a"), channel=CHANNEL).json == first
    told = {str(ids[0]): True, str(ids[1]): True}
    assert ask(server, ids).json == {"acks": told}
    assert ask(server, [*ids, ids[1] + 1000, 0, 5]).json == {"acks": {**told, str(ids[1] + 1000): False, "0": False, "5": False}}
    assert post(server, json.dumps({"acks": ids}), "/ack?channel=" + CHANNEL).json == {"acks": told}
    assert ask(server, []).json == {"acks": {}}
    server.kill()
    server.start()
    assert ask(server, ids).json == {"acks": told}


def test_what_was_answered_outlives_a_kill_once(server):
    ids, unanswered = {}, []
    enough = threading.Event()

    def send(sender):
        for n in itertools.count():
            text = f"sender {sender} event {n}"
            try:
                ids[text] = post(server, objects(text), channel=CHANNEL).json["ackId"]
            except (OSError, http.client.HTTPException):
                unanswered.append(text)
                return
            if len(ids) >= 60:
                enough.set()

    senders = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for one in senders:
        one.start()
    assert enough.wait(60)
    server.kill()
    for one in senders:
        one.join()
    server.start()
    for text in unanswered:
        ids[text] = post(server, objects(text), channel=CHANNEL).json["ackId"]
    assert sorted(one["message"] for one in server.export()) == sorted(ids)
    assert ask(server, list(ids.values())).json == {"acks": {str(id): True for id in ids.values()}}


def test_ids_of_another_channel_mean_nothing(server):
    id = post(server, objects("a"), channel=CHANNEL).json["ackId"]
    told = [ask(server, [id], f"other-{n}").json["acks"][str(id)] for n in range(4)]
    assert told.count(False) >= 3  # 13 bits tell channels apart


def test_question_that_is_none_is_refused(server):
    for body in ("", "{", "[1]", '{"acks":1}', '{"acks":["x"]}', '{"acks":[-1]}', '{"acks":[1.5]}'):
        reply = post(server, body, "/ack", CHANNEL)
        assert (reply.status, reply.json["code"]) == (400, 6)
    assert server.export() == []


def test_question_whose_answer_would_be_too_large_is_refused(server):
    ids = list(range(2**52, 2**52 + 20000))
    assert len(ask(server, ids).json["acks"]) == 20000
    reply = ask(server, list(range(2**52, 2**52 + 50000)))
    assert (reply.status, reply.json["code"]) == (413, 6) and "ask less" in reply.json["detail"]


def test_reload_does_not_take_a_sink_for_acknowledging_that_does_not_run(server):
    server.settings["hec"] = {"ack": "kafka"}
    server.settings["sinks"]["kafka"] = {"enabled": True, "properties": {"bootstrap.servers": "127.0.0.1:1"}}
    server.write_config()
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.metric("vsocd_config_last_reload_successful") == 0, what="the refused reload")
    assert "hec.ack names a sink that runs only after a restart" in server.log()


def test_acknowledgements_can_wait_for_a_sink(make_server, tmp_path):
    server = make_server({
        "hec": {"ack": "postgres"},
        "sinks": {"postgres": {"enabled": True, "dsn": "host=127.0.0.1 port=1 dbname=none connect_timeout=1"}},
    }, start=False)
    server.migrated = True
    server.start()
    id = post(server, objects("a"), channel=CHANNEL).json["ackId"]
    assert ask(server, [id]).json == {"acks": {str(id): False}}


def test_acknowledgements_can_be_off(make_server):
    server = make_server({"hec": {"ack": "off"}})
    assert post(server, objects("a"), channel=CHANNEL).json == {"text": "Success", "code": 0}
    reply = ask(server, [1])
    assert (reply.status, reply.json["code"]) == (400, 14)


def test_level_of_a_sink_that_is_off_is_a_mistake_in_the_settings(make_server):
    server = make_server({"hec": {"ack": "kafka"}}, start=False)
    done = server.run("check-config", "-c", server.config, check=False)
    assert done.returncode == 78 and b"hec.ack: names a sink that is disabled" in done.stderr


def test_quota_is_server_busy_with_a_time_to_wait(make_server):
    server = make_server({"limits": {"sender_events_per_second": 1, "sender_burst": 1}})
    post(server, objects(*map(str, range(50))))
    reply = post(server, objects("one more"))
    assert (reply.status, reply.json["code"]) == (429, 9) and int(reply.headers["Retry-After"]) > 1
