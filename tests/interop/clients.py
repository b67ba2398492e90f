"""The clients: how each is set up and run. docs/clients.md has a row for each."""

import pathlib
import subprocess
from typing import Callable, NamedTuple

import fetched

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 120  # for all batches of one client


class Client(NamedTuple):
    name: str
    version: str  # what docs/clients.md says of it
    route: str
    command: Callable[[], list]  # words before URL LEDGER [CA CERTIFICATE KEY]; fetches what it needs
    environment: Callable[[], dict] = dict


def pinned(package):
    """Version of a Python package in the requirements."""
    lines = (fetched.ROOT / "tests" / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)[package]


def shell(name):
    return Client(name, "Debian", "/v1/events", lambda: [fetched.tool("bash", "bash"), HERE / "shell" / "post.sh", name])


def python(name, package, route):
    return Client(
        name, pinned(package), route, lambda: [fetched.PYTHON, HERE / "python" / "post.py", name],
        lambda: {"PYTHONPATH": str(fetched.python_packages())},
    )


CLIENTS = [
    shell("curl"),
    shell("wget"),
    python("requests", "requests", "/v1/events"),
    python("httpx", "httpx", "/v1/events"),
    python("aiohttp", "aiohttp", "/v1/events"),
]


def run(client, url, ledger, *tls):
    """{marker: `ok` or what the client said instead}"""
    command = [*client.command(), url, ledger, *tls]
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=SECONDS,
        env={**fetched.os.environ, **client.environment()},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(line.split(" ", 1) for line in done.stdout.splitlines()), done.stderr
