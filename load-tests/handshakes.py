"""Scenario `handshakes`: what a flood of TLS handshakes costs an established sender, how long a newcomer of another address waits
behind many half-open ones, and what a half-open one holds in memory.

1. An established sender with a client certificate posts one event at a time, in turns without and with a flood of full handshakes
   (`openssl s_time`). The server runs on one processor; sender and flood share the others, and the sender goes first. Where that is
   permitted (root), they run with SCHED_RR, so that what else the machine does counts little.
2. Half-open handshakes are held from a few addresses: resident memory of the server at each count, with and without a first message.
3. The same many are held at default settings: how long does a newcomer of another address wait for its first answer?

Everything ends by itself: counts and seconds are bounds.
"""

import contextlib
import datetime
import os
import pathlib
import resource
import shutil
import socket
import ssl
import statistics
import subprocess
import time

import machine
from bench.figures import quantile
from bench.tls import Material
from rig import Rig, RigError, wait_until

import proc  # isort: skip # the folder is known from here on

BOUND = 1.5
PACE_S = 0.002  # between two batches of the established sender
CROWD_ADDRESSES = 38
MEMORY_STEPS = (0, 500, 1500)
VIN = "1M8GDM9AXKP042788"


def port_of(server):
    return int(server.url.rpartition(":")[2])


def connect(server, context, source="127.0.0.1"):
    link = socket.create_connection(("127.0.0.1", port_of(server)), 60, (source, 0))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(link, server_hostname="localhost")


def post(link, number):
    body = b'{"id":"%d","message":"established","severity":3}\n' % number
    head = "POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-ndjson\r\n" f"Content-Length: {len(body)}\r\n\r\n"
    link.sendall(head.encode() + body)
    reply = b""
    while b"\r\n\r\n" not in reply:
        piece = link.recv(65536)
        if not piece:
            raise RigError("the server closed the connection of the established sender")
        reply += piece
    head, _, rest = reply.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RigError(f"the established sender got {head[:200]!r}")
    size = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    while len(rest) < size:
        rest += link.recv(65536)


def latencies(link, seconds, first):
    """Seconds of each request that was begun within the time."""
    found, end = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        post(link, first + len(found))
        found.append(time.perf_counter() - began)
        time.sleep(PACE_S)
    return found


def first_in_line(pid, priority):
    """Runs before whatever else the machine does, where that is permitted. False: it is not."""
    try:
        for thread in proc.tasks(pid):
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(priority))
    except PermissionError:
        return False
    return True


def behind_the_sender(processors):
    """The flood: on the sender's processors, before others, but never instead of the sender."""
    os.sched_setaffinity(0, processors)
    first_in_line(os.getpid(), 1)


@contextlib.contextmanager
def flood(server, authority, certificate, options, processors):
    """Full handshakes, one after the other in each client; they end by themselves."""
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{port_of(server)}", "-new", "-time", str(int(options.seconds) + 2)]
    command += ["-CAfile", str(authority.ca_path), "-cert", str(certificate[0]), "-key", str(certificate[1])]
    clients = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=lambda: behind_the_sender(processors))
        for _ in range(options.clients)
    ]
    try:
        time.sleep(0.5)
        yield
    finally:
        for client in clients:
            client.kill()
            client.wait()


def measure_flood(server, authority, options, others):
    """Rows (phase, requests, p50 ms, p99 ms, handshakes a second, server CPU share), quiet and flood in turn."""
    sender = authority.vehicle(VIN)
    flooder = authority.vehicle("1G4AH59H45G118341")
    rows, sent = [], 0
    with connect(server, authority.context(sender)) as link:
        sent += len(latencies(link, 1, sent))  # warm
        for _ in range(options.rounds):
            for phase in ("quiet", "flood"):
                crowd = flood(server, authority, flooder, options, others) if phase == "flood" else contextlib.nullcontext()
                with crowd:
                    before, cpu, began = server.total("vsocd_tls_handshakes_total"), server.cpu_seconds(), time.monotonic()
                    found = latencies(link, options.seconds, sent)
                    took = time.monotonic() - began
                    rate = (server.total("vsocd_tls_handshakes_total") - before) / took
                    share = (server.cpu_seconds() - cpu) / took
                sent += len(found)
                rows.append((phase, len(found), quantile(found, 0.5) * 1e3, quantile(found, 0.99) * 1e3, rate, share, found))
    return rows


HELLO_PART = bytes.fromhex("160301020001")


