"""The archive of evidence in a real S3 server with Object Lock: objects are locked, sent once, and a spool is rebuilt from them."""

import contextlib
import datetime
import hashlib
import json
import os
import re
import signal
import subprocess
import uuid

import fetched
import pytest
import spool_reader
from harness import event, free_port, ndjson, wait_until

PADDING = b"\n" * 300_000  # three bodies to a segment
KEY, SECRET = "archive-test", "archive-test-secret"


class Store:
    """versitygw over a folder; curl is the other client."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        for name in ("root", "versions", "sidecar"):
            (folder / name).mkdir()
        self.credentials = folder / "credentials"
        self.credentials.write_text(f"[other]\naws_access_key_id = x\n[default]\naws_access_key_id = {KEY}\naws_secret_access_key={SECRET}\n")
        self.credentials.chmod(0o600)
        self.process = None

    def start(self):
        command = [fetched.versitygw(), f"127.0.0.1:{self.port}", self.folder / "root", self.folder / "versions", self.folder / "sidecar"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, env={**os.environ, "S3_ACCESS": KEY, "S3_SECRET": SECRET})
        wait_until(lambda: self.call("GET", "")[0] == 200, 30, "the object store")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def call(self, method, path, *headers, secret=SECRET):
        """Status and answer of a signed request."""
        command = ["curl", "-s", "-X", method, "--aws-sigv4", "aws:amz:us-east-1:s3", "-u", f"{KEY}:{secret}", "-w", "\n%{http_code}", "-i",
                   f"{self.endpoint}/{path}"]
        for header in (f"x-amz-content-sha256: {hashlib.sha256().hexdigest()}", *headers):
            command += ["-H", header]
        if method == "HEAD":
            command[command.index("-X"):command.index("-X") + 2] = ["-I"]
        answer, _, code = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.rpartition("\n")
        return int(code or 0), answer

    def new_bucket(self, locked=True):
        name = "evidence-" + uuid.uuid4().hex[:8]
        code, answer = self.call("PUT", name, *(["x-amz-bucket-object-lock-enabled: true"] if locked else []))
        assert code == 200, answer
        return name

    def keys(self, bucket):
        return re.findall("<Key>([^<]*)</Key>", self.call("GET", f"{bucket}?list-type=2")[1])

    def versions(self, bucket):
        return re.findall("<Key>([^<]*)</Key>", self.call("GET", f"{bucket}?versions=")[1])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    one = Store(tmp_path_factory.mktemp("s3"))
    try:
        one.start()
        yield one
    finally:
        one.stop()


def settings(store, bucket, **more):
    archive = {"url": f"s3://{bucket}/vsoc/one", "endpoint": store.endpoint, "credentials_file": str(store.credentials), "retain": "2d"} | more
    return {"spool": {"segment_bytes": "1MiB", "max_bytes": "32MiB", "reserve_bytes": "0"},
            "evidence": {"retention": "0s", "max_bytes": "0", "archive": archive}}


def fill(server, batches, start=0):
    told = {}
    for number in range(start, start + batches):
        reply = server.post(ndjson([event(number)]) + PADDING)
        assert reply.status == 200, reply
        told[reply.json["position"]] = reply.json["batch_id"]
    return told


def settle(server):
    wait_until(lambda: server.metric("vsocd_archive_segments_behind") == 0 and server.metric("vsocd_archive_position") > 0
               and len(spool_reader.segment_paths(server.spool_dir)) == 1, 60, "the archive catching up")
    return int(server.metric("vsocd_archive_position"))


def test_objects_are_locked_sent_once_and_come_back(store, make_server, tmp_path):
    bucket = store.new_bucket()
    server = make_server(settings(store, bucket))
    told = fill(server, 13)
    position = settle(server)
    keys = store.keys(bucket)
    assert len(keys) >= 6 and all(key.startswith("vsoc/one/") for key in keys)
    for key in keys:
        code, head = store.call("HEAD", f"{bucket}/{key}", "x-amz-checksum-mode: ENABLED")
        headers = dict(line.lower().split(": ", 1) for line in head.splitlines() if ": " in line)
        until = datetime.datetime.fromisoformat(headers["x-amz-object-lock-retain-until-date"].upper().replace("Z", "+00:00"))
        days = (until - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 86400
        assert code == 200 and headers["x-amz-object-lock-mode"] == "compliance" and 2 < days < 3.1
        assert headers["x-amz-checksum-sha256"]
        version = headers["x-amz-version-id"]
        code, answer = store.call("DELETE", f"{bucket}/{key}?versionId={version.upper()}")
        assert code == 403 and "AccessDenied" in answer, answer
        code, answer = store.call("DELETE", f"{bucket}/{key}?versionId={version.upper()}", "x-amz-bypass-governance-retention: true")
        assert code == 403, answer
    assert sorted(store.versions(bucket)) == sorted(keys)

    listed = json.loads(server.run("archive", "verify", "-c", server.config, "--json").stdout)
    assert listed["findings"] == [] and listed["segments"][-1]["last_position"] == position
    server.run("archive", "restore", "-c", server.config, "--to", tmp_path / "restored")
    records = {r.position: str(r.batch_uid) for _, r in spool_reader.read_spool(tmp_path / "restored" / "spool")}
    assert {p: uid for p, uid in told.items() if p <= position}.items() <= records.items()

    server.terminate()
    (server.spool_dir / "cursors").unlink()
    server.start()
    fill(server, 4, start=100)
    settle(server)
    after = store.versions(bucket)
    assert set(keys) <= set(after) and len(set(after)) == len(after)


def test_store_that_is_away_stops_nothing(make_server, tmp_path):
    one = Store(tmp_path)
    one.start()
    try:
        bucket = one.new_bucket()
        server = make_server(settings(one, bucket))
        fill(server, 5)
        settle(server)
        one.stop()
        fill(server, 5, start=10)
        wait_until(lambda: server.metric("vsocd_archive_up") == 0, 60, "a failed attempt")
        assert "archive DOWN" in server.get("/readyz?verbose").body.decode() and server.get("/readyz").status == 200
        one.start()
        settle(server)
        assert server.metric("vsocd_archive_up") == 1
    finally:
        one.stop()


def test_wrong_keys_and_an_open_file_of_keys_are_told(store, make_server, tmp_path):
    wrong, readable = tmp_path / "wrong", tmp_path / "open"
    wrong.write_text(f"aws_access_key_id={KEY}\naws_secret_access_key=no\n")
    readable.write_text(store.credentials.read_text())
    wrong.chmod(0o600)
    readable.chmod(0o644)
    for path, text in ((wrong, "SignatureDoesNotMatch"), (readable, "chmod 600")):
        server = make_server(settings(store, store.new_bucket(), credentials_file=str(path)))
        fill(server, 4)
        wait_until(lambda: server.metric("vsocd_archive_failures_total") > 0, 60, "a failed attempt")
        verbose = server.get("/readyz?verbose").body.decode()
        assert "archive DOWN" in verbose and (text in verbose or "403" in verbose), verbose
        assert "aws_secret" not in server.log() or text == "chmod 600"
        assert SECRET not in server.log()


def test_killed_uploads_leave_each_object_once(build, store, make_server):
    bucket = store.new_bucket()
    server = make_server(settings(store, bucket), start=False)
    server.program = build / "unit" / "vsocd_faults"
    number, told = 0, {}
    for point in ("archive_object_begun:2", "archive_object_sent:2", "archive_object_named:3", "archive_segment_sent:1"):
        server.environment = {"VSOCD_FAULT": point}
        server.start()
        while server.process.poll() is None:
            with contextlib.suppress(OSError):
                reply = server.post(ndjson([event(number)]) + PADDING)
                if reply.status == 200:
                    told[reply.json["position"]] = reply.json["batch_id"]
            number += 1
        assert server.process.wait() == -signal.SIGKILL
    server.environment = {}
    server.start()
    position = settle(server)
    versions = store.versions(bucket)
    assert len(set(versions)) == len(versions)
    listed = json.loads(server.run("archive", "verify", "-c", server.config, "--json").stdout)
    assert listed["findings"] == [] and listed["segments"][-1]["last_position"] == position
    assert sum(1 for key in versions if key.endswith(".seg")) == len(listed["segments"])
