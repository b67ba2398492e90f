"""The load generator against small HTTP servers: what its ledger says must be what a server acknowledged."""

import gzip
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import zlib

import pytest

from harness import SLOWEST
from ledger import content_of_sent, read_told

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLEET = pathlib.Path(os.environ.get("VSOCD_BUILD", ROOT / "build" / "dev")) / "fleet"


class Request:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        self.body = body

    @property
    def key(self):
        return self.headers.get("Idempotency-Key")

    def events(self):
        coding = self.headers.get("Content-Encoding")
        if coding == "gzip":
            text = gzip.decompress(self.body)
        elif coding == "deflate":
            text = zlib.decompress(self.body)
        else:
            text = self.body
        if self.headers["Content-Type"] == "application/json":
            return json.loads(text)
        return [json.loads(line) for line in text.splitlines()]


class Server:
    """Answers each request with what `answer(request, number)` returns; None closes without an answer."""

    def __init__(self, answer, tls=None):
        self.answer = answer
        self.tls = tls
        self.requests = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = "%s://127.0.0.1:%d" % ("https" if tls else "http", self.listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        if self.tls:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except OSError:
                return
        with connection, connection.makefile("rb") as stream:
            while True:
                request = self._read(stream)
                if request is None:
                    return
                with self.lock:
                    self.requests.append(request)
                    number = len(self.requests)
                reply = self.answer(request, number)
                if reply is None:
                    return
                connection.sendall(reply)

    @staticmethod
    def _read(stream):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            try:
                line = stream.readline()
            except ConnectionResetError:
                return None
            if not line:
                return None
            head += line
        request = Request(head, b"")
        request.body = stream.read(int(request.headers["Content-Length"]))
        return request

    def close(self):
        self.listener.close()


def http(status, body=b"", headers=()):
    lines = ["HTTP/1.1 %d X" % status, "Content-Length: %d" % len(body), *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def report(request, quarantined=(), duplicates=0, **more):
    count = len(request.events())
    fields = {
        "batch_id": "b-" + str(request.key),
        "position": 7,
        "ack": "spool",
        "accepted": count - len(quarantined) - duplicates,
        "duplicates": duplicates,
        "quarantined": len(quarantined),
        "errors": [
            {"index": i, "offset": 0, "code": "type", "detail": 'a "quoted" {detail}]'} for i in quarantined
        ],
        "truncated": False,
    }
    return http(200, json.dumps({**fields, **more}, indent=1).encode())


@pytest.fixture
def serve():
    servers = []

    def start(answer, tls=None):
        servers.append(Server(answer, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def fleet(tmp_path):
    """Runs the generator; returns (exit status, summary, ledger as {id: (batch id, state)}, stderr)."""

    def run(server, *options, events=40, batch=10, connections=2):
        ledger = tmp_path / "ledger"
        done = subprocess.run(
            [str(FLEET), "--url", server.url, "--events", str(events), "--batch", str(batch)]
            + ["--connections", str(connections), "--ledger", str(ledger), "--json", "--retry-for", str(20 * SLOWEST)]
            + list(options),
            capture_output=True,
            text=True,
            timeout=60 * SLOWEST,
        )
        rows = [line.split("\t") for line in ledger.read_text().splitlines()]
        assert len({row[0] for row in rows}) == len(rows), "an id stands twice in the ledger"
        return done.returncode, json.loads(done.stdout), {row[0]: tuple(row[1:3]) for row in rows}, done.stderr

    return run


def sent_ids(requests):
    return [event["id"] for request in requests for event in request.events()]


def test_every_event_is_sent_once_and_stands_in_the_ledger(serve, fleet):
    server = serve(lambda request, number: report(request))
    status, summary, ledger, _ = fleet(server, events=45)
    ids = sent_ids(server.requests)
    assert status == 0 and summary["complete"] and summary["requests"] == 5
    assert len(ids) == 45 and set(ids) == set(ledger)
    assert {state for _, state in ledger.values()} == {"accepted"}


@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
@pytest.mark.parametrize("form", ["ndjson", "json"])
def test_body_is_what_its_headers_say(serve, fleet, encoding, form):
    server = serve(lambda request, number: report(request))
    status, _, ledger, _ = fleet(server, "--encoding", encoding, "--format", form)
    assert status == 0 and set(sent_ids(server.requests)) == set(ledger)


def test_zstd_body_is_a_zstd_frame(serve, fleet):
    def answer(request, number):
        assert request.headers["Content-Encoding"] == "zstd"
        plain = subprocess.run(["zstd", "-dc"], input=request.body, capture_output=True, check=True).stdout
        request.body, request.headers["Content-Encoding"] = plain, "identity"
        return report(request)

    status, _, ledger, _ = fleet(serve(answer), "--encoding", "zstd")
    assert status == 0 and len(ledger) == 40


def test_prebuilt_batches_are_the_same_bytes_as_fresh_ones(serve, fleet):
    servers = [serve(lambda request, number: report(request)) for _ in range(2)]
    same = ["--seed", "5", "--time", "1790000000000"]
    fleet(servers[0], *same)
    fleet(servers[1], *same, "--prebuilt", "all")
    bodies = [{request.key: request.body for request in server.requests} for server in servers]
    assert bodies[0] == bodies[1] and len(bodies[0]) == 4


def test_busy_server_gets_the_same_batch_again(serve, fleet):
    def answer(request, number):
        return http(503, b"{}", ["Retry-After: 1"]) if number == 1 else report(request)

    server = serve(answer)
    status, summary, ledger, _ = fleet(server, events=10, connections=1)
    first, second = server.requests
    assert status == 0 and summary["retries"] == 1 and summary["statuses"] == {"200": 1, "503": 1}
    assert (first.key, first.body) == (second.key, second.body)
    assert len(ledger) == 10 and summary["latency_ms"]["max"] >= 1000


@pytest.mark.parametrize("code", [408, 409, 429, 500, 503])
def test_transient_answers_are_repeated(serve, fleet, code):
    server = serve(lambda request, number: http(code) if number <= 2 else report(request))
    status, summary, ledger, _ = fleet(server)
    assert status == 0 and summary["statuses"][str(code)] == 2 and len(ledger) == 40


def test_lost_reply_repeats_key_and_body_and_counts_once(serve, fleet):
    def answer(request, number):
        return None if number % 2 == 1 else report(request, duplicate=True)

    server = serve(answer)
    status, summary, ledger, _ = fleet(server, events=20, connections=1)
    bodies = {}
    for request in server.requests:
        bodies.setdefault(request.key, set()).add(request.body)
    assert status == 0 and summary["retries"] == 2 and summary["disconnects"] == 2
    assert len(bodies) == 2 and all(len(same) == 1 for same in bodies.values())
    assert len(ledger) == 20 and summary["batches_known_before"] == 2


def test_half_a_reply_is_no_acknowledgement(serve, fleet):
    def answer(request, number):
        whole = report(request)
        return whole.replace(b"Content-Length: ", b"Content-Length: 9") if number == 1 else whole

    server = serve(answer)
    status, summary, ledger, _ = fleet(server, "--timeout", "1", events=10, connections=1)
    assert status == 0 and summary["timeouts"] == 1 and summary["requests"] == 2 and len(ledger) == 10


@pytest.mark.parametrize("form", ["ndjson", "json"])
def test_ledger_says_what_each_event_said_and_of_which_vehicle_it_was(serve, fleet, tmp_path, form):
    server = serve(lambda request, number: report(request))
    fleet(server, "--format", form, events=2000, batch=50)
    said = {event["id"]: (content_of_sent(event), event["vin"]) for request in server.requests for event in request.events()}
    assert {event_id: (one.content, one.vehicle) for event_id, one in read_told(tmp_path / "ledger").items()} == said


def test_quarantined_indices_of_the_report_reach_the_ledger(serve, fleet):
    server = serve(lambda request, number: report(request, quarantined=(0, 7)))
    status, summary, ledger, _ = fleet(server)
    expected = {}
    for request in server.requests:
        for index, event in enumerate(request.events()):
            state = "quarantined" if index in (0, 7) else "accepted"
            expected[event["id"]] = ("b-" + request.key, state)
    assert status == 0 and ledger == expected and summary["quarantined"] == 8


def test_duplicates_of_a_whole_batch_reach_the_ledger(serve, fleet):
    server = serve(lambda request, number: report(request, duplicates=len(request.events())))
    status, summary, ledger, _ = fleet(server)
    assert status == 0 and summary["duplicates"] == 40
    assert {state for _, state in ledger.values()} == {"duplicate"}


def test_refusal_is_final_and_shown(serve, fleet):
    refused = []

    def answer(request, number):
        if number == 2:
            refused.append(request)
            return http(400, b'{"title":"not a batch"}')
        return report(request)

    server = serve(answer)
    status, summary, ledger, errors = fleet(server)
    assert status == 1 and not summary["complete"]
    assert summary["events_refused"] == 10 and summary["statuses"] == {"200": 3, "400": 1}
    assert '{"title":"not a batch"}' in errors
    assert len(ledger) == 30 and not set(sent_ids(refused)) & set(ledger)


def test_report_that_does_not_add_up_is_no_acknowledgement(serve, fleet):
    server = serve(lambda request, number: report(request, accepted=1))
    status, summary, ledger, _ = fleet(server, events=10)
    assert status == 1 and summary["bad_reports"] == 1 and not ledger


def test_run_ends_at_its_deadline(serve, fleet):
    server = serve(lambda request, number: http(503))
    status, summary, ledger, errors = fleet(server, "--retry-for", "1")
    assert status == 1 and not ledger and "deadline" in errors


def test_unreachable_server_is_tried_until_the_deadline(serve, fleet):
    server = serve(lambda request, number: None)
    server.close()
    status, summary, ledger, _ = fleet(server, "--retry-for", "1")
    assert status == 1 and not ledger and summary["connect_errors"] > 1


def test_interrupted_run_prints_what_was_done(serve, tmp_path):
    reached = threading.Event()

    def answer(request, number):
        if number > 3:
            reached.set()
            return http(503, b"", ["Retry-After: 60"])
        return report(request)

    server = serve(answer)
    ledger = tmp_path / "ledger"
    command = [str(FLEET), "--url", server.url, "--events", "100", "--batch", "10", "--connections", "1"]
    running = subprocess.Popen(
        command + ["--json", "--ledger", str(ledger)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert reached.wait(20 * SLOWEST)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=20 * SLOWEST)
    summary = json.loads(output)
    assert running.returncode == 1 and summary["interrupted"]
    assert summary["events_acknowledged"] == 30 == len(ledger.read_text().splitlines())


def test_rate_spreads_the_run(serve, fleet):
    server = serve(lambda request, number: report(request))
    status, summary, _, _ = fleet(server, "--rate", "100", events=110)
    assert status == 0 and summary["seconds"] >= 0.9
    assert summary["latency_ms"]["max"] < 5000 * SLOWEST  # milliseconds, of an answer and not of the run


def test_options_of_the_request_are_sent(serve, fleet):
    server = serve(lambda request, number: report(request))
    fleet(server, "--ack", "postgres", "--token", "secret-1")
    assert {request.headers["VSOC-Ack"] for request in server.requests} == {"postgres"}
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer secret-1"}
    assert {request.line for request in server.requests} == {"POST /v1/events HTTP/1.1"}


def test_server_without_reports_is_trusted_by_status_only_when_asked(serve, fleet):
    server = serve(lambda request, number: http(201))
    assert fleet(server)[0] == 1
    status, summary, ledger, _ = fleet(server, "--no-report")
    assert status == 0 and len(ledger) == 40


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """A CA, a server certificate for 127.0.0.1 and a vehicle's certificate, as PEM files in a folder."""
    folder = tmp_path_factory.mktemp("pki")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    openssl(*new, "-subj", "/CN=test CA", "-keyout", "ca.key", "-out", "ca.crt")
    for name in ("server", "vehicle"):
        issued = ["-CA", "ca.crt", "-CAkey", "ca.key", "-keyout", name + ".key", "-out", name + ".crt"]
        openssl(*new, "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1", *issued)
    return folder


@pytest.fixture
def mutual_tls(pki):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.crt", pki / "server.key")
    context.load_verify_locations(pki / "ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_vehicle_with_a_certificate_posts_over_mutual_tls(serve, fleet, pki, mutual_tls):
    server = serve(lambda request, number: report(request), mutual_tls)
    identity = ["--cert", str(pki / "vehicle.crt"), "--key", str(pki / "vehicle.key")]
    status, _, ledger, _ = fleet(server, "--ca", str(pki / "ca.crt"), *identity)
    assert status == 0 and len(ledger) == 40


def test_server_of_another_ca_gets_no_event(serve, fleet, mutual_tls):
    server = serve(lambda request, number: report(request), mutual_tls)
    status, summary, ledger, _ = fleet(server, "--retry-for", "1")
    assert status == 1 and not ledger and not server.requests and summary["connect_errors"] > 0


def test_wrong_usage_names_the_option():
    done = subprocess.run([str(FLEET), "--url", "http://x", "--batch", "0"], capture_output=True, text=True)
    assert done.returncode == 64 and "--batch 0" in done.stderr


VIN_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9]))
VIN_WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]


def test_events_are_varied_and_their_vins_check(serve, fleet):
    server = serve(lambda request, number: report(request))
    status, summary, _, err = fleet(server, "--vehicles", "50", events=5000, batch=50)
    assert status == 0, err  # when the deadline of the run passes first, not all vehicles have been seen
    events = [event for request in server.requests for event in request.events()]
    for vin in {event["vin"] for event in events}:
        total = sum((int(c) if c.isdigit() else VIN_VALUES[c]) * w for c, w in zip(vin, VIN_WEIGHTS)) % 11
        assert len(vin) == 17 and vin[8] == ("X" if total == 10 else str(total))
    assert len({event["vin"] for event in events}) == 50
    assert len({event["event_name"] for event in events}) >= 12
    mean = sum(len(json.dumps(event, separators=(",", ":"))) for event in events) / len(events)
    assert 340 <= mean <= 420


MODES = [
    ["--ledger", "LEDGER", "--bad-every", "7"],
    ["--ledger", "LEDGER", "--format", "json", "--encoding", "zstd", "--prebuilt", "0"],
    ["--reuse", "2", "--rate", "500"],
]


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.parametrize("words", MODES, ids=["ledger", "array", "reuse"])
def test_no_memory_is_read_before_it_is_written(serve, tmp_path, words):
    def answer(request, number):
        return report(request) if request.headers.get("Content-Encoding") != "zstd" else http(503)

    server = serve(answer)
    command = ["valgrind", "-q", "--error-exitcode=99", str(FLEET), "--url", server.url, "--events", "40", "--batch", "10", "--connections", "2"]
    command += [word.replace("LEDGER", str(tmp_path / "ledger")) for word in words]
    if "zstd" in words:  # this small server can't read it: the run ends at its deadline, after repeats
        command += ["--retry-for", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * SLOWEST)
    assert done.returncode == (1 if "zstd" in words else 0) and "==" not in done.stderr, done.stderr