def client_hello(context):
    """The first message of a handshake: the server answers it with its whole flight and waits."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def hold(stack, server, count, first_bytes):
    for n in range(count):
        link = socket.create_connection(("127.0.0.1", port_of(server)), 30, (f"127.0.1.{1 + n % CROWD_ADDRESSES}", 0))
        stack.enter_context(link)
        if first_bytes:
            link.sendall(first_bytes)


def memory_of(rig, build, name, settings, first_bytes, metric):
    """KiB for each connection that has sent so much: by the differences of resident memory."""
    limits = ["limits.handshakes=0", "limits.handshakes_waiting=10000", "limits.handshakes_per_second=0", "timeouts.handshake=120s"]
    server = rig.server(build, name, (), settings + limits)
    held, resident = 0, []
    with contextlib.ExitStack() as stack:
        for count in MEMORY_STEPS:
            hold(stack, server, count - held, first_bytes)
            held = count
            wait_until(lambda: server.total(metric) == count, 60, f"{count} connections being half-open")
            time.sleep(0.3)
            resident.append(server.figures()["resident"])
    server.stop()
    return resident


def newcomer(rig, build, settings, context, alone, options):
    """Seconds until the first answer, alone and behind half-open ones that have sent nothing, or a whole first message."""
    waits = []
    for name, first_bytes in (("alone", None), ("silent", b""), ("hello", client_hello(context))):
        server = rig.server(build, f"newcomer-{name}", (), settings)
        if alone:
            first_in_line(server.process.pid, 2)
        with contextlib.ExitStack() as stack:
            if first_bytes is not None:
                hold(stack, server, options.half_open, first_bytes)
            began = time.perf_counter()
            with connect(server, context) as link:
                post(link, 1)
            waits.append((name, time.perf_counter() - began, server.total("vsocd_tls_handshakes_total", 'result="shed"')))
        server.stop()
    return waits


def report(rows, memory, waits, alone, options, facts):
    """Text, and p99 in the flood as times of quiet."""
    pooled = {phase: [value for row in rows if row[0] == phase for value in row[6]] for phase in ("quiet", "flood")}
    p99 = {phase: statistics.median(row[3] for row in rows if row[0] == phase) for phase in pooled}
    factor = p99["flood"] / p99["quiet"]
    pair = [flooded[3] / quiet[3] for quiet, flooded in zip(rows[::2], rows[1::2])]
    lines = [
        f"# handshakes, {datetime.date.today().isoformat()}\n",
        f"The server runs on one processor, the sender and the {options.clients} clients of the flood on the others. "
        + ("They go before all else (SCHED_RR), the sender before the flood, so that the figures are the server's" if alone else "All have one priority")
        + f"; the disk is shared. Load average {os.getloadavg()[0]:.1f}.\n",
        "| round | | requests | p50 ms | p99 ms | handshakes/s | CPU of the server |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
        *(f"| {n // 2 + 1} | {r[0]} | {r[1]} | {r[2]:.2f} | {r[3]:.2f} | {r[4]:.0f} | {r[5]:.2f} |" for n, r in enumerate(rows)),
        "",
        f"- p99 of an established sender: median of the rounds quiet {p99['quiet']:.2f} ms, in the flood {p99['flood']:.2f} ms: {factor:.2f} times "
        f"(bound {BOUND}); round by round {', '.join(f'{one:.2f}' for one in pair)}",
        *(f"- all rounds, {phase}: p50 {quantile(v, 0.5) * 1e3:.2f} ms, p99 {quantile(v, 0.99) * 1e3:.2f} ms" for phase, v in pooled.items()),
        "",
        "| half-open | " + " | ".join(f"resident MiB at {n}" for n in MEMORY_STEPS) + " | KiB each |",
        "| --- | " + "---: | " * (len(MEMORY_STEPS) + 1),
        *(
            f"| {what} | " + " | ".join(f"{one:.1f}" for one in r) + f" | {(r[-1] - r[0]) * 1024 / MEMORY_STEPS[-1]:.1f} |"
            for what, r in memory
        ),
        "",
        f"Newcomer of another address, {options.half_open} half-open ones of {CROWD_ADDRESSES} addresses, default limits:\n",
        "| half-open ones have sent | first answer after s | half-open ones closed for others |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {seconds:.3f} | {shed:.0f} |" for name, seconds, shed in waits),
        "",
        *(f"- {what}: {value}" for what, value in facts),
    ]
    return "\n".join(lines) + "\n", factor


def run(options):
    processors = os.sched_getaffinity(0)
    if len(processors) < 2 or not shutil.which("openssl"):
        raise RigError("two processors and the openssl program are needed")
    others = processors - {min(processors)}
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 65536, hard))
    build = options.build.resolve()
    with Rig((), options.keep) as rig:
        facts = machine.facts(build, pathlib.Path(rig.folder))
        material = Material(rig.folder / "ca")
        authority, settings = material.authority, [*material.settings, *options.set]
        context = authority.context(authority.vehicle(VIN, file="first"))
        os.sched_setaffinity(0, {min(processors)})  # what is started now stays there
        server = rig.server(build, "server", (), settings)
        os.sched_setaffinity(0, others)
        alone = first_in_line(server.process.pid, 2) and first_in_line(os.getpid(), 2)
        rows = measure_flood(server, authority, options, others)
        server.stop()
        os.sched_setaffinity(0, processors)
        memory = [
            ("not a byte", memory_of(rig, build, "memory-silent", settings, b"", "vsocd_tls_handshakes_waiting")),
            ("a part of the first message", memory_of(rig, build, "memory-part", settings, HELLO_PART, "vsocd_tls_handshakes_in_progress")),
            ("the first message", memory_of(rig, build, "memory-hello", settings, client_hello(context), "vsocd_tls_handshakes_in_progress")),
        ]
        waits = newcomer(rig, build, settings, context, alone, options)
    text, factor = report(rows, memory, waits, alone, options, facts)
    print(text)
    if options.write:
        machine.write_result("handshakes", text)
    if factor > BOUND:
        raise RigError(f"p99 of an established sender is {factor:.2f} times as long in the flood")
