"""The image holds what it should, says how it is run, and serves."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import proc
import pytest
from hardening import problems_of
from harness import HarnessError, Vsocd, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
USER = 65532

# Every file of the image is one of these.
EXPECTED = [
    r"usr/bin/vsocd",
    r"(usr/)?lib(64)?/([a-z0-9_]+-linux-gnu/)?[\w.+-]+\.so(\.[0-9]+)*",
    r"etc/ssl/certs/ca-certificates\.crt",
    r"etc/(passwd|group|nsswitch\.conf)",
    r"usr/share/doc/[\w.+-]+/copyright",
    r"usr/share/common-licenses/[\w.-]+",
]


def files_of(root):
    return sorted(str(path.relative_to(root)) for path in pathlib.Path(root).rglob("*") if path.is_file() or path.is_symlink())


def image_of(buildah, image):
    return json.loads(buildah("inspect", "--type", "image", image))


def test_image_says_how_it_is_run(buildah, image):
    config = image_of(buildah, image)["OCIv1"]["config"]
    assert config["User"] == f"{USER}:{USER}"
    assert config["Entrypoint"] == ["/usr/bin/vsocd"]
    assert config["Cmd"] == ["serve", "-c", "/etc/vsocd/vsocd.yaml"]
    assert {port.removesuffix("/tcp") for port in config["ExposedPorts"]} == {"8443", "9600"}
    assert set(config["Volumes"]) == {"/var/lib/vsocd"}
    assert config["StopSignal"] == "SIGTERM"
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert config["Labels"]["org.opencontainers.image.revision"] == "test"


def test_image_checks_its_own_health(buildah, image):
    docker = image_of(buildah, image)["Docker"]
    container = docker.get("config") or docker["container_config"]
    assert container["Healthcheck"]["Test"] == ["CMD", "/usr/bin/vsocd", "healthcheck"]


def test_image_holds_the_program_its_libraries_certificates_and_licences_only(buildah, container):
    root = pathlib.Path(buildah("mount", container).strip())
    files = files_of(root)
    assert [name for name in files if not any(re.fullmatch(pattern, name) for pattern in EXPECTED)] == []
    assert {"usr/bin/vsocd", "etc/ssl/certs/ca-certificates.crt", "usr/share/doc/vsocd/copyright"} <= set(files)
    assert any(name.endswith("/libc.so.6") for name in files)
    assert "-----BEGIN CERTIFICATE-----" in (root / "etc/ssl/certs/ca-certificates.crt").read_text()
    data = (root / "var/lib/vsocd").stat()
    assert (data.st_uid, data.st_gid, data.st_mode & 0o777) == (USER, USER, 0o750)
    set_id = [name for name in files if (root / name).lstat().st_mode & 0o6000]
    assert set_id == []


def test_program_is_stripped_and_as_hardened_as_before(buildah, container):
    program = pathlib.Path(buildah("mount", container).strip()) / "usr/bin/vsocd"
    sections = subprocess.run(["readelf", "-SW", program], capture_output=True, text=True, check=True).stdout
    assert ".dynsym" in sections
    assert ".debug_info" not in sections and ".symtab" not in sections
    assert problems_of(program) == []


def test_program_runs_in_the_image(buildah, container):
    assert buildah("run", container, "--", "/usr/bin/vsocd", "version").startswith("vsocd ")


def test_copies_into_the_build_leave_out_builds_run_time_files_and_history(buildah, tmp_path):
    """What `COPY . /src` takes from a folder that was built and run in."""
    for name in ("build/dev/vsocd", "run/quickstart/tls/ca.key", ".git/config", "tests/run", "tests/support/tool.c", "core/arena.c", "deploy/install-deps",
                 "storage/sinks/postgres/schema/001_schema.sql", "core/build/kept.c"):
        (tmp_path / "context" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "context" / name).write_text(name)
    shutil.copy(ROOT / ".dockerignore", tmp_path / "context")
    (tmp_path / "Containerfile").write_text("FROM scratch\nCOPY . /src\n")
    buildah("bud", "--file", tmp_path / "Containerfile", "--tag", "localhost/vsocd-test-context", tmp_path / "context")
    with buildah.container("localhost/vsocd-test-context") as name:
        files = files_of(pathlib.Path(buildah("mount", name).strip()) / "src")
    assert [file for file in files if file != ".dockerignore"] == [
        "core/arena.c", "core/build/kept.c", "deploy/install-deps", "storage/sinks/postgres/schema/001_schema.sql", "tests/support/tool.c",
    ]


class ContainedVsocd(Vsocd):
    """vsocd in the image, its data in the image's own volume; the file sink writes into the folder that is mounted at /output."""

    def __init__(self, buildah, container, folder, settings):
        self.buildah, self.container = buildah, container
        super().__init__("/usr/bin", folder, settings)

    def write_config(self):
        (self.folder / "output").mkdir(exist_ok=True)
        os.chown(self.folder / "output", USER, USER)
        self.settings["data_dir"] = "/var/lib/vsocd"
        self.settings["privacy"]["keys_file"] = "/var/lib/vsocd/vin.keys"
        (self.folder / "etc").mkdir(exist_ok=True)
        (self.folder / "etc/vsocd.yaml").write_text(json.dumps(self.settings))

    def command(self, *words):
        return self.buildah.command(
            "run", "--user", f"{USER}:{USER}", "-v", f"{self.folder}/etc:/etc/vsocd:ro", "-v", f"{self.folder}/output:/output",
            self.container, "--", "/usr/bin/vsocd", *words,
        )

    def run(self, *words, check=True, input=None, timeout=120):
        done = subprocess.run(self.command(*words), capture_output=True, input=input, timeout=timeout, env=self.buildah.environment)
        if check and done.returncode != 0:
            raise HarnessError(f"vsocd {' '.join(words)}: {done.returncode}: {done.stderr.decode()[-2000:]}")
        return done

    def start(self, wait=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command("serve", "-c", "/etc/vsocd/vsocd.yaml"), stdout=log, stderr=log, env=self.buildah.environment
            )
        if wait:
            wait_until(self.is_ready, 60, "vsocd in the container becoming ready")

    def server_pid(self):
        for pid in proc.descendants_of(self.process.pid):
            if proc.command_of(pid)[:1] == ["/usr/bin/vsocd"]:
                return pid
        raise HarnessError(f"no vsocd runs in the container:\n{self.log()[-2000:]}")

    def terminate(self, seconds=60):
        os.kill(self.server_pid(), signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self):
        os.kill(self.server_pid(), signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def contained(buildah, container, tmp_path):
    server = ContainedVsocd(
        buildah, container, tmp_path / "server",
        {"sinks": {"file": {"enabled": True, "path": "/output/events.ndjson"}}},
    )
    yield server
    server.stop_for_good()


def test_settings_are_checked_in_the_image(contained):
    assert b"no mistakes" in contained.run("check-config", "-c", "/etc/vsocd/vsocd.yaml").stdout
    contained.settings["spool"]["segment_bites"] = "4MiB"
    contained.write_config()
    refused = contained.run("check-config", "-c", "/etc/vsocd/vsocd.yaml", check=False)
    assert refused.returncode != 0
    assert b"segment_bytes" in refused.stderr


def test_server_in_the_image_takes_events_as_an_ordinary_user_and_stops_when_told(contained):
    contained.start()
    status = pathlib.Path(f"/proc/{contained.server_pid()}/status").read_text()
    assert re.search(r"^Uid:\s+65532\s+65532\s+65532\s+65532$", status, flags=re.M)
    assert re.search(r"^Gid:\s+65532\s+65532\s+65532\s+65532$", status, flags=re.M)

    event = {"id": "container-1", "vin": "1M8GDM9AXKP042788", "event_name": "SEV_TEST", "time": "2026-11-22T10:15:02Z"}
    reply = contained.request("POST", "/v1/events", json.dumps(event), {"Content-Type": "application/json"})
    assert (reply.status, reply.json["accepted"]) == (200, 1)

    written = contained.folder / "output/events.ndjson"
    wait_until(lambda: written.exists() and b"container-1" in written.read_bytes(), 30, "the event in the file sink")
    assert contained.terminate() == 0


def test_health_is_asked_in_the_image(contained):
    ready = f"http://127.0.0.1:{contained.admin_port}/readyz"
    assert contained.run("healthcheck", "--url", ready, check=False).returncode != 0
    contained.start()
    contained.run("healthcheck", "--url", ready)
