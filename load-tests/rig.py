"""Starts what a load test needs: private PostgreSQL and Kafka, one vsocd, and reads their figures.

Everything lives in one folder and ends with the `with` block, whatever happens in it.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
SINKS = ("file", "postgres", "kafka")


class RigError(Exception):
    """Something a person has to put right; the text says what."""


def wait_until(check, seconds, what, interval=0.1):
    """Polls until check() is true; RigError when the time is over."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise RigError(f"{what} did not happen within {seconds} s")
        time.sleep(interval)


class Server:
    """One running `vsocd serve`."""

    def __init__(self, build, folder, sinks, settings=(), environment=None):
        self.program = build / "vsocd"
        self.folder = folder
        self.sinks = sinks
        self.settings = [word for setting in settings for word in ("--set", setting)]
        self.url = self.admin = None  # free ports, known when the server has told them in its log
        self.config = folder / "vsocd.yaml"
        self.log = folder / "vsocd.log"
        self.process = None
        self.environment = {**os.environ, **(environment or {})}

    def write_config(self, dsn, bootstrap, instance="load-test"):
        self.owner_dsn = dsn
        quoted = json.dumps  # a JSON string is a YAML string
        self.config.write_text(
            f"""instance: {instance}
data_dir: {quoted(str(self.folder / "data"))}
listen:
  ingest: {{ address: "127.0.0.1:0", tls: false }}
  admin: {{ address: "127.0.0.1:0" }}
tls: {{ client_auth: "off" }}
privacy: {{ keys_file: {quoted(str(self.folder / "vin.keys"))} }}
limits: {{ connections_per_address: 20000 }}
sinks:
  kafka:
    enabled: {"true" if "kafka" in self.sinks else "false"}
    properties: {{ bootstrap.servers: {quoted(bootstrap)}, compression.type: lz4 }}
  postgres: {{ enabled: {"true" if "postgres" in self.sinks else "false"}, dsn: {quoted(dsn.replace("user=postgres", "user=vsoc_ingest"))} }}
  file: {{ enabled: {"true" if "file" in self.sinks else "false"}, path: {quoted(str(self.folder / "events.ndjson"))} }}
log: {{ level: info, format: text }}
"""
        )

    def start(self, interval=0.1):
        """interval: between two looks whether it is ready."""
        if "postgres" in self.sinks:
            self._run("migrate", "--set", f"sinks.postgres.dsn={self.owner_dsn}")
        with open(self.log, "ab") as log:
            self.log_at = log.seek(0, 2)  # what a server before it wrote is not read
            command = [str(self.program), "serve", "-c", str(self.config), *self.settings]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
        wait_until(self._is_ready, 120, f"vsocd becoming ready (its log: {self.log})", interval)

    def _run(self, subcommand, *words):
        command = [str(self.program), subcommand, "-c", str(self.config), *self.settings, *words]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RigError(f"vsocd {subcommand} failed with {done.returncode}: {done.stderr[-2000:]}")

    def _is_ready(self):
        if self.process.poll() is not None:
            raise RigError(f"vsocd ended with {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
        log = self.log.read_bytes()[self.log_at :].decode()
        self.url = self._address(log, "ingest")
        self.admin = self._address(log, "admin")
        if not self.url or not self.admin:
            return False
        try:
            return urllib.request.urlopen(self.admin + "/readyz", timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False

    @staticmethod
    def _address(log, listener):
        found = re.search(rf"listening listener={listener} address=(\S+)", log)
        return found and "http://" + found[1]

    def metrics(self):
        """All samples: {(name, sorted labels text): value}."""
        samples = {}
        with urllib.request.urlopen(self.admin + "/metrics", timeout=10) as reply:
            for line in reply.read().decode().splitlines():
                match = re.match(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line)
                if match:
                    samples[match[1], match[2] or ""] = float(match[3])
        return samples

    def total(self, name, label=""):
        """Sum of a metric's samples whose labels hold the text."""
        return sum(value for (known, labels), value in self.metrics().items() if known == name and label in labels)

    def cpu_seconds(self):
        """User and system time of all its threads, from /proc/PID/stat (fields 14 and 15)."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def figures(self):
        """What the process holds now: CPU seconds used, resident MiB, open files, threads."""
        process = pathlib.Path(f"/proc/{self.process.pid}")
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        return {
            "cpu": self.cpu_seconds(),
            "resident": int(status["VmRSS"].split()[0]) / 1024,
            "files": len(os.listdir(process / "fd")),
            "threads": int(status["Threads"]),
        }

    def peak_memory_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024

    def wait_for_sinks(self, seconds):
        def caught_up():
            return self.total("vsocd_sink_lag_events") == 0

        if self.sinks:
            wait_until(caught_up, seconds, "the sinks catching up", interval=0.2)

    def reload(self, limits):
        """Writes other limits into the settings and sends SIGHUP."""
        words = ", ".join(f"{name}: {value}" for name, value in limits.items())
        self.config.write_text(re.sub(r"limits: \{.*\}", f"limits: {{ {words} }}", self.config.read_text()))
        self.process.send_signal(signal.SIGHUP)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Rig:
    """The folder and the services of one load test."""

    def __init__(self, sinks, keep=False):
        self.sinks = sinks
        self.keep = keep
        self.folder = None
        self.dsn = ""
        self.bootstrap = ""
        self.servers = []

    def __enter__(self):
        (ROOT / "run").mkdir(exist_ok=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="load-test-", dir=ROOT / "run"))
        try:
            if "postgres" in self.sinks:
                self.dsn = self.service("postgres", "start")
            if "kafka" in self.sinks:
                self.bootstrap = self.service("kafka", "start")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.stop()
        for name in ("postgres", "kafka"):
            if (self.folder / name).exists():
                self.service(name, "stop", "--kill")
        if self.keep:
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def service(self, name, action, *options):
        """start, stop, pause or resume; what start prints after '='."""
        command = [str(ROOT / "tests/services" / name), action, str(self.folder / name), *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RigError(f"tests/services/{name} {action} failed; its message stands above")
        return done.stdout.strip().partition("=")[2]

    def server(self, build, name, sinks, settings=(), environment=None):
        """A started server with its own spool."""
        folder = self.folder / name
        folder.mkdir()
        server = self.prepared(build, folder, sinks, settings, environment)
        server.start()
        return server

    def prepared(self, build, folder, sinks, settings=(), environment=None):
        """A server in a folder that is there, perhaps with a spool; not started."""
        server = Server(build, folder, sinks, settings, environment)
        server.write_config(self.dsn, self.bootstrap)
        self.servers.append(server)
        return server
