"""Start, probes, reload and stop of a running server."""

import itertools
import json
import pathlib
import signal
import socket


from certificates import Authority, tls_settings
from harness import event, ndjson, wait_until


def test_probes_and_version(server):
    for path in ("/livez", "/readyz", "/startupz"):
        assert server.get(path).status == 200
    assert server.get("/version").json["name"] == "vsocd"
    assert server.get("/nothing").status == 404
    assert b"spool position 1" in server.get("/readyz?verbose").body


def test_metrics_are_well_formed(server):
    server.post(ndjson([event(1)]))
    lines = server.get("/metrics").body.decode().splitlines()
    assert server.get("/metrics").headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = {line.split()[2]: line.split()[3] for line in lines if line.startswith("# TYPE")}
    helps = {line.split()[2] for line in lines if line.startswith("# HELP")}
    assert families.keys() == helps
    for line in lines:
        if not line.startswith("#"):
            family = line.split("{")[0].split()[0]
            base = family.rsplit("_", 1)[0] if family.rsplit("_", 1)[-1] in ("bucket", "sum", "count") else family
            assert family in families or base in families, line
    assert server.metric("vsocd_events_total", 'format="vsoc_json"', 'result="accepted"') == 1
    assert server.metric("vsocd_batches_total", 'result="accepted"') == 1
    assert server.metric("vsocd_spool_position") == 2


def test_metrics_need_the_token_where_one_is_set(make_server, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    token.chmod(0o600)
    server = make_server({"listen": {"admin": {"token_file": str(token)}}})
    assert server.get("/metrics").status == 401
    assert server.get("/metrics", {"Authorization": "Bearer wrong"}).status == 401
    assert server.get("/metrics", {"Authorization": "Bearer s3cret"}).status == 200
    assert server.get("/livez").status == 200


def test_reload_takes_new_limits_and_keeps_the_old_ones_when_the_file_is_wrong(server):
    assert server.post(ndjson(event(n) for n in range(20))).status == 200
    server.settings["limits"] = {"batch_events": 10}
    server.write_config()
    server.process.send_signal(signal.SIGHUP)
    # New events each time: a batch that was taken before the reload would be known as a repeat afterwards.
    numbers = itertools.count(1000)
    wait_until(lambda: server.post(ndjson(event(next(numbers)) for _ in range(20))).status == 413, what="the new limit")
    server.settings["limits"] = {"batch_events": "many"}
    server.write_config()
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.metric("vsocd_config_last_reload_successful") == 0, what="the refused reload")
    assert server.post(ndjson(event(next(numbers)) for _ in range(20))).status == 413
    assert "limits.batch_events" in server.log()


def test_reload_takes_a_new_certificate(make_server, tmp_path):
    old, new = Authority(tmp_path / "old", "old CA"), Authority(tmp_path / "new", "new CA")
    server = make_server({**tls_settings(old), "identity": {"senders_file": old.sender()}})

    def status(authority):
        try:
            context = authority.context(authority.gateway())
            return server.request("HEAD", "/v1/events", context=context).status
        except OSError:
            return None

    assert status(old) == 200 and status(new) is None
    server.settings["tls"] = tls_settings(new)["tls"]
    server.settings["identity"] = {"senders_file": new.sender()}
    server.write_config()
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: status(new) == 200, what="the new certificate")
    assert status(old) is None


def test_stop_answers_what_is_in_flight_and_takes_no_more(make_server):
    server = make_server()
    body = ndjson(event(n) for n in range(10))
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with server.connect() as flying, server.connect() as idle:
        flying.sendall(head + body[:50])
        wait_until(lambda: server.metric("vsocd_http_connections", "ingest") == 2, what="both connections")
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: server.get("/readyz").status == 503, what="red readiness")
        assert idle.recv(10) == b""
        flying.sendall(body[50:])
        reply = flying.makefile("rb").read()
    assert reply.startswith(b"HTTP/1.1 200") and b'"accepted":10' in reply and b"connection: close" in reply.lower()
    assert server.ended() == 0
    assert len(server.export()) == 10


