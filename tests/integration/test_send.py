"""`vsocd send` and `vsocd healthcheck` against a server, and against one that answers badly."""

import datetime
import gzip
import http.server
import json
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time

import pytest
from harness import event, free_port, ndjson


def make_ca(folder):
    """CA, a server certificate for localhost and 127.0.0.1, a vehicle's; PEM files in folder."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.datetime.now(datetime.timezone.utc)

    def issue(name, subject, issuer, issuer_key, names=None, ca=False):
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if name == "vehicle":
            builder = builder.add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        certificate = builder.sign(issuer_key or key, hashes.SHA256())
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        (folder / f"{name}.key").chmod(0o600)
        return key

    def subject(common, organisation="acme"):
        attribute = x509.NameAttribute
        return x509.Name(
            [attribute(x509.NameOID.ORGANIZATION_NAME, organisation), attribute(x509.NameOID.COMMON_NAME, common)]
        )

    ca_name = subject("test CA")
    key = issue("ca", ca_name, None, None, ca=True)
    server_names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    issue("server", subject("localhost"), ca_name, key, server_names)
    issue("other", subject("elsewhere.example"), ca_name, key, [x509.DNSName("elsewhere.example")])
    issue("vehicle", subject("1M8GDM9AXKP042788"), ca_name, key, [x509.UniformResourceIdentifier("urn:vin:1M8GDM9AXKP042788")])


@pytest.fixture
def send(build):
    def run_send(*words, timeout=60):
        done = subprocess.run(
            [str(build / "vsocd"), "send", *map(str, words)], capture_output=True, text=True, timeout=timeout
        )
        return done.returncode, done.stdout, done.stderr

    return run_send


def accepted(server):
    return server.metric("vsocd_events_total", 'result="accepted"')


def test_a_file_is_sent_once_however_often_it_is_sent(server, send, tmp_path):
    file = tmp_path / "a.ndjson"
    file.write_bytes(ndjson(event(n) for n in range(100)))
    code, out, err = send("--url", server.url, file)
    assert (code, err) == (0, "")
    assert out == "1 batches acknowledged: 100 events accepted, 0 duplicates, 0 quarantined\n"
    code, out, err = send("--url", server.url, file)
    assert code == 0
    assert "1 of the batches had been stored before" in out
    assert accepted(server) == 100


@pytest.mark.parametrize("coding", ["gzip", "zstd", "identity"])
def test_codings_arrive(server, send, tmp_path, coding):
    file = tmp_path / "a.ndjson"
    file.write_bytes(ndjson(event(n) for n in range(10)))
    code, out, err = send("--url", server.url, "--encoding", coding, "--format", "vsoc_json", file)
    assert (code, err) == (0, "")
    assert "10 events accepted" in out


@pytest.mark.parametrize("style", ["ndjson", "array", "pretty"])
def test_big_files_are_cut_between_records(server, send, tmp_path, style):
    events = [event(n, message="x" * (1 + n % 50)) for n in range(1000)]
    file = tmp_path / "a.json"
    if style == "ndjson":
        file.write_bytes(ndjson(events))
    elif style == "array":
        file.write_text(json.dumps(events))
    else:
        file.write_text("\n".join(json.dumps(one, indent=2) for one in events))
    code, out, err = send("--url", server.url, "--batch-events", 300, file)
    assert (code, err) == (0, "")
    assert out.startswith("4 batches acknowledged: 1000 events accepted, 0 duplicates, 0 quarantined")
    code, out, err = send("--url", server.url, "--batch-bytes", 20000, "--encoding", "identity", file)
    assert code == 0
    assert int(out.split()[0]) > 5
    assert accepted(server) == 2000


def test_what_is_quarantined_is_told_with_its_place_in_the_file(server, send, tmp_path):
    lines = ndjson(event(n) for n in range(5)).splitlines(keepends=True)
    lines[3] = b'{"sev_id":"no number","vin":"1M8GDM9AXKP042788"}\n'
    file = tmp_path / "bad.ndjson"
    file.write_bytes(b"".join(lines))
    code, out, err = send("--url", server.url, "--batch-events", 2, file)
    assert code == 1
    assert "4 events accepted" in out and "1 quarantined" in out
    place = int(err.removeprefix(f"{file}: byte ").split(",")[0])
    start = len(b"".join(lines[:3]))
    assert start <= place < start + len(lines[3])
    assert ", event 1 of its batch: wrong_type: sev_id" in err


def test_a_wrong_format_is_refused_for_good(server, send, tmp_path):
    file = tmp_path / "a"
    file.write_text("x\n")
    code, out, err = send("--url", server.url, "--format", "nonsense", file)
    assert code == 1
    assert "refused with 404" in err and "nonsense" in err


def test_a_missing_file_is_told_and_the_others_are_sent(server, send, tmp_path):
    file = tmp_path / "a.ndjson"
    file.write_bytes(ndjson([event(1)]))
    code, out, err = send("--url", server.url, tmp_path / "none", tmp_path, file)
    assert code == 1
    assert f"{tmp_path}/none: No such file" in err
    assert f"{tmp_path}: is not a regular file" in err
    assert "1 events accepted" in out


@pytest.fixture
def tls_server(make_server, tmp_path):
    make_ca(tmp_path)

    def make(certificate="server"):
        return make_server(
            {
                "listen": {"ingest": {"tls": True}},
                "tls": {
                    "certificate": str(tmp_path / f"{certificate}.crt"),
                    "key": str(tmp_path / f"{certificate}.key"),
                    "client_ca": str(tmp_path / "ca.crt"),
                    "client_auth": "required",
                },
            }
        )

    return make


def test_mutual_tls(tls_server, send, tmp_path):
    server = tls_server()
    file = tmp_path / "a.ndjson"
    file.write_bytes(ndjson([event(1)]))
    vehicle = ["--cert", tmp_path / "vehicle.crt", "--key", tmp_path / "vehicle.key"]
    for host in ("localhost", "127.0.0.1"):
        code, out, err = send("--url", f"https://{host}:{server.port}", "--ca", tmp_path / "ca.crt", *vehicle, file)
        assert (code, err) == (0, "")
    code, out, err = send("--url", server.url, *vehicle, file)
    assert code == 1
    assert "the server's certificate is not trusted" in err and "needs the file of its CA: --ca" in err
    code, out, err = send("--url", server.url, "--ca", tmp_path / "ca.crt", file)
    assert code == 1
    assert "certificate required; `vsocd send` presents one with --cert and --key" in err and "error:" not in err


def test_the_servers_name_is_checked(tls_server, send, tmp_path):
    server = tls_server("other")
    file = tmp_path / "a.ndjson"
    file.write_bytes(ndjson([event(1)]))
    vehicle = ["--cert", tmp_path / "vehicle.crt", "--key", tmp_path / "vehicle.key", "--ca", tmp_path / "ca.crt"]
    code, _, err = send("--url", f"https://localhost:{server.port}", *vehicle, file)
    assert code == 1
    assert "the server's certificate is not trusted: hostname mismatch" in err.lower()


def test_files_for_tls_must_be_readable(send, tmp_path):
    (tmp_path / "a").write_text("x\n")
    code, _, err = send("--url", "https://127.0.0.1:1", "--ca", tmp_path / "none.crt", tmp_path / "a")
    assert code == 1
    assert "none.crt" in err


# A server that answers as it is told

REPORT = {"batch_id": "b", "position": 1, "ack": "spool", "accepted": 1, "duplicates": 0, "quarantined": 0, "errors": []}


PROGRESS_SECONDS = 5  # PROGRESS_LINE_NS of cmd_send.c


class Stub:
    """Answers each POST with the next of `answers`: (status, headers, body, style)."""

    def __init__(self, answers):
        self.answers, self.seen = list(answers), []
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stub.seen.append((self.path, dict(self.headers), body))
                status, headers, body, style = stub.answers.pop(0)
                if style == "late":
                    time.sleep(PROGRESS_SECONDS + 0.2)
                if style == "drop":
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if style == "chunked":
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    half = len(body) // 2
                    for part in (body[:half], body[half:]):
                        self.wfile.write(b"%x;a=b\r\n%s\r\n" % (len(part), part))
                    self.wfile.write(b"0\r\nTrailer: x\r\n\r\n")
                elif style == "close":
                    self.send_header("Connection", "close")
                    self.end_headers()
                    self.wfile.write(body)
                    self.close_connection = True
                else:
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def stub():
    made = []

    def make(*answers):
        made.append(Stub(answers))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def good(style="length", **changes):
    return 200, {}, json.dumps({**REPORT, **changes}).encode(), style


def test_a_batch_is_sent_again_until_it_is_acknowledged(stub, send, tmp_path):
    server = stub(
        (503, {"Retry-After": "1"}, b'{"code":"spool_full","detail":"the disk is full"}', "length"),
        (0, {}, b"", "drop"),
        (429, {}, b"", "length"),
        (200, {}, b"no report", "length"),
        good("chunked"),
        good("close"),
        good(),
    )
    file = tmp_path / "a"
    file.write_text("one\n")
    code, out, err = send("--url", server.url, "--format", "syslog", "--vehicle", "1M8GDM9AXKP042788", file)
    assert code == 1, "a 200 that is no report is not believed"
    assert "the server answers 503 spool_full: the disk is full; again in" in err
    server.answers = server.answers[-3:]
    code, out, err = send("--url", server.url, "--format", "syslog", "--vehicle", "1M8GDM9AXKP042788", file, file, file)
    assert (code, err) == (0, "")
    assert out.startswith("3 batches acknowledged: 3 events")
    paths, headers, bodies = zip(*server.seen)
    assert set(paths) == {"/v1/events/syslog"}
    assert len({one["Idempotency-Key"] for one in headers}) == 1
    assert {one["VSOC-Vehicle"] for one in headers} == {"1M8GDM9AXKP042788"}
    assert {gzip.decompress(one) for one in bodies} == {b"one\n"}


def test_different_content_has_different_keys(stub, send, tmp_path):
    server = stub(good(), good())
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    assert send("--url", server.url, tmp_path / "a", tmp_path / "b")[0] == 0
    keys = [headers["Idempotency-Key"] for _, headers, _ in server.seen]
    assert len(set(keys)) == 2


def test_a_server_that_starts_late_gets_the_batch(build, make_server, tmp_path):
    server = make_server(start=False)
    file = tmp_path / "a.ndjson"
    file.write_bytes(ndjson([event(1)]))
    process = subprocess.Popen(
        [str(build / "vsocd"), "send", "--url", server.url, str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert "can't connect to 127.0.0.1" in process.stderr.readline()
        server.start()
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "1 events accepted" in out


def test_an_ack_level_that_was_not_reached_is_told(stub, send, tmp_path):
    server = stub(good(ack="spool"), good(ack="kafka"))
    (tmp_path / "a").write_text("x\n")
    code, out, _ = send("--url", server.url, "--ack", "kafka", tmp_path / "a")
    assert code == 1
    assert "the requested level was not reached" in out
    assert send("--url", server.url, "--ack", "kafka", tmp_path / "a")[0] == 0
    assert server.seen[0][1]["VSOC-Ack"] == "kafka"


def test_a_refusal_of_the_sender_ends_the_run(stub, send, tmp_path):
    problem = json.dumps({"status": 403, "code": "no_tenant", "detail": "this certificate names no tenant"}).encode()
    server = stub((403, {}, problem, "length"))
    (tmp_path / "a").write_text("x\n")
    code, out, err = send("--url", server.url, tmp_path / "a", tmp_path / "a")
    assert code == 1
    assert len(server.seen) == 1
    assert "refused with 403 no_tenant: this certificate names no tenant" in err


def test_no_http_is_told(send, tmp_path):
    import socket

    (tmp_path / "a").write_text("x\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak():
            connection, _ = listener.accept()
            connection.sendall(b"SSH-2.0-something\r\n")
            connection.recv(65536)
            connection.close()

        thread = threading.Thread(target=speak)
        thread.start()
        code, _, err = send("--url", f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path / "a")
        thread.join()
    assert code == 1
    assert "not HTTP/1.1" in err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--url", "http://h"],
        ["--url", "ftp://h", "f"],
        ["--url", "http://u@h", "f"],
        ["--url", "http://h:99999", "f"],
        ["--url", "http://[::1", "f"],
        ["--url", "http://h", "--format", "../x", "f"],
        ["--url", "http://h", "--encoding", "lzma", "f"],
        ["--url", "http://h", "--vehicle", "nobody", "f"],
        ["--url", "http://h", "--token", "two words", "f"],
        ["--url", "http://h", "--token-file", "/nowhere", "f"],
        ["--url", "http://h", "--cert", "c", "f"],
        ["--url", "http://h", "--batch-bytes", "0", "f"],
        ["--nonsense"],
    ],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_wrong_usage_is_told(send, words):
    code, out, err = send(*words)
    assert code == 64
    assert "usage: vsocd send" in err


def test_a_wrong_url_is_named_with_what_is_wrong(send):
    assert send("--url", "ftp://h", "f")[2].startswith("vsocd send: --url 'ftp://h': a URL must start with http:// or https://\n")


def test_a_terminal_gets_a_progress_bar(server, build, tmp_path):
    file = tmp_path / "a.ndjson"
    file.write_bytes(ndjson(event(n) for n in range(100)))
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [str(build / "vsocd"), "send", "--url", server.url, "--batch-events", "10", str(file)],
        stdout=subprocess.PIPE,
        stderr=slave,
    )
    os.close(slave)
    out, _ = process.communicate(timeout=60)
    shown = b""
    while select.select([master], [], [], 0)[0]:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    assert process.returncode == 0
    assert b"[##############################] 100 %  10 batches, 100 events accepted" in shown


def test_standard_input_is_sent(server, build):
    body = ndjson(event(n) for n in range(100))
    done = subprocess.run(
        [str(build / "vsocd"), "send", "--url", server.url, "-"], input=body, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert accepted(server) == 100


def test_token_from_file_and_command_line(make_server, send, tmp_path):
    tokens = tmp_path / "tokens"
    server = make_server({"identity": {"tokens_file": str(tokens)}}, start=False)
    token = server.run("token", "new", "--file", tokens, "--tenant", "Demo", "--id", "gw").stdout.decode()
    server.start()
    (tmp_path / "token").write_text(token)
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "a").write_bytes(ndjson([event(1)]))
    (tmp_path / "b").write_bytes(ndjson([event(2)]))
    assert send("--url", server.url, tmp_path / "a")[0] == 1
    assert send("--url", server.url, "--token-file", tmp_path / "token", tmp_path / "a")[0] == 0
    assert send("--url", server.url, "--token", token.strip(), tmp_path / "b")[0] == 0
    assert accepted(server) == 2


def test_interrupt_prints_the_totals(stub, build, tmp_path):
    server = stub(good(), (503, {"Retry-After": "3600"}, b"{}", "length"))
    (tmp_path / "a").write_bytes(b"one\n")
    (tmp_path / "b").write_bytes(b"two\n")
    process = subprocess.Popen(
        [str(build / "vsocd"), "send", "--url", server.url, str(tmp_path / "a"), str(tmp_path / "b")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "again in" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out.startswith("1 batches acknowledged")
    assert "1 batches interrupted before the answer arrived" in out


def test_progress_without_a_terminal_is_lines(stub, build, tmp_path):
    """The first answer takes longer than the time between two lines."""
    server = stub(good("late"), good())
    (tmp_path / "a").write_bytes(b"one\ntwo\n")
    done = subprocess.run(
        [str(build / "vsocd"), "send", "--url", server.url, "--batch-events", "1", "--format", "syslog", str(tmp_path / "a")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert re.search(r"^vsocd send: \d+ %, 1 batches, 1 events accepted$", done.stderr, re.M)


# healthcheck


def health(build, *words, environment=None):
    done = subprocess.run(
        [str(build / "vsocd"), "healthcheck", *words],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, **(environment or {})},
    )
    return done.returncode, done.stderr


def test_healthcheck_asks_the_admin_listener(server, build):
    assert health(build, "--url", f"http://127.0.0.1:{server.admin_port}/readyz") == (0, "")
    for host in ("127.0.0.1", "0.0.0.0"):
        address = {"VSOCD_LISTEN__ADMIN__ADDRESS": f"{host}:{server.admin_port}"}
        assert health(build, environment=address) == (0, "")
    code, err = health(build, "--url", f"http://127.0.0.1:{server.admin_port}/nothing")
    assert code == 1 and "answers 404" in err


def test_healthcheck_fails_when_nobody_is_there(build):
    code, err = health(build, "--url", f"http://127.0.0.1:{free_port()}/readyz")
    assert code == 1 and "can't connect" in err
    assert health(build, "--nonsense")[0] == 64
