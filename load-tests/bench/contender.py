"""Who takes part in a measured run. A new one is a class here or in a file of its own, and a line in registry.py.

Two kinds: `Served` answers the generator's posts (vsocd, peers). `Program` does one fixed piece of work and ends (floors). Both say their
declared durability and their settings in words, because a figure without them compares nothing.
"""

import json
import os
import pathlib
import shutil
import subprocess

from rig import RigError

from . import generator


class Contender:
    """name: short, stands in tables and file names. role: us, peer or floor. durability: what is sure when an answer (or the end) has come.
    settings: what was set, and why that is fair. scenarios: the names of those it takes part in."""

    name = role = durability = settings = ""
    scenarios = ()
    events_most = None  # a very slow one gets fewer events than the others

    def available(self):
        """None when it can run here, else why not (a sentence)."""
        return None

    def version(self):
        return ""

    def about(self):
        return {
            "name": self.name,
            "role": self.role,
            "version": self.version() if self.available() is None else "",
            "durability": self.durability,
            "settings": self.settings,
            "unavailable": self.available(),
        }


class Served(Contender):
    """Started fresh for each round, in an empty folder; the scenario posts to it. start() returns when it answers, stop() when all its
    processes are gone, also after a failed start()."""

    fleet_options = ()  # further words for the generator: ("--no-report",), ("--format", "json")

    def start(self, port, folder, run):
        """port: of 127.0.0.1, free. folder: empty, on the measured disk. run: the Run (rounds.py): load, services, build."""
        raise NotImplementedError

    def url(self):
        """Where batches are posted."""
        raise NotImplementedError

    def send(self, run, *ready):
        """Posts run.load and returns the summary of the generator. A contender whose protocol `fleet` does not speak has its own. ready:
        as of generator.run."""
        return generator.run(run.build, self.url(), run.load, self.fleet_options, *ready)

    def pids(self):
        """Roots of its processes; descendants are found."""
        raise NotImplementedError

    def arrived(self):
        """Events that its far side has so far (a sink's rows, records, lines). None: the answer is all there is to wait for."""
        return None

    def check(self, run):
        """After the measured part: RigError where it does not have what was posted."""

    def syncs(self):
        """fsync and fdatasync calls so far, where it counts them; None: the disk's flushes are taken."""
        return None

    def log_near(self, outliers):
        """Lines of its log within a second of the outliers, where it writes times that can be compared."""
        return []

    def stop(self):
        raise NotImplementedError


class Daemon(Served):
    """A peer that is one program with a configuration file. A subclass names the program and writes the file."""

    program = ""  # looked for on PATH
    process = None

    def path(self):
        return shutil.which(self.program)

    def available(self):
        return None if self.path() else f"{self.program} is not on PATH"

    def command(self, port, folder, run):
        """Writes its configuration into the folder and returns the command line."""
        raise NotImplementedError

    def environment(self):
        """Of its process; None: that of this one."""
        return None

    def start(self, port, folder, run):
        self.port = port
        with open(folder / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen(self.command(port, folder, run), stdout=log, stderr=log, cwd=folder, env=self.environment())
        wait_for_port(port, self.process, folder / f"{self.name}.log")

    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def pids(self):
        return [self.process.pid]

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def wait_for_port(port, process, log, seconds=60):
    import socket

    from rig import wait_until

    def answers():
        if process.poll() is not None:
            raise RigError(f"{process.args[0]} ended with {process.returncode}: {pathlib.Path(log).read_text(errors='replace')[-2000:]}")
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return True
        except OSError:
            return False

    wait_until(answers, seconds, f"{process.args[0]} listening on port {port}", interval=0.05)


class Program(Contender):
    """A program that does its work, prints one line of JSON on standard output and ends with 0:
    {"events": N, "seconds": wall, "cpu_seconds": own CPU in the measured part}, and where it knows them "user_seconds",
    "system_seconds", "bytes_written", "syncs", "latency_ms": {"p50", "p99", "p99_9", "max"}. What it prepares is not in the figures.
    CPU of the services that it used (a sink's server) is measured by the harness."""

    role = "floor"
    path = None  # of the program

    def __init__(self, path=None):
        if path is not None:
            self.path = pathlib.Path(path)

    def available(self):
        return None if os.access(self.path, os.X_OK) else f"{self.path.name} is not built"

    def words(self, run, folder):
        """Its arguments: run.load has events, batch, connections; run.services has bootstrap and dsn."""
        raise NotImplementedError

    def run_once(self, run, folder):
        command = [str(self.path), *map(str, self.words(run, folder))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=run.load.get("timeout", 600))
        if done.returncode != 0:
            raise RigError(f"{self.name}: {command[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
        try:
            return json.loads(done.stdout.strip().splitlines()[-1])
        except (json.JSONDecodeError, IndexError) as error:
            raise RigError(f"{self.name}: the last line of its output is no JSON object: {done.stdout[-500:]!r}") from error