def test_second_signal_stops_now(make_server):
    server = make_server()
    with server.connect() as held:
        held.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        wait_until(lambda: server.metric("vsocd_http_connections", "ingest") == 1, what="the connection")
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "stopping" in server.log(), what="the first signal")
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGTERM)
        assert server.ended() != 0


def test_two_servers_on_one_data_directory_are_one_too_many(make_server):
    server = make_server()
    second = make_server({"data_dir": server.settings["data_dir"], "privacy": server.settings["privacy"]}, start=False)
    second.start(wait=False)
    assert second.ended() == 74
    assert "process" in second.log()
    assert server.post(ndjson([event(1)])).status == 200


def test_port_that_is_taken_is_named(make_server):
    server = make_server()
    second = make_server({"listen": {"ingest": {"address": f"127.0.0.1:{server.port}"}}}, start=False)
    second.start(wait=False)
    assert second.ended() not in (0, 70)
    assert str(server.port) in second.log()


def test_healthcheck_follows_readiness(server):
    url = f"http://127.0.0.1:{server.admin_port}/readyz"
    assert server.run("healthcheck", "--url", url).returncode == 0
    server.terminate()
    assert server.run("healthcheck", "--url", url, check=False).returncode == 1


def test_log_is_json_lines_and_never_holds_a_payload(make_server):
    server = make_server({"log": {"format": "json", "level": "debug"}})
    server.post(ndjson([event(1, message="a very private text")]) + b"{broken private\n")
    server.terminate()
    for line in server.log().splitlines():
        one = json.loads(line)
        assert one["ts"].endswith("Z") and one["level"] in ("debug", "info", "warn", "error") and one["msg"]
    assert "private" not in server.log()


def test_keep_alive_serves_many_requests_of_one_connection(server):
    body = ndjson([event(1)])
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with server.connect() as connection:
        connection.sendall((head + body) * 3)
        received = b""
        while received.count(b'"truncated":false}\n') < 3:
            received += connection.recv(65536)
    assert received.count(b"HTTP/1.1 200") == 3


def test_client_that_leaves_before_its_answer_costs_nothing(server):
    body = ndjson(event(n) for n in range(100))
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for _ in range(20):
        with server.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(head + body)
    wait_until(lambda: server.metric("vsocd_http_connections", "ingest") == 0, what="the connections being closed")
    wait_until(lambda: server.metric("vsocd_memory_in_flight_bytes") == 0, what="the writer's verdicts")
    assert server.post(body).status == 200
    assert len(server.export()) == 100


def test_folders_that_others_may_write_are_warned_of(make_server):
    server = make_server(start=False)
    server.start()
    assert "remove or replace evidence" not in server.log()
    server.terminate()
    data = server.folder / "data"
    for folder in ("spool",):
        (data / folder).chmod(0o777)
        server.log_path.unlink()
        server.start()
        wait_until(lambda: "remove or replace evidence" in server.log(), what="the warning")
        warnings = [line for line in server.log().splitlines() if "remove or replace evidence" in line]
        assert len(warnings) == 1 and f"{data / folder}" in warnings[0]
        server.terminate()
        (data / folder).chmod(0o750)


def test_keys_file_that_is_gone_is_not_made_anew_over_a_spool_with_batches(make_server):
    """A volume that is not mounted would give every vehicle another pseudonym, in silence."""
    server = make_server()
    server.post(ndjson([event(1)]))
    server.terminate()
    keys = pathlib.Path(server.settings["privacy"]["keys_file"])
    copy = keys.rename(keys.with_suffix(".copy"))
    assert server.run("check-config", "-c", server.config, check=False).returncode == 78
    server.start(wait=False)
    assert server.process.wait(60) == 78
    assert "restore the copy" in server.log() and not keys.exists()
    copy.rename(keys)
    server.start()
    assert b"spool position 4" in server.get("/readyz?verbose").body
