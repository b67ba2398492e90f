"""What a result needs to be read later: the machine and the versions, and where it is kept. No names of hosts or people."""

import datetime
import os
import pathlib
import re
import subprocess
import sys

from rig import ROOT

RESULTS = ROOT / "load-tests" / "results"


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    except FileNotFoundError:
        return "not found"
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if lines else "unknown"


def package(*names):
    """Debian version of the first package that is installed."""
    for name in names:
        version = first_line("dpkg-query", "-W", "-f", "${Version}", name)
        if version[:1].isdigit():
            return version
    return "unknown"


def cpu_model():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", text)
    return model[1] if model else os.uname().machine


def memory_gib():
    total = re.search(r"MemTotal:\s+(\d+) kB", pathlib.Path("/proc/meminfo").read_text())
    return int(total[1]) / 1024 / 1024


def system():
    release = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return release.get("PRETTY_NAME", "Linux").strip('"')


def file_system(path):
    return first_line("stat", "-f", "-c", "%T", str(path))


def facts(build, folder):
    """Rows (what, value)."""
    modified = first_line("git", "status", "--porcelain", "--untracked-files=no")
    return [
        ("CPU", f"{cpu_model()}, {len(os.sched_getaffinity(0))} cores"),
        ("memory", f"{memory_gib():.0f} GiB"),
        ("system", f"{system()}, kernel {os.uname().release.split('-')[0]}, spool on {file_system(folder)}"),
        ("vsocd", first_line(str(build / "vsocd"), "version")),
        ("tree", first_line("git", "rev-parse", "--short", "HEAD") + (" with changes" if modified != "unknown" else "")),
        ("build", build.name),
        ("PostgreSQL", first_line("sh", "-c", "ls /usr/lib/postgresql | sort -n | tail -1")),
        ("librdkafka", package("librdkafka1")),
        ("libevent", package("libevent-2.1-7t64", "libevent-2.1-7")),
        ("isa-l", package("libisal2")),
        ("simdjson", package("libsimdjson25", "libsimdjson14", "libsimdjson-dev")),
    ]


def write_result(name, text):
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.date.today().isoformat()}-{name}.md"
    path.write_text(text)
    print(f"written: {os.path.relpath(path)}", file=sys.stderr)
