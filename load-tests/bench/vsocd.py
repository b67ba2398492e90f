"""vsocd itself as a contender, with or without sinks."""

import pathlib

import machine
from rig import Server

from .contender import Served


class Vsocd(Served):
    """name: "vsocd", or another for a second one (a base build). build: its folder; None: that of the run."""

    role = "us"
    durability = "each batch is in the spool and synced (fdatasync) before its answer; sinks exactly once"
    scenarios = ("accept", "accept-tls", "one-event", "half-load", "kafka", "postgres", "end-to-end", "growth")

    def __init__(self, name="vsocd", sinks=(), settings=(), build=None):
        self.name, self.sinks, self.extra, self.build = name, tuple(sinks), list(settings), build
        self.settings = "defaults" + (f", sinks {' and '.join(sinks)}" if sinks else ", no sinks") + "".join(f", {word}" for word in settings)
        self.server = None

    def version(self):
        return machine.first_line(str(self.build / "vsocd"), "version").removeprefix("vsocd ") if self.build else ""

    def start(self, port, folder, run):
        """The port is the server's own choice."""
        build = pathlib.Path(self.build or run.build)
        self.server = Server(build, folder, self.sinks, [*self.extra, *run.settings])
        services = run.services
        instance = services.fresh() if services else "load-test"
        self.server.write_config(services.dsn if services else "", services.bootstrap if services else "", instance)
        self.server.start()

    def url(self):
        return self.server.url

    def pids(self):
        return [self.server.process.pid]

    def arrived(self):
        """The fewest events that one of the sinks has."""
        if not self.sinks:
            return None
        known = self.server.metrics()
        return int(min(sum(v for (n, label), v in known.items() if n == "vsocd_sink_events_total" and f'sink="{sink}"' in label) for sink in self.sinks))

    def syncs(self):
        return int(self.server.total("vsocd_spool_commit_seconds_count"))

    def stop(self):
        if self.server is not None:
            self.server.stop()
            self.server = None
