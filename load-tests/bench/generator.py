"""Runs the generator `fleet` against a contender and returns its summary."""

import json
import resource
import subprocess

from rig import RigError


def command(build, url, load, words=()):
    found = [str(build / "fleet"), "--url", url, "--json", "--prebuilt", str(load.get("prebuilt", "all"))]
    for name in ("events", "batch", "connections", "vehicles", "encoding", "rate", "ack", "seed", "time", "reuse"):
        if load.get(name):
            found += ["--" + name, str(load[name])]
    return [*found, "--retry-for", str(load.get("timeout", 300)), *words, *load.get("fleet", ())]


def run(build, url, load, words=(), ready=None):
    """The summary, with "cpu_seconds": what the generator itself used in all, making the batches included. ready: called when all batches
    are made and all connections are open, before the first batch is sent. RigError when not every event was acknowledged."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    pipe = subprocess.PIPE
    started = [*command(build, url, load, words), "--hold", *(("--progress",) if load.get("progress") else ())]
    process = subprocess.Popen(started, stdin=pipe, stdout=pipe, stderr=None if load.get("progress") else pipe, text=True)
    try:
        first = process.stdout.readline()
        if first.strip() == "ready":
            if ready:
                ready()
            first = ""
        out, err = process.communicate("go\n" if not first else None)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if process.returncode != 0:
        raise RigError(f"fleet ended with {process.returncode}, not every event was acknowledged:\n{(err or 'see above')[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = json.loads(out)
    summary["cpu_seconds"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return summary
