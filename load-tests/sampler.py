"""Looks at a server's process and metrics again and again while a load test runs, over restarts of the server too."""

import threading
import time
import urllib.error

from rig import RigError


class Sampler:
    """samples: dicts with seconds, cpu (of all processes so far), resident (MiB), files, threads and the metrics asked for."""

    def __init__(self, server, metrics=(), interval=1.0):
        self.server, self.metrics, self.interval = server, metrics, interval
        self.samples, self.started = [], time.monotonic()
        self.cpu_before, self.cpu_last, self.pid = 0.0, 0.0, None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _run(self):
        while not self.over.is_set():
            self.look()
            self.over.wait(self.interval)

    def look(self):
        """One sample; none while the server is away."""
        pid = self.server.process.pid
        try:
            sample = self.server.figures()
            known = self.server.metrics()
        except (OSError, urllib.error.URLError, KeyError, ValueError, RigError):
            return
        if pid != self.pid:
            self.cpu_before, self.pid = self.cpu_before + self.cpu_last, pid
        self.cpu_last = sample["cpu"]
        sample["cpu"] += self.cpu_before
        sample["seconds"] = time.monotonic() - self.started
        for metric in self.metrics:
            sample[metric] = sum(value for (name, _), value in known.items() if name == metric)
        self.samples.append(sample)


def slope(points):
    """Of the line through (x, y) with the least squares."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
