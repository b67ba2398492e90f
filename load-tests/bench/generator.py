"""Runs the generator `fleet` against a contender and returns its summary."""

import json
import os
import resource
import signal
import subprocess

from rig import RigError


def command(build, url, load, words=()):
    found = [str(build / "fleet"), "--url", url, "--json", "--prebuilt", str(load.get("prebuilt", "all"))]
    for name in ("events", "batch", "connections", "vehicles", "encoding", "rate", "ack", "seed", "time"):
        if load.get(name):
            found += ["--" + name, str(load[name])]
    return [*found, "--retry-for", str(load.get("timeout", 300)), *words, *load.get("fleet", ())]


def run(build, url, load, words=()):
    """The summary, with "cpu_seconds": what the generator itself used in all, making the batches included. RigError when not every event
    was acknowledged."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command(build, url, load, words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = process.communicate()
    except BaseException:
        os.kill(process.pid, signal.SIGTERM)
        process.wait()
        raise
    if process.returncode != 0:
        raise RigError(f"fleet ended with {process.returncode}, not every event was acknowledged:\n{err[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = json.loads(out)
    summary.setdefault("cpu_seconds", after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return summary
