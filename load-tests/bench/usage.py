"""What processes have used so far, from /proc: CPU by process and thread, peak memory, bytes written; and flushes of a disk.

A process tree is its roots and all their descendants. What a descendant that has ended and was waited for has used counts at its parent.
"""

import contextlib
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "support"))

import proc  # noqa: E402

TICK_S = 1 / os.sysconf("SC_CLK_TCK")

def stat_of(pid):
    return proc.stat_fields(pathlib.Path(f"/proc/{pid}/stat").read_text())


def tree(roots):
    """The roots that live, with their descendants."""
    parents = {}
    for pid in proc.processes():
        with contextlib.suppress(*proc.GONE):
            parents[pid] = int(stat_of(pid)[1][1])
    found = {pid for pid in roots if pid in parents}
    grew = True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in found and pid not in found}
        found |= more
        grew = bool(more)
    return sorted(found)


def thread_seconds(pid):
    """{thread name: CPU seconds}; threads of one name are added."""
    seconds = {}
    stats, used = proc.of_tasks(pid, "stat"), proc.of_tasks(pid, "schedstat")
    for task in stats.keys() & used.keys():
        name = proc.stat_fields(stats[task])[0]
        seconds[name] = seconds.get(name, 0.0) + int(used[task].split()[0]) / 1e9
    return seconds


def lines_of(path):
    return dict(line.split(":", 1) for line in pathlib.Path(path).read_text().splitlines())


def process_usage(pid):
    name, fields = stat_of(pid)
    status = lines_of(f"/proc/{pid}/status")
    return {
        "name": name,
        "user": (int(fields[11]) + int(fields[13])) * TICK_S,  # its own, and of children it has waited for
        "system": (int(fields[12]) + int(fields[14])) * TICK_S,
        "threads": thread_seconds(pid),
        "rss_peak_bytes": int(status.get("VmHWM", "0").split()[0]) * 1024,
        "written_bytes": int(lines_of(f"/proc/{pid}/io").get("write_bytes", 0)),
    }


def look(roots):
    """{pid: usage} of the roots and their descendants."""
    seen = {}
    for pid in tree(roots):
        with contextlib.suppress(*proc.GONE):
            seen[pid] = process_usage(pid)
    return seen


def forget_peaks(roots):
    """Peak memory counts from now on, where the kernel lets us."""
    for pid in tree(roots):
        with contextlib.suppress(OSError):
            pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


def difference(before, after):
    """What was used between two looks: {"user", "system", "processes": [{"name", "count", "user", "system", "threads": {name: s}}],
    "rss_peak_bytes", "written_bytes"}. Processes of one name are one entry."""
    entries, peak, written = {}, 0, 0
    for pid, now in after.items():
        then = before.get(pid, {"user": 0, "system": 0, "threads": {}, "written_bytes": 0})
        entry = entries.setdefault(now["name"], {"name": now["name"], "count": 0, "user": 0.0, "system": 0.0, "threads": {}})
        entry["count"] += 1
        for mode in ("user", "system"):
            entry[mode] += now[mode] - then[mode]
        for thread, seconds in now["threads"].items():
            entry["threads"][thread] = entry["threads"].get(thread, 0.0) + max(0.0, seconds - then["threads"].get(thread, 0.0))
        peak += now["rss_peak_bytes"]
        written += now["written_bytes"] - then["written_bytes"]
    for entry in entries.values():  # ticks are rounded down, 10 ms at most for each mode; threads are exact, but only those that live
        entry["user"] += max(0.0, sum(entry["threads"].values()) - entry["user"] - entry["system"])
    processes = sorted(entries.values(), key=lambda entry: -(entry["user"] + entry["system"]))
    return {
        "user": sum(entry["user"] for entry in processes),
        "system": sum(entry["system"] for entry in processes),
        "processes": processes,
        "rss_peak_bytes": peak,
        "written_bytes": written,
    }


def disk_flushes(folder):
    """Flush requests that the disk below the folder has done so far, of all programs; None: the kernel does not say."""
    device = os.stat(folder).st_dev
    path = pathlib.Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
    try:
        return int(path.read_text().split()[15])
    except (OSError, IndexError, ValueError):
        return None
