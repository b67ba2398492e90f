"""vsocd itself as a contender, with or without sinks."""

import pathlib
import shutil
import time

import machine
from rig import Server

from . import generator, tls
from .contender import Served


class Vsocd(Served):
    """name: "vsocd", or another for a second one (a base build). build: its folder; None: that of the run."""

    role = "us"
    durability = "each batch is in the spool and synced (fdatasync) before its answer; sinks exactly once"
    scenarios = ("accept", "accept-tls", "one-event", "half-load", "kafka", "postgres", "end-to-end", "growth")

    def __init__(self, name="vsocd", sinks=(), settings=(), build=None, tls=False):
        self.name, self.sinks, self.extra, self.build, self.tls = name, tuple(sinks), list(settings), build, tls
        self.settings = "defaults" + (f", sinks {' and '.join(sinks)}" if sinks else ", no sinks") + "".join(f", {word}" for word in settings)
        self.settings += ", TLS with client certificates" if tls else ""
        self.server = self.material = None

    def version(self):
        return machine.first_line(str(self.build / "vsocd"), "version").removeprefix("vsocd ") if self.build else ""

    def start(self, port, folder, run):
        """The port is the server's own choice. load["spool"]: it begins with a spool of all events."""
        build = pathlib.Path(self.build or run.build)
        if run.load.get("spool"):
            self._copy_spool(build, folder, run)
        services = run.services
        instance = services.fresh() if services else "load-test"
        self._server(build, folder, self.sinks, run, instance)

    def _server(self, build, folder, sinks, run, instance):
        services = run.services
        own = [f"sinks.kafka.topics.progress=progress.{instance}"] if "kafka" in sinks else []  # a copied spool is known there
        if self.tls:
            self.material = tls.Material(folder / "tls")
            self.fleet_options, own = self.material.words, [*own, *self.material.settings]
        self.server = Server(build, folder, sinks, [*self.extra, *own, *run.settings])
        self.server.write_config(services.dsn if services else "", services.bootstrap if services else "", instance)
        self.server.start()

    def _copy_spool(self, build, folder, run):
        """The spool is filled once for all rounds, by the same program without sinks."""
        filled = run.store / self.name
        if not filled.exists():
            filled.mkdir()
            try:
                self._server(build, filled, (), run, "load-test")
                generator.run(run.build, self.server.url, run.load)
            except BaseException:
                shutil.rmtree(filled, ignore_errors=True)
                raise
            finally:
                self.stop()
        shutil.copytree(filled / "data", folder / "data")
        shutil.copy(filled / "vin.keys", folder / "vin.keys")

    def url(self):
        return self.server.url.replace("http:", "https:") if self.tls else self.server.url

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

    def log_near(self, outliers, limit=50):
        seconds = {time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(one["unix_ms"] / 1000 + off)) for one in outliers for off in (-1, 0, 1)}
        lines = self.server.log.read_text(errors="replace").splitlines()
        return [line for line in lines if any(second in line for second in seconds)][:limit]

    def stop(self):
        if self.server is not None:
            self.server.stop()
            self.server = None
