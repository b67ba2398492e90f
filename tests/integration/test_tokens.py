"""Bearer tokens: who has no certificate shows one, and sends what it is for."""

import base64
import json
import os
import signal
import subprocess

import pytest

from certificates import Authority, tls_settings
from harness import event, ndjson, wait_until

VIN = "1M8GDM9AXKP042788"


def token(server, *options):
    return server.run("token", "new", "--file", server.folder / "tokens", *options).stdout.decode().strip()


def revoke(server, name):
    server.run("token", "revoke", "--file", server.folder / "tokens", "--id", name)


def reload(server):
    before = server.metric("vsocd_config_last_reload_success_timestamp_seconds")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.metric("vsocd_config_last_reload_success_timestamp_seconds") > before, what="the reload")
    wait_until(lambda: "settings reloaded" in server.log(), what="the reload")


@pytest.fixture
def settings(tmp_path):
    """Settings with a tokens file that holds one token, and it: both made before the server."""
    return {"identity": {"tokens_file": str(tmp_path / "tokens")}}


@pytest.fixture
def server(make_server, settings, tmp_path):
    made = make_server(settings, start=False)
    made.folder = tmp_path
    made.token = token(made, "--tenant", "Demo Motors", "--id", "gw-1")
    made.start()
    return made


def post(server, authorization=None, path="/v1/events", **headers):
    if authorization:
        headers["Authorization"] = authorization
    return server.post(ndjson([event(1)]), path=path, **headers)


def test_token_stands_for_its_tenant(server):
    assert post(server, "Bearer " + server.token).status == 200
    one = server.export()[0]
    assert (one["tenant_id"], one["transport_identity"]) == ("Demo Motors", "token:gw-1")


def test_equal_ids_of_two_senders_are_two_events(server):
    """dedup_key, by which consumers drop what they know: without a vehicle it is the sender's, of a vehicle anybody's."""
    second = token(server, "--tenant", "Demo Motors", "--id", "gw-2")
    reload(server)
    body = ndjson([{"id": "1", "message": "a"}, {"time": 1767225600, "message": "b"}, {"id": "1", "message": "a", "vin": VIN}])
    for name, key in ((server.token, "a"), (second, "b"), (server.token, "c")):
        assert server.post(body, Authorization="Bearer " + name, Idempotency_Key=key).json["accepted"] == 3
    keys = [one["dedup_key"] for one in server.export()]
    first, other, again = keys[:3], keys[3:6], keys[6:]
    assert again == first
    assert first[0] != other[0] and first[1] != other[1] and first[2] == other[2]


def test_every_usual_form_of_authorization_is_taken(server):
    basic = base64.b64encode(f"any:{server.token}".encode()).decode()
    for form in ("Bearer " + server.token, "Splunk " + server.token, "Basic " + basic):
        assert post(server, form).status == 200
    assert post(server, path="/v1/events?token=" + server.token).json["code"] == "token_in_query"


def test_token_in_the_query_is_taken_where_that_was_asked_for(make_server, settings, tmp_path):
    settings["identity"]["tokens_in_query"] = True
    server = make_server(settings, start=False)
    server.folder = tmp_path
    name = token(server, "--tenant", "demo")
    server.start()
    assert post(server, path="/v1/events?token=" + name).status == 200


def test_sender_without_a_good_token_is_refused_and_told_in_the_audit_log(server):
    wrong = server.token[:-1] + ("0" if server.token[-1] != "0" else "1")
    for form, code in (
        (None, "no_credential"),
        ("Bearer " + wrong, "invalid_token"),
        ("Bearer nobody.00", "invalid_token"),
        ("Digest x", "bad_authorization"),
    ):
        reply = post(server, form)
        assert (reply.status, reply.json["code"], reply.headers["WWW-Authenticate"]) == (401, code, "Bearer")
        assert server.metric("vsocd_refusals_total", f'reason="{code}"') > 0
        assert f"code={code}" in server.log()
    assert server.export() == []
    assert wrong.partition(".")[2] not in server.log() and "sender refused" in server.log()


def test_revoked_and_new_tokens_are_taken_on_sighup(server):
    revoke(server, "gw-1")
    second = token(server, "--tenant", "demo", "--id", "gw-2")
    assert post(server, "Bearer " + server.token).status == 200
    reload(server)
    reply = post(server, "Bearer " + server.token)
    assert (reply.status, reply.json["code"]) == (403, "token_revoked")
    assert "credential=token:gw-1" in server.log()
    assert post(server, "Bearer " + second).status == 200


def test_damaged_file_keeps_the_tokens_in_force(server, tmp_path):
    with open(tmp_path / "tokens", "a") as file:
        file.write('{"id":"x"}\n')
    done = server.run("check-config", "-c", server.config, check=False)
    assert done.returncode == 78 and b"line 2: 'salt' and 'hash' are required" in done.stderr
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.metric("vsocd_config_last_reload_successful") == 0, what="the refused reload")
    assert post(server, "Bearer " + server.token).status == 200


def test_token_sends_the_formats_it_is_for(server):
    narrow = token(server, "--tenant", "demo", "--formats", "syslog,cef")
    reload(server)
    reply = post(server, "Bearer " + narrow)
    assert (reply.status, reply.json["code"]) == (403, "format_refused")
    headers = {"Authorization": "Bearer " + narrow}
    line = b"<13>1 2026-11-22T10:15:02Z gw app - - - hello\n"
    assert server.post(line, "text/plain", **headers).status == 200
    probed = server.post(b"(1700000000.000000) can0 123#00\n", "text/plain", **headers)
    assert (probed.status, probed.json["code"]) == (403, "format_refused")


