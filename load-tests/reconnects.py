"""Scenario `reconnects`: what a TLS handshake with a client certificate costs the server, full and resumed, beside OpenSSL's own server."""

import socket
import statistics
import subprocess

import machine
from bench import results, rounds
from bench.contender import Served, wait_for_port
from bench.rounds import Meter, Run
from bench.tls import Material
from bench.vsocd import Vsocd
from rig import Rig, RigError

QUESTION = "What does a reconnect with a client certificate cost the server? An event is a connection: handshake, one small request, end."
REQUEST = b"GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Bare(Served):
    """`openssl s_server`: the library's figure without a server around it."""

    name, role = "openssl s_server", "floor"
    durability = "none: it keeps nothing"
    settings = "client certificate required, session tickets as by default, one connection after the other"
    scenarios = ("reconnects",)
    process = None

    def start(self, port, folder, run):
        self.port, self.material = port, Material(folder / "tls")
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", self.material.certificate, "-key", self.material.key]
        command += ["-CAfile", str(self.material.authority.ca_path), "-Verify", "2", "-verify_return_error", "-www", "-quiet"]
        with open(folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for_port(port, self.process, folder / "log")

    def address(self):
        return "127.0.0.1", self.port

    def pids(self):
        return [self.process.pid]

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def one_connection(address, context, session):
    """(session for the next one, whether this one was resumed)"""
    plain = socket.create_connection(address, 20)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else the request waits for a delayed acknowledgement
    with plain, context.wrap_socket(plain, server_hostname="localhost", session=session) as link:
        link.sendall(REQUEST)
        try:
            while link.recv(65536):
                pass
        except OSError:
            pass  # it has closed without a word; what counts has been said
        return link.session, link.session_reused


def reconnect(contender, run, folder):
    """Driver: so many connections, each after the one before has ended."""
    host_port = contender.address() if isinstance(contender, Bare) else ("127.0.0.1", int(contender.url().rpartition(":")[2]))
    context, session, resumed = contender.material.context(), None, 0
    session, _ = one_connection(host_port, context, None)
    meter = Meter(contender, run, folder)
    meter.begin()
    for _ in range(run.load["events"]):  # each begins with the newest ticket, as a client's cache does
        session, again = one_connection(host_port, context, session if run.load["resume"] else None)
        resumed += again
    found = meter.end(run.load["events"])
    wanted = run.load["events"] if run.load["resume"] else 0
    if resumed != wanted:  # else a mixture would be shown as one of both
        raise RigError(f"{contender.name}: {resumed} of {run.load['events']} connections were resumed, not {wanted} (of vsocd: tls.resumption)")
    return {**found, "resumed": resumed}


def handshakes_table(records):
    """What a second of the server's CPU does, medians of the rounds; a connection's small request is part of it."""
    rates = {}
    for record in records:
        cpu = record["cpu"]["user"] + record["cpu"]["system"]
        rates.setdefault(record["contender"], {}).setdefault(record["point"]["handshake"], []).append(record["events"] / cpu if cpu else None)
    lines = ["| contender | full handshakes a CPU-second | resumed | resumed / full |", "| --- | ---: | ---: | ---: |"]
    for name, found in rates.items():
        full, resumed = (middle(found.get(kind, [])) for kind in ("full", "resumed"))
        times = f"{resumed / full:.2f}" if full and resumed else "–"
        lines.append(f"| {name} | {number(full)} | {number(resumed)} | {times} |")
    return "\n".join(lines)


def middle(values):
    """None where a run was too short for the clock of CPU time (10 ms)."""
    return statistics.median(values) if values and None not in values else None


def number(value):
    return f"{value:,.0f}" if value else "–"


def measure(options):
    build, records = options.build.resolve(), []
    limits = ["limits.handshakes_per_second=0", *options.set]
    contenders = [Vsocd(build=build, tls=True), Bare()]
    with Rig((), options.keep) as rig:
        facts = machine.facts(build, rig.folder)
    for turn in range(1, options.rounds + 1):
        for resume in (False, True):
            run = Run(build, {"events": options.handshakes, "resume": resume}, settings=limits)
            found = rounds.alternate("reconnects", contenders, run, 1, reconnect, {"handshake": "resumed" if resume else "full"})
            records += [{**record, "round": turn} for record in found]
    doc = results.document("reconnects", QUESTION, {"handshakes": options.handshakes}, contenders, records, "openssl s_server", facts, options.command)
    doc["notes"].append(handshakes_table(records))
    return doc


def run(options):
    return results.finish(measure(options), options.write)
