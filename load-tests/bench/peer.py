"""What all peers share: where their program is, their configuration from a template, and the sender that speaks their protocol.

A program is taken from PATH, else from the cache folder that `load-tests/peers/install` fills. Templates lie in load-tests/peers/.
"""

import functools
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import time
import urllib.request

from rig import ROOT, RigError, wait_until

from . import bodies
from .contender import Daemon

TEMPLATES = ROOT / "load-tests" / "peers"
CORES = len(os.sched_getaffinity(0))
POLL_SECONDS = 0.5  # between two looks at a peer's counters, so that looking costs little


@functools.cache
def installer():
    """load-tests/peers/install as a module: it knows where it puts things."""
    loader = importlib.machinery.SourceFileLoader("peers_install", str(TEMPLATES / "install"))
    spec = importlib.util.spec_from_loader("peers_install", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def render(template, values):
    """The template's text with @name@ replaced; a name that has no value, or a value that the template does not use, is an error."""
    text = (TEMPLATES / template).read_text()
    for name, value in values.items():
        if f"@{name}@" not in text:
            raise RigError(f"{template} has no place for {name}")
        text = text.replace(f"@{name}@", str(value))
    left = re.findall(r"@([a-z_]+)@", text)
    if left:
        raise RigError(f"{template}: no value for {', '.join(left)}")
    return text


class Peer(Daemon):
    """A subclass names itself and its package (a name of load-tests/peers/install), and says what it is sent.

    form: of the bodies (bodies.FORMATS). target: path of the URL, with HTTP. coded: gzip. waits: its answers do not say
    that the events are where it brings them, so the clock goes on until count() says so. far: where it brings them, if that counts what comes
    (far_side.py): made by command(), closed by stop()."""

    role = "peer"
    package = ""
    version_words = ("--version",)
    form, target, coded, http, waits = "ndjson", "/", True, True, False
    far = ()
    kept = {}  # (batch, build) -> captured batches; one for all peers of a run

    def path(self):
        return shutil.which(self.program) or self.installed()

    def installed(self):
        found = installer().program(self.package)
        return str(found) if found else None

    def available(self):
        if self.path():
            return None
        return installer().why_missing(self.package) or f"{self.program} is not on PATH; get it with load-tests/peers/install {self.package}"

    def version(self):
        """As install names it, else as its program says."""
        return installer().version(self.package) or self.said_version(*self.version_words)

    def said_version(self, *words):
        done = subprocess.run([self.path(), *words], capture_output=True, text=True, env=self.environment())
        found = re.search(r"\d+\.\d+[\w.]*", done.stdout + done.stderr)
        return found[0] if found else ""

    def environment(self):
        """Libraries of an unpacked package are beside its program."""
        root = self.root()
        if root is None:
            return None
        folders = [str(path) for pattern in ("usr/lib/*-linux-gnu", "lib/*-linux-gnu", "usr/lib/syslog-ng") for path in root.glob(pattern)]
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)} if folders else None

    def root(self):
        """The cache folder where its program comes from there, else None."""
        root = installer().root(self.package)
        return root if root is not None and self.path().startswith(str(root)) else None

    def send(self, run, ready=lambda: None):
        """Posts run.load with peer_send. The summary has the shape of fleet's. ready() is called when the bytes are ready."""
        load = run.load
        if load["events"] % load["batch"]:
            raise RigError(f"--events {load['events']} is not a multiple of --batch {load['batch']}: peers get whole batches")
        file = self.folder / "bodies"
        bodies.write(file, self.batches(run), self.form, self.target, self.coded)
        command = [str(run.build / "peer_send"), "--port", str(self.port), "--bodies", str(file), "--events", str(load["events"])]
        command += ["--connections", str(load["connections"]), "--seconds", str(load.get("timeout", 300)), *(["--http"] if self.http else [])]
        ready()
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RigError(f"{self.name}: peer_send ended with {done.returncode}: {done.stderr[-2000:]}")
        summary = json.loads(done.stdout)
        if not self.http:
            summary["latency_ms"] = None  # a stream has no answers
        return summary

    def batches(self, run):
        key = run.load["batch"], run.build
        if key not in self.kept:
            self.kept[key] = bodies.capture(*reversed(key))
        return self.kept[key]

    def start(self, port, folder, run):
        self.folder, self.port, self.seen_at, self.seen = folder, port, 0.0, 0
        super().start(port, folder, run)

    def arrived(self):
        """Of a peer that waits: count(), looked at every POLL_SECONDS at most. The others have answered, which is all there is."""
        if not self.waits:
            return None
        if time.monotonic() - self.seen_at >= POLL_SECONDS:
            self.seen, self.seen_at = self.count(), time.monotonic()
        return self.seen

    def check(self, run):
        """What it has answered for, it has. Not measured."""
        wait_until(lambda: self.count() == run.load["events"], 30, f"{self.name} having all {run.load['events']} events by its own count", 0.2)

    def count(self):
        """Events that it has taken and brought where it promises to bring them, by what has come there. A peer whose far side counts nothing
        has its own."""
        return min(side.count() for side in self.far)

    def stop(self):
        super().stop()
        for side in self.far:
            side.close()
        self.far = ()

    def new_admin(self):
        """A free port for its own pages."""
        from harness import free_port  # tests/support, which rounds.py made known

        self.admin = free_port()
        return self.admin

    def page(self, port, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as reply:
            return reply.read().decode()

    def write_config(self, folder, template, /, **values):
        path = pathlib.Path(folder) / pathlib.Path(template).name
        path.write_text(render(template, values))
        return path