def test_token_is_asked_for_on_every_route(server):
    for path, body in (("/v1/events", b"{}"), ("/v1/logs", b'{"resourceLogs":[]}'), ("/services/collector", b'{"event":"x"}')):
        refused = server.post(body, "application/json", path)
        assert refused.status == 401 and refused.headers["WWW-Authenticate"] == "Bearer", path
    assert server.post(b'{"resourceLogs":[]}', "application/json", "/v1/logs", Authorization="Bearer " + server.token).status == 200


def test_token_has_its_own_quota(server):
    slow = token(server, "--tenant", "demo", "--events-per-second", "1", "--burst", "1")
    reload(server)
    first = server.post(ndjson([event(n) for n in range(50)]), Authorization="Bearer " + slow)
    second = server.post(ndjson([event(99)]), Authorization="Bearer " + slow)
    assert (first.status, second.status) == (200, 429)
    assert int(second.headers["Retry-After"]) > 1
    assert server.post(ndjson([event(99)]), Authorization="Bearer " + server.token).status == 200


def test_certificate_says_who_sends_and_the_token_narrows(make_server, settings, tmp_path):
    authority = Authority(tmp_path / "ca")
    base = tls_settings(authority)
    base["tls"]["client_auth"] = "optional"
    server = make_server({**base, **settings}, start=False)
    server.folder = tmp_path
    mine, other = token(server, "--tenant", "demo", "--formats", "vsoc_json"), token(server, "--tenant", "other")
    server.start()
    vehicle = authority.context(authority.vehicle(VIN))
    nobody = authority.context()

    def send(context, shown=None, body=ndjson([event(1)]), kind="application/x-ndjson"):
        headers = {"Content-Type": kind, **({"Authorization": "Bearer " + shown} if shown else {})}
        return server.request("POST", "/v1/events", body, headers, context=context)

    assert send(vehicle).status == send(vehicle, mine).status == send(nobody, mine).status == 200
    assert send(nobody).json["code"] == "no_credential"
    assert send(vehicle, other).json["code"] == "tenant_mismatch"
    assert send(vehicle, "no.token").json["code"] == "invalid_token"
    assert send(vehicle, mine, b"(1700000000.000000) can0 123#00\n", "text/plain").json["code"] == "format_refused"
    assert {one["transport_identity"][:6] for one in server.export()} > {"token:"}


def test_authorization_is_not_looked_at_without_a_tokens_file(make_server):
    server = make_server({})
    assert post(server, "Splunk whatever").status == 200


def test_command_lists_what_it_made(server, tmp_path):
    assert os.stat(tmp_path / "tokens").st_mode & 0o777 == 0o600
    os.chmod(tmp_path / "tokens", 0o640)
    token(server, "--tenant", "demo", "--id", "b", "--formats", "hec,cef", "--burst", "7")
    assert os.stat(tmp_path / "tokens").st_mode & 0o777 == 0o640
    revoke(server, "gw-1")
    words = ("token", "list", "-c", server.config)
    first, second = (json.loads(line) for line in server.run(*words, "--json").stdout.splitlines())
    assert (first["id"], first["tenant"]) == ("gw-1", "Demo Motors") and first["revoked"] >= first["created"]
    assert (second["formats"], second["burst"], second["revoked"]) == ("hec,cef", 7, "")
    shown = server.run(*words).stdout.decode()
    assert "gw-1" in shown and "all formats" in shown and server.token not in shown
    assert server.token.partition(".")[2] not in (tmp_path / "tokens").read_text()


def test_tokens_made_at_the_same_time_are_all_kept(server, tmp_path):
    words = [server.program, "token", "new", "--file", tmp_path / "tokens", "--tenant", "demo"]
    runs = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(12)]
    made = {run.communicate(timeout=60)[0].partition(".")[0] for run in runs}
    listed = server.run("token", "list", "--file", tmp_path / "tokens", "--json").stdout.splitlines()
    assert {json.loads(line)["id"] for line in listed} == made | {"gw-1"} and len(made) == 12


@pytest.mark.parametrize(
    "words, status",
    [
        (["new", "--tenant", "demo", "--id", "gw-1"], 1),
        (["new", "--tenant", "demo", "--id", "a b"], 1),
        (["new", "--tenant", ""], 1),
        (["new", "--tenant", "demo", "--formats", ""], 64),
        (["new", "--tenant", "demo", "--formats", "hec,"], 1),
        (["new", "--tenant", "demo", "--formats", ","], 1),
        (["new", "--tenant", "demo", "--formats", "hec,,cef"], 1),
        (["new"], 64),
        (["new", "--tenant", "demo", "--burst", "-1"], 64),
        (["revoke", "--id", "nobody"], 1),
        (["revoke"], 64),
        (["rename"], 64),
    ],
)
def test_command_that_can_not_be_done_changes_nothing(server, tmp_path, words, status):
    before = (tmp_path / "tokens").read_bytes()
    done = server.run("token", words[0], "--file", tmp_path / "tokens", *words[1:], check=False)
    assert done.returncode == status and done.stderr and not done.stdout
    assert (tmp_path / "tokens").read_bytes() == before
    assert sorted(name for name in os.listdir(tmp_path) if name.startswith("tokens")) == ["tokens"]
