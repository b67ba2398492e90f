"""syslog-ng: TCP syslog in; nothing, a line sink behind a queue on disk, and Kafka out."""

import subprocess

from ..far_side import LineSink, Topic
from ..peer import Peer

NULL = '    file("/dev/null" template("${MESSAGE}\\n") flush-lines(1000));'
DISK = """    network("127.0.0.1" port(@port@) transport("tcp") template("${MESSAGE}\\n") flush-lines(1000) time-reopen(1)
        disk-buffer(reliable(yes) disk-buf-size(17179869184) mem-buf-size(134217728) dir("@folder@")));"""
KAFKA = """    kafka-c(bootstrap-servers("@bootstrap@") topic("@topic@") message("${MESSAGE}") workers(2)
        config(acks("all") compression.codec("lz4") linger.ms("50") queue.buffering.max.messages("500000")));"""
INPUT = "syslog() over TCP, octet counting, flow control, threads; the JSON stays one text"


class SyslogNg(Peer):
    program, package = "syslog-ng", "syslog-ng"
    form, http, coded, waits = "syslog", False, False, True
    scenarios = ("accept",)

    def command(self, port, folder, run):
        connections = run.load["connections"]
        values = {"port": port, "connections": connections + 8, "window": (connections + 8) * 1000, "destination": self.destination(folder, run)}
        config = self.write_config(folder, "syslog-ng/syslog-ng.conf", **values)
        own = [f"--{option}={folder}/{name}" for option, name in (("persist-file", "persist"), ("pidfile", "pid"), ("control", "control"))]
        root = self.root()
        modules = [f"--module-path={next(root.glob('usr/lib/syslog-ng/*.*/'))}"] if root else []
        return [self.path(), "-F", "--no-caps", "--stderr", f"--cfgfile={config}", *modules, *own]

    def destination(self, folder, run):
        raise NotImplementedError

    def statistics(self):
        tool = self.path().replace("sbin/syslog-ng", "sbin/syslog-ng-ctl")
        done = subprocess.run([tool, f"--control={self.folder}/control", "stats"], capture_output=True, text=True, env=self.environment())
        return done.stdout


def written(statistics):
    """Messages that the destinations have written, of `syslog-ng-ctl stats`: SourceName;SourceId;SourceInstance;State;Type;Number."""
    rows = (line.split(";") for line in statistics.splitlines())
    return sum(int(row[5]) for row in rows if len(row) == 6 and row[0].startswith("dst.") and row[4] == "written")


class Memory(SyslogNg):
    name = "syslog-ng, memory"
    durability = "none: queue in memory, and syslog has no answers"
    settings = f"{INPUT}; written to /dev/null"

    def destination(self, folder, run):
        return NULL

    def count(self):
        return written(self.statistics())


class Disk(SyslogNg):
    name = "syslog-ng, disk buffer"
    durability = "in the page cache: disk-buffer(reliable(yes)) without sync, and syslog has no answers"
    settings = f"{INPUT}; a disk buffer, then TCP lines to a sink that counts them"

    def destination(self, folder, run):
        self.far = [LineSink()]
        return DISK.replace("@port@", str(self.far[0].port)).replace("@folder@", str(folder))


class Kafka(SyslogNg):
    name = "syslog-ng, socket to Kafka"
    durability = "none until Kafka has it: queue in memory; acks=all, at least once"
    settings = f"{INPUT}; kafka-c with 2 workers, lz4, linger 50 ms; the value is the event's JSON, no key, no headers"
    scenarios = ("kafka",)

    def destination(self, folder, run):
        self.far = [Topic(run.services.bootstrap, f"peer-{run.services.fresh()}")]
        return KAFKA.replace("@bootstrap@", run.services.bootstrap).replace("@topic@", self.far[0].name)
